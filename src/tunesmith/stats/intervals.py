"""Intervals for one score.

Shapes: N items, G units that are drawn as a whole (groups, or the items themselves), R resamples. A group is whatever
makes items depend on each other: one document, one user, one situation, the repeated samples of one prompt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NORMAL = NormalDist()
CONFIDENCE: Final = 0.95
NUM_RESAMPLES: Final = 4_999
NUM_RESAMPLES_OF_ANY: Final = 999
_CELLS_AT_ONCE: Final = 4_000_000
# Scores are of the order of 1; what differs by less differs by rounding.
ROUNDING: Final = 1e-12
SURE_ITEMS: Final = 100
MEASURED_COVERAGE: Final = {5: 0.89, 10: 0.93, 20: 0.93, 50: 0.94}
"""Of bootstrap intervals that are meant to hold the truth in 95 % of evaluations, by the fewest items: the lower of a
mean's and a difference's, measured by `python -m benchmarks.run statistics`; from `SURE_ITEMS` on they do."""
# the tail beyond is finer than any number of resamples
_SUREST: Final = 1 - 1e-9


@dataclass(frozen=True)
class Interval:
    """The two ends of a confidence interval, in the unit of the score."""

    low: float
    high: float

    @property
    def has_width(self) -> bool:
        """Whether it tells anything: where all resamples are alike, drawing them did not."""
        return self.high - self.low > ROUNDING * max(1.0, abs(self.low))


def wilson(successes: float, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the score interval for a share (Wilson 1927, no continuity correction): honest at 0 % and 100 % too.

    `successes` need not be whole: of whole groups, each counts by its share.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"need 0 <= successes <= n and n > 0, got {successes} of {n}")
    z = quantile(0.5 + confidence / 2)
    share = successes / n
    centre = share + z * z / (2 * n)
    half_width = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # Exact ends where rounding would leave 1e-17.
    low = 0.0 if successes == 0 else (centre - half_width) / scale
    high = 1.0 if successes == n else (centre + half_width) / scale
    return Interval(low, high)


def bootstrap_bca(
    values_N: npt.ArrayLike,
    *,
    seed: int,
    groups: Sequence[object] | None = None,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Return the bias-corrected and accelerated bootstrap interval for the mean of `values_N` (Efron 1987).

    With `groups` (one id per item) whole groups are drawn. Where all units have the same mean there is nothing to
    resample, and the interval has width 0. On few units it holds the truth less often than meant, in spite of
    `expanded` (`measured_coverage`).
    Raises ValueError for no items, values that are not finite, or unequal lengths.
    """
    values = checked(values_N)
    sums_G, sizes_G = unit_sums(values, groups)
    return bca_of_mean(sums_G, sizes_G, seed, num_resamples, expanded(confidence, len(sums_G)))


def bootstrap_bca_of(
    statistic: Callable[[Ints], float],
    num_items: int,
    *,
    seed: int,
    groups: Sequence[object] | None = None,
    num_resamples: int = NUM_RESAMPLES_OF_ANY,
    confidence: float = CONFIDENCE,
) -> Interval:
    """Return the BCa interval for any statistic of the items, such as macro-F1 or BLEU.

    `statistic` takes an array of item numbers, in which an item may occur several times or not at all, and returns the
    figure for those items. It is called `num_resamples` + G + 1 times.
    """
    if num_items < 1:
        raise ValueError("a bootstrap needs at least one item")
    unit_of_N = unit_numbers(groups, num_items)
    members = np.split(np.argsort(unit_of_N, kind="stable"), np.cumsum(np.bincount(unit_of_N))[:-1])
    draws = (draw_G for block in unit_draws(len(members), seed, num_resamples) for draw_G in block.astype(np.int64))
    observed = statistic(np.arange(num_items))
    if len(members) == 1:
        return Interval(observed, observed)
    if groups is None:
        resampled_R = np.array([statistic(draw_G) for draw_G in draws])
    else:
        resampled_R = np.array([statistic(np.concatenate([members[unit] for unit in draw_G])) for draw_G in draws])
    left_out_G = np.array([statistic(np.flatnonzero(unit_of_N != unit)) for unit in range(len(members))])
    return bca(observed, resampled_R, left_out_G, expanded(confidence, len(members)))


