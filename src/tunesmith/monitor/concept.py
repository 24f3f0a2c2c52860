"""Whether the answers became worse in the middle of a stream, found by adaptive windowing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CHECK_EVERY: Final = 8
"""Judged answers between two looks."""


@dataclass(frozen=True, slots=True)
class Fall:
    """What was found in the newest part of a stream."""

    is_found: bool
    effect: float
    """By how much the share of right answers fell, 0 where it did not."""


def fall(earlier: Sequence[float], newest: Sequence[float], level: float) -> Fall:
    """Feed right (1) and wrong (0) answers in the order of time; tell whether they became worse among the newest.

    ADWIN (Bifet and Gavalda 2007, Learning from time-changing data with adaptive windowing) bounds the chance of a
    false finding at each look: `level` is shared by all looks at the newest.
    """
    from river.drift import ADWIN

    looks = max(1, math.ceil(len(newest) / CHECK_EVERY))
    adwin = ADWIN(delta=level / looks, clock=CHECK_EVERY, grace_period=CHECK_EVERY)
    for value in earlier:
        adwin.update(value)
    effect = 0.0
    for value in newest:
        before = adwin.estimation
        adwin.update(value)
        if adwin.drift_detected:
            effect = max(effect, before - adwin.estimation)
    return Fall(effect > 0, effect)
