"""Whether the answers became worse in the middle of a stream, found by adaptive windowing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

CHECK_EVERY: Final = 8
"""Judged answers between two looks."""


@dataclass(frozen=True, slots=True)
class Fall:
    """What was found in the newest part of a stream."""

    is_found: bool
    effect: float
    """The share of right answers before the fall less that from it on; 0 where none was found."""


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
    is_found = False
    for value in newest:
        before = adwin.estimation
        adwin.update(value)
        is_found |= adwin.drift_detected and adwin.estimation < before
    if not is_found:
        return Fall(False, 0.0)
    # what it cut off lies before what it still holds
    old, new = np.split(np.array([*earlier, *newest]), [-int(adwin.width)])
    return Fall(True, max(0.0, float(old.mean() - new.mean())))
