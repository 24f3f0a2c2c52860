"""Intervals for one score, and for the difference of two scores on the same items.

Shapes: N items, G units that are drawn as a whole (groups, or the items themselves), R resamples. A group is whatever
makes items depend on each other: one document, one user, one situation, the repeated samples of one prompt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NORMAL = NormalDist()
_CONFIDENCE = 0.95
_CELLS_AT_ONCE = 4_000_000
# Scores are of the order of 1; what differs by less differs by rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """The two ends of a confidence interval, in the unit of the score."""

    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference:
    """Mean over the items of b - a with its 95 % interval and two-sided p-value; `n` counts items."""

    mean: float
    low: float
    high: float
    n: int
    p_value: float


def wilson(successes: int, n: int, confidence: float = _CONFIDENCE) -> Interval:
    """Return the score interval for a share (Wilson 1927, no continuity correction): honest at 0 % and 100 % too."""
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"need 0 <= successes <= n and n > 0, got {successes} of {n}")
    z = _quantile(0.5 + confidence / 2)
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
    num_resamples: int = 4_999,
    confidence: float = _CONFIDENCE,
) -> Interval:
    """Return the bias-corrected and accelerated bootstrap interval for the mean of `values_N` (Efron 1987).

    With `groups` (one id per item) whole groups are drawn. Where all units have the same mean there is nothing to
    resample, and the interval has width 0. With few units it is too narrow, like every bootstrap: for normal values it
    holds the truth in about 91 % of evaluations at 10 units and 93 % at 20.
    Raises ValueError for no items, values that are not finite, or unequal lengths.
    """
    values = _checked(values_N)
    sums_G, sizes_G = _unit_sums(values, groups)
    return _bca_of_mean(sums_G, sizes_G, seed, num_resamples, confidence)


def bootstrap_bca_of(
    statistic: Callable[[Ints], float],
    num_items: int,
    *,
    seed: int,
    groups: Sequence[object] | None = None,
    num_resamples: int = 2_000,
    confidence: float = _CONFIDENCE,
) -> Interval:
    """Return the BCa interval for any statistic of the items, such as macro-F1 or BLEU.

    `statistic` takes an array of item numbers, in which an item may occur several times or not at all, and returns the
    figure for those items. It is called `num_resamples` + G + 1 times.
    """
    if num_items < 1:
        raise ValueError("a bootstrap needs at least one item")
    unit_of_N = _unit_numbers(groups, num_items)
    members = np.split(np.argsort(unit_of_N, kind="stable"), np.cumsum(np.bincount(unit_of_N))[:-1])
    rng = np.random.default_rng(seed)
    observed = statistic(np.arange(num_items))
    if len(members) == 1:
        return Interval(observed, observed)
    draws_RG = rng.integers(len(members), size=(num_resamples, len(members)))
    if groups is None:
        resampled_R = np.array([statistic(draw_G) for draw_G in draws_RG])
    else:
        resampled_R = np.array([statistic(np.concatenate([members[unit] for unit in draw_G])) for draw_G in draws_RG])
    left_out_G = np.array([statistic(np.flatnonzero(unit_of_N != unit)) for unit in range(len(members))])
    return _bca(observed, resampled_R, left_out_G, confidence)


def paired_difference(
    a_N: npt.ArrayLike,
    b_N: npt.ArrayLike,
    groups: Sequence[object] | None = None,
    *,
    seed: int,
    num_resamples: int = 4_999,
) -> PairedDifference:
    """Compare two arms on the same items: the mean of b - a, its 95 % interval, and a two-sided p-value.

    The interval is BCa over items, or over whole groups. The p-value flips the sign of each unit's summed difference at
    random, (k + 1) / (`num_resamples` + 1). Two repairs keep the interval honest on few or sparse differences:

    - It never excludes 0 unless the permutation test rejects at 5 % too. BCa alone calls three wins, no loss and 297
      ties a gain, while three decided items of equal arms fall to one side in 1 of 4 evaluations.
    - Where every unit has the same difference the bootstrap would claim certainty. Taken instead is the largest share
      of other units that 2.5 % of samples would have missed, with differences of -1 below and 1 above as scores in
      0..1 allow.

    Raises ValueError for no items, unequal lengths or values that are not finite.
    """
    a, b = _checked(a_N), _checked(b_N)
    if len(a) != len(b):
        raise ValueError(f"both arms must score the same items, got {len(a)} and {len(b)}")
    differences_N = b - a
    sums_G, sizes_G = _unit_sums(differences_N, groups)
    mean = float(sums_G.sum() / sizes_G.sum())
    p_value = _sign_flip_p_value(sums_G, seed, num_resamples)
    if _is_constant(sums_G / sizes_G):
        interval = _interval_of_constant(mean, len(sums_G))
    else:
        interval = _bca_of_mean(sums_G, sizes_G, seed, num_resamples, _CONFIDENCE)
    if p_value > 1 - _CONFIDENCE:
        interval = Interval(min(interval.low, 0.0), max(interval.high, 0.0))
    return PairedDifference(mean, interval.low, interval.high, len(differences_N), p_value)


def minimum_detectable_difference(n: int, standard_deviation: float, power: float = 0.8, alpha: float = 0.05) -> float:
    """Return the smallest true difference that `n` items show with probability `power` in a two-sided test at `alpha`.

    `standard_deviation` is that of the paired differences: (z(1 - alpha/2) + z(power)) * sd / sqrt(n).
    """
    if n < 1:
        raise ValueError(f"need at least one item, got {n}")
    return _power_factor(power, alpha) * standard_deviation / math.sqrt(n)


def items_needed(difference: float, standard_deviation: float, power: float = 0.8, alpha: float = 0.05) -> int:
    """Return how many items show a true `difference` with probability `power`; inverse of the function above."""
    if difference == 0:
        raise ValueError("no number of items can show a difference of 0")
    return max(1, math.ceil((_power_factor(power, alpha) * standard_deviation / difference) ** 2))


def standard_deviation_of(difference: PairedDifference) -> float:
    """Return the standard deviation per item that the interval's width implies; dependence within groups included."""
    return (difference.high - difference.low) / (2 * _quantile(0.5 + _CONFIDENCE / 2)) * math.sqrt(difference.n)


