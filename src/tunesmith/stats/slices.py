"""Where scores are worse than elsewhere: stretches of items found on one half of them and confirmed on the other.

Shapes: N items. A slice that is searched for and judged on the same items looks worse than it is; here the half that
judges it has no part in the search.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tunesmith.stats.intervals import ROUNDING, Ints
from tunesmith.stats.paired import holm

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MAX_CANDIDATES: Final = 10
"""Slices that go from the search to the confirmation: each one more makes the others' p-values larger."""
MIN_ITEMS: Final = 10
"""Fewest items of a slice in each half, and fewest groups that they are of."""
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
    """One-sided test of ranks, corrected by Holm for the slices that were confirmed together."""


def weak_slices(
    scores_N: Floats, features: Mapping[str, Mask], *, seed: int, units_N: Ints | None = None
) -> list[WeakSlice]:
    """Return the slices, each the items with one feature, whose scores (higher is better) are lower, clearest first.

    `units_N` numbers what stays together in a half, such as the group of each item. The search takes, on its half, the
    features with the smallest p-values of a one-sided Mann-Whitney test below ALPHA, which is of whole units where one
    has several items; Holm's correction (1979) of the same test on the other half keeps the chance of naming any slice
    where there is none at ALPHA or below.
    """
    units_N = np.arange(len(scores_N)) if units_N is None else units_N
    drawn = np.random.default_rng(seed).permutation(int(units_N.max(initial=-1)) + 1)
    searching_N = drawn[units_N] % 2 == 0
    candidates: list[tuple[float, str]] = []
    for name, inside_N in features.items():
        p_value = _p_value(scores_N, inside_N, searching_N, units_N)
        if p_value < ALPHA and len(np.unique(units_N[inside_N & ~searching_N])) >= MIN_ITEMS:
            candidates.append((p_value, name))
    chosen: list[str] = []
    for _, name in sorted(candidates):
        if all(_overlap(features[name], features[other]) <= MAX_OVERLAP for other in chosen):
            chosen.append(name)
        if len(chosen) == MAX_CANDIDATES:
            break
    p_values = [_p_value(scores_N, features[name], ~searching_N, units_N) for name in chosen]
    found = zip(chosen, holm(p_values), strict=True)
    kept = [WeakSlice(name, features[name], ~searching_N, p_value) for name, p_value in found if p_value <= ALPHA]
    return sorted(kept, key=lambda slice: slice.p_value)


def _p_value(scores_N: Floats, inside_N: Mask, half_N: Mask, units_N: Ints) -> float:
    """That scores inside are no lower than outside; 1 where either side has items of too few units."""
    inside, outside = scores_N[inside_N & half_N], scores_N[~inside_N & half_N]
    num_units = min(len(np.unique(units_N[side_N & half_N])) for side_N in (inside_N, ~inside_N))
    if num_units < MIN_ITEMS:
        return 1.0
    from scipy.stats import mannwhitneyu, rankdata  # brings scipy, which most callers of this package do without

    unit_of_H = units_N[half_N]
    if len(np.unique(unit_of_H)) < len(unit_of_H):
        return _of_units(rankdata(scores_N[half_N]), inside_N[half_N], unit_of_H, num_units)
    return float(mannwhitneyu(inside, outside, alternative="less").pvalue)


def _of_units(ranks_N: Floats, inside_N: Mask, units_N: Ints, num_units: int) -> float:
    """Student's t of the mean ranks' difference over its error, which is what whole units add to that difference.

    `num_units` are those of the side that has fewer: they bound what is known of the error.
    """
    from scipy.special import stdtr

    means = ranks_N[inside_N].mean(), ranks_N[~inside_N].mean()
    pull_N = np.where(inside_N, (ranks_N - means[0]) / inside_N.sum(), (means[1] - ranks_N) / (~inside_N).sum())
    error = math.sqrt(num_units / (num_units - 1) * float((np.bincount(units_N, weights=pull_N) ** 2).sum()))
    return float(stdtr(num_units - 1, (means[0] - means[1]) / error)) if error > ROUNDING else 1.0


def _overlap(first_N: Mask, second_N: Mask) -> float:
    return int(np.count_nonzero(first_N & second_N)) / max(1, int(np.count_nonzero(first_N | second_N)))
