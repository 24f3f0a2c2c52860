"""Where scores are worse than elsewhere: stretches of items found on one half of them and confirmed on the other.

Shapes: N items. A slice that is searched for and judged on the same items looks worse than it is; here the half that
judges it has no part in the search.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tunesmith.stats.paired import holm

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MAX_CANDIDATES: Final = 10
"""Slices that go from the search to the confirmation: each one more makes the others' p-values larger."""
MIN_ITEMS: Final = 10
"""Fewest items of a slice in each half."""
MAX_OVERLAP: Final = 0.7
"""Of two slices with more of their items in common (Jaccard) only the clearer one is kept."""
ALPHA: Final = 0.05


@dataclass(frozen=True)
class WeakSlice:
    """A slice whose scores are lower than those of the other items; figures are of the confirming half."""

    name: str
    inside_N: Mask
    """The items of both halves that are in it."""
    confirming_N: Mask
    """The items of the confirming half, inside or not."""
    p_value: float
    """One-sided Mann-Whitney test, corrected by Holm for the slices that were confirmed together."""


def weak_slices(
    scores_N: Floats, features: Mapping[str, Mask], *, seed: int, units_N: npt.NDArray[np.int64] | None = None
) -> list[WeakSlice]:
    """Return the slices, each the items with one feature, whose scores (higher is better) are lower, clearest first.

    `units_N` numbers what stays together in a half, such as the group of each item. The search takes, on its half, the
    features with the smallest p-values of a one-sided Mann-Whitney test below ALPHA; Holm's correction (1979) of the
    same test on the other half keeps the chance of naming any slice where there is none at ALPHA or below.
    """
    units_N = np.arange(len(scores_N)) if units_N is None else units_N
    drawn = np.random.default_rng(seed).permutation(int(units_N.max(initial=-1)) + 1)
    searching_N = drawn[units_N] % 2 == 0
    candidates: list[tuple[float, str]] = []
    for name, inside_N in features.items():
        p_value = _p_value(scores_N, inside_N, searching_N)
        if p_value < ALPHA and np.count_nonzero(inside_N & ~searching_N) >= MIN_ITEMS:
            candidates.append((p_value, name))
    chosen: list[str] = []
    for _, name in sorted(candidates):
        if all(_overlap(features[name], features[other]) <= MAX_OVERLAP for other in chosen):
            chosen.append(name)
        if len(chosen) == MAX_CANDIDATES:
            break
    p_values = [_p_value(scores_N, features[name], ~searching_N) for name in chosen]
    found = zip(chosen, holm(p_values), strict=True)
    kept = [WeakSlice(name, features[name], ~searching_N, p_value) for name, p_value in found if p_value <= ALPHA]
    return sorted(kept, key=lambda slice: slice.p_value)


def _p_value(scores_N: Floats, inside_N: Mask, half_N: Mask) -> float:
    """That scores inside are no lower than outside; 1 where either side has too few items."""
    inside, outside = scores_N[inside_N & half_N], scores_N[~inside_N & half_N]
    if min(len(inside), len(outside)) < MIN_ITEMS:
        return 1.0
    from scipy.stats import mannwhitneyu  # brings scipy, which most callers of this package do without

    return float(mannwhitneyu(inside, outside, alternative="less").pvalue)


def _overlap(first_N: Mask, second_N: Mask) -> float:
    return int(np.count_nonzero(first_N & second_N)) / max(1, int(np.count_nonzero(first_N | second_N)))
