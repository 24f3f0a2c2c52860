"""What a learning curve says: gather more rows, try another method, or stop here.

All sizes are judged on the same items, so gains are paired differences with 95 % intervals over items. The rule:

1. Doubling the rows to all of them still helped (the interval of all - half lies above 0): more rows.
2. Otherwise, all rows do not beat the base, or a baseline beats them: another method.
3. Otherwise, the last doubling brought less than MAX_GAIN even at the upper end of its interval: enough.
4. Otherwise the items are too few to tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tunesmith.stats.paired import PairedDifference, paired_difference

SHARES: Final = (8, 4, 2)
"""Parts of the rows that are trained on beside all of them: an eighth, a quarter, a half."""
MAX_GAIN: Final = 0.02
"""Largest gain, in the unit of a score between 0 and 1, that counts as none."""

Word = Literal["more-rows", "another-method", "enough", "unclear"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Point:
    """One size: its rows, its mean score, and the paired gain over the size before."""

    num_rows: int
    mean: float
    gain: PairedDifference | None


@dataclass(frozen=True, slots=True)
class Curve:
    """The points by size, and what to do. `against` is the arm that `another-method` is said because of."""

    points: tuple[Point, ...]
    word: Word
    against: str | None


def read_curve(
    values: Mapping[int, Floats],
    others: Mapping[str, Floats],
    groups: Sequence[object] | None,
    seed: int,
) -> Curve:
    """Judge the scores of each item (higher is better) by number of rows; `others` are base and baselines, by arm."""
    sizes = sorted(values)
    gains = [paired_difference(values[small], values[large], groups, seed=seed) for small, large in pairwise(sizes)]
    points = tuple(
        Point(size, float(values[size].mean()), gain) for size, gain in zip(sizes, [None, *gains], strict=True)
    )
    everything, last = values[sizes[-1]], gains[-1]
    if last.low > 0:
        return Curve(points, "more-rows", None)
    for arm, scores in others.items():
        gain = paired_difference(scores, everything, groups, seed=seed)
        if gain.low <= 0 if arm == "base" else gain.high < 0:
            return Curve(points, "another-method", arm)
    return Curve(points, "enough" if last.high <= MAX_GAIN else "unclear", None)
