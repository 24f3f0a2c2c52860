"""The difference of two estimates that were made on different items."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tunesmith.stats.intervals import Interval


@dataclass(frozen=True, slots=True)
class Bounded:
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float


def difference_of_independent(first: Bounded, second: Bounded) -> Interval:
    """The interval of first - second from the intervals of both, at their confidence.

    Each end takes its distance from the nearer ends of the two, which need not be symmetric (Zou and Donner 2008,
    doi:10.1002/sim.3095; for two shares with Wilson's intervals it is Newcombe's method 10).
    """
    difference = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(difference - below, difference + above)