def _quantile(probability: float) -> float:
    return _NORMAL.inv_cdf(probability)


def _power_factor(power: float, alpha: float) -> float:
    return _quantile(1 - alpha / 2) + _quantile(power)


def _checked(values_N: npt.ArrayLike) -> Floats:
    values = np.asarray(values_N, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise ValueError("scores must be a flat, non-empty list of finite numbers")
    return values


def _unit_numbers(groups: Sequence[object] | None, num_items: int) -> Ints:
    """Return (N,) the number of each item's unit, in order of first appearance."""
    if groups is None:
        return np.arange(num_items)
    if len(groups) != num_items:
        raise ValueError(f"need one group per item, got {len(groups)} for {num_items} items")
    number: dict[object, int] = {}
    return np.array([number.setdefault(group, len(number)) for group in groups], dtype=np.int64)


def _unit_sums(values_N: Floats, groups: Sequence[object] | None) -> tuple[Floats, Floats]:
    unit_of_N = _unit_numbers(groups, len(values_N))
    sums_G = np.bincount(unit_of_N, weights=values_N).astype(np.float64)
    return sums_G, np.bincount(unit_of_N).astype(np.float64)


def _is_constant(values: Floats) -> bool:
    return bool(np.ptp(values) < _ROUNDING)


def _bca_of_mean(sums_G: Floats, sizes_G: Floats, seed: int, num_resamples: int, confidence: float) -> Interval:
    observed = float(sums_G.sum() / sizes_G.sum())
    if _is_constant(sums_G / sizes_G):
        return Interval(observed, observed)
    rng = np.random.default_rng(seed)
    num_units = len(sums_G)
    resampled = []
    for num_rows in _chunks(num_resamples, num_units):
        draw = rng.integers(num_units, size=(num_rows, num_units), dtype=np.int32)
        num_items = sizes_G.sum() if _is_constant(sizes_G) else sizes_G[draw].sum(axis=1)
        resampled.append(sums_G[draw].sum(axis=1) / num_items)
    left_out_G = (sums_G.sum() - sums_G) / (sizes_G.sum() - sizes_G)
    return _bca(observed, np.concatenate(resampled), left_out_G, confidence)


def _bca(observed: float, resampled_R: Floats, left_out_G: Floats, confidence: float) -> Interval:
    """Return the interval from the statistic, its resamples and its values with each unit left out in turn."""
    influence_G = left_out_G.mean() - left_out_G
    spread = float((influence_G**2).sum())
    acceleration = float((influence_G**3).sum()) / (6 * spread**1.5) if spread else 0.0
    num_resamples = len(resampled_R)
    # Ties count half; the clip keeps the quantile finite when all resamples lie on one side.
    below = float(((resampled_R < observed).sum() + (resampled_R <= observed).sum()) / (2 * num_resamples))
    bias = _quantile(min(max(below, 0.5 / num_resamples), 1 - 0.5 / num_resamples))
    ends = []
    for tail in (0.5 - confidence / 2, 0.5 + confidence / 2):
        shifted = bias + _quantile(tail)
        ends.append(_NORMAL.cdf(bias + shifted / (1 - acceleration * shifted)))
    low, high = np.quantile(resampled_R, ends)
    return Interval(float(low), float(high))


def _interval_of_constant(value: float, num_units: int) -> Interval:
    """Bound the mean of differences in -1..1 when all units seen show `value`."""
    unseen = 1 - (0.5 - _CONFIDENCE / 2) ** (1 / num_units)
    lowest, highest = min(-1.0, value), max(1.0, value)
    return Interval(value + unseen * (lowest - value), value + unseen * (highest - value))


def _sign_flip_p_value(sums_G: Floats, seed: int, num_permutations: int) -> float:
    # Units without a difference are the same under any sign.
    moving = sums_G[np.abs(sums_G) > _ROUNDING]
    if len(moving) == 0:
        return 1.0
    # A stream of its own: independent of the bootstrap's draws from the same seed.
    rng = np.random.default_rng([seed, 1])
    total = float(moving.sum())
    # Sums in another order round differently; equal ones must count as reached.
    reached = abs(total) - _ROUNDING * float(np.abs(moving).sum())
    num_extreme = 0
    for num_rows in _chunks(num_permutations, len(moving)):
        flipped = rng.integers(2, size=(num_rows, len(moving)), dtype=np.int8)
        num_extreme += int((np.abs(total - 2 * (flipped @ moving)) >= reached).sum())
    return (num_extreme + 1) / (num_permutations + 1)


def _chunks(num_rows: int, row_length: int) -> list[int]:
    """Split rows so that one block of them stays within a few megabytes."""
    at_once = max(1, _CELLS_AT_ONCE // row_length)
    return [min(at_once, num_rows - start) for start in range(0, num_rows, at_once)]
