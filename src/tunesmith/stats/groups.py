"""Two groups of different items: the difference of their means, its interval and its test.

Shapes: N items of both groups, G units that are drawn as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tunesmith.stats.independent import Bounded, difference_of_independent
from tunesmith.stats.intervals import CONFIDENCE, ROUNDING, Floats, checked, unit_sums, wilson

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GroupDifference:
    """Mean inside - mean outside with its 95 % interval and two-sided p-value."""

    mean: float
    low: float
    high: float
    p_value: float


def independent_difference(
    values_N: npt.ArrayLike, inside_N: Mask, groups: Sequence[object] | None = None
) -> GroupDifference:
    """Compare the items inside with the others.

    Shares of single items: Newcombe's interval from two Wilson intervals (1998, Statistics in Medicine 17:873, method
    10) and Fisher's exact test, which decides whether the interval may exclude 0. Other scores: Welch's t. With
    `groups` (one id an item), whose items may stand on both sides: Student's t on the sandwich error of whole groups.
    Without any spread the p-value is 1, for nothing tells how large chance is. Raises ValueError for an empty side.
    """
    values = checked(values_N)
    inside, outside = values[inside_N], values[~inside_N]
    if not len(inside) or not len(outside):
        raise ValueError("need items on both sides")
    if groups is None and bool(np.isin(values, (0.0, 1.0)).all()):
        return _of_shares(int(inside.sum()), len(inside), int(outside.sum()), len(outside))
    mean = float(inside.mean() - outside.mean())
    if groups is None:
        variances = inside.var(ddof=1) / len(inside), outside.var(ddof=1) / len(outside)
        error = math.sqrt(sum(variances))
        freedom = _welch(variances, (len(inside), len(outside))) if error > ROUNDING else 1.0
    else:
        error, freedom = _sandwich(values, inside_N, groups)
    return _by_student(mean, error, freedom)


def _of_shares(num_first: int, of_first: int, num_second: int, of_second: int) -> GroupDifference:
    from scipy.stats import fisher_exact  # brings scipy, which most callers of this package do without

    first, second = num_first / of_first, num_second / of_second
    one, other = wilson(num_first, of_first), wilson(num_second, of_second)
    found = difference_of_independent(Bounded(first, one.low, one.high), Bounded(second, other.low, other.high))
    p_value = float(fisher_exact([[num_first, of_first - num_first], [num_second, of_second - num_second]]).pvalue)
    # near 0, where the exact test is the stricter one, the interval follows it
    low, high = (found.low, found.high) if p_value <= 1 - CONFIDENCE else (min(found.low, 0.0), max(found.high, 0.0))
    return GroupDifference(first - second, low, high, p_value)


def _welch(variances: tuple[float, float], sizes: tuple[int, int]) -> float:
    """Degrees of freedom (Welch 1947, Satterthwaite 1946) from the variances of the two means."""
    below = sum(variance**2 / (size - 1) for variance, size in zip(variances, sizes, strict=True) if size > 1)
    return float(sum(variances) ** 2 / below)


def _sandwich(values_N: Floats, inside_N: Mask, groups: Sequence[object]) -> tuple[float, float]:
    """The standard error of the difference over whole groups, with its factor G / (G - 1), and G - 1."""
    pull_N = np.where(inside_N, values_N - values_N[inside_N].mean(), values_N[~inside_N].mean() - values_N)
    pull_N = pull_N / np.where(inside_N, inside_N.sum(), (~inside_N).sum())
    sums_G, _ = unit_sums(pull_N, groups)
    freedom = max(1, len(sums_G) - 1)
    return math.sqrt((freedom + 1) / freedom * float((sums_G**2).sum())), float(freedom)


def _by_student(mean: float, error: float, freedom: float) -> GroupDifference:
    from scipy.special import stdtr, stdtrit  # brings scipy, which most callers of this package do without

    if error <= ROUNDING:
        return GroupDifference(mean, min(0.0, mean), max(0.0, mean), 1.0)
    reach = float(stdtrit(freedom, 0.5 + CONFIDENCE / 2)) * error
    return GroupDifference(mean, mean - reach, mean + reach, 2 * float(stdtr(freedom, -abs(mean) / error)))