def expanded(confidence: float, num_units: int) -> float:
    """Return the confidence to ask a bootstrap for, so that it holds what is meant on few units.

    A bootstrap takes the spread of its units for that of all, which is sqrt(n / (n - 1)) larger on average, and the
    normal's tails for those of Student's t: 95 % become 98.3 % at 10 units, 95.8 % at 50 (Hesterberg 2015,
    doi:10.1080/00031305.2015.1089789).
    """
    from scipy.special import stdtrit  # brings scipy, which most callers of this package do without

    num = max(2, num_units)
    z = math.sqrt(num / (num - 1)) * float(stdtrit(num - 1, 0.5 + confidence / 2))
    return min(_SUREST, 2 * _NORMAL.cdf(z) - 1)


def measured_coverage(num_items: int) -> float | None:
    """Return how often a bootstrap interval on so many items holds the truth; None where it is as often as meant."""
    if num_items >= SURE_ITEMS:
        return None
    least = min(MEASURED_COVERAGE)
    return next(share for n, share in reversed(MEASURED_COVERAGE.items()) if n <= max(num_items, least))


def quantile(probability: float) -> float:
    return _NORMAL.inv_cdf(probability)


def checked(values_N: npt.ArrayLike) -> Floats:
    values = np.asarray(values_N, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError("scores must be a flat, non-empty list of finite numbers")
    return values


def unit_numbers(groups: Sequence[object] | None, num_items: int) -> Ints:
    """Return (N,) the number of each item's unit, in order of first appearance."""
    if groups is None:
        return np.arange(num_items)
    if len(groups) != num_items:
        raise ValueError(f"need one group per item, got {len(groups)} for {num_items} items")
    number: dict[object, int] = {}
    return np.array([number.setdefault(group, len(number)) for group in groups], dtype=np.int64)


def unit_sums(values_N: Floats, groups: Sequence[object] | None) -> tuple[Floats, Floats]:
    unit_of_N = unit_numbers(groups, len(values_N))
    sums_G = np.bincount(unit_of_N, weights=values_N).astype(np.float64)
    return sums_G, np.bincount(unit_of_N).astype(np.float64)


def is_constant(values: Floats) -> bool:
    return bool(np.ptp(values) < ROUNDING)


def unit_draws(num_units: int, seed: int, num_resamples: int) -> Iterator[npt.NDArray[np.int32]]:
    """Yield blocks of rows, each row the numbers of the units of one resample."""
    rng = np.random.default_rng(seed)
    for num_rows in chunks(num_resamples, num_units):
        yield rng.integers(num_units, size=(num_rows, num_units), dtype=np.int32)


def bca_of_mean(sums_G: Floats, sizes_G: Floats, seed: int, num_resamples: int, confidence: float) -> Interval:
    observed = float(sums_G.sum() / sizes_G.sum())
    if is_constant(sums_G / sizes_G):
        return Interval(observed, observed)
    resampled = []
    for draw in unit_draws(len(sums_G), seed, num_resamples):
        num_items = sizes_G.sum() if is_constant(sizes_G) else sizes_G[draw].sum(axis=1)
        resampled.append(sums_G[draw].sum(axis=1) / num_items)
    left_out_G = (sums_G.sum() - sums_G) / (sizes_G.sum() - sizes_G)
    return bca(observed, np.concatenate(resampled), left_out_G, confidence)


def bca(observed: float, resampled_R: Floats, left_out_G: Floats, confidence: float) -> Interval:
    """Return the interval from the statistic, its resamples and its values with each unit left out in turn."""
    influence_G = left_out_G.mean() - left_out_G
    spread = float((influence_G**2).sum())
    acceleration = float((influence_G**3).sum()) / (6 * spread**1.5) if spread else 0.0
    num_resamples = len(resampled_R)
    # Ties count half, those apart by rounding too; the clip keeps the quantile finite when all lie on one side.
    near = ROUNDING * max(1.0, abs(observed))
    num_below = int((resampled_R < observed - near).sum()) + int((resampled_R <= observed + near).sum())
    below = num_below / (2 * num_resamples)
    bias = quantile(min(max(below, 0.5 / num_resamples), 1 - 0.5 / num_resamples))
    ends = []
    for tail in (0.5 - confidence / 2, 0.5 + confidence / 2):
        shifted = bias + quantile(tail)
        # beyond the pole of the correction the end is that of all resamples
        ends.append(_NORMAL.cdf(bias + shifted / max(1 - acceleration * shifted, 1e-9)))
    low, high = np.quantile(resampled_R, ends)
    return Interval(float(low), float(high))


def chunks(num_rows: int, row_length: int) -> list[int]:
    """Split rows so that one block of them stays within a few megabytes."""
    at_once = max(1, _CELLS_AT_ONCE // row_length)
    return [min(at_once, num_rows - start) for start in range(0, num_rows, at_once)]
