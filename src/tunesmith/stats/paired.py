"""Two arms on the same items: the mean of their differences, its interval, its test, and Holm's correction of many.

Shapes: N items, G units that are drawn as a whole (groups, or the items themselves), M tests.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tunesmith.stats.intervals import (
    CONFIDENCE,
    NUM_RESAMPLES,
    ROUNDING,
    Floats,
    Interval,
    bca_of_mean,
    checked,
    chunks,
    expanded,
    is_constant,
    quantile,
    unit_sums,
)
from tunesmith.stats.power import detectable_share, minimum_detectable_difference

# Bisections end where doubles do.
_HALVINGS = 60


@dataclass(frozen=True)
class PairedDifference:
    """Mean over the items of b - a with its 95 % interval and two-sided p-value; `n` counts items."""

    mean: float
    low: float
    high: float
    n: int
    p_value: float


def paired_difference(
    a_N: npt.ArrayLike,
    b_N: npt.ArrayLike,
    groups: Sequence[object] | None = None,
    *,
    seed: int,
    num_resamples: int = NUM_RESAMPLES,
    confidence: float = CONFIDENCE,
) -> PairedDifference:
    """Compare two arms on the same items: the mean of b - a, its interval, and a two-sided p-value.

    Items that are right or wrong are judged by their counts (`paired_shares`). For other scores, and wherever items
    come in groups, the interval is BCa over items or over whole groups, and the p-value flips the sign of each unit's
    summed difference at random, (k + 1) / (`num_resamples` + 1). Two repairs keep that interval honest on few or
    sparse differences:

    - It never excludes 0 unless the test rejects at the same level. BCa alone calls three wins, no loss and 297
      ties a gain, while three decided items of equal arms fall to one side in 1 of 4 evaluations.
    - Where every unit has the same difference the bootstrap would claim certainty. Taken instead is the largest share
      of other units that 2.5 % of samples would have missed, with differences of -1 below and 1 above as scores in
      0..1 allow.

    Raises ValueError for no items, unequal lengths or values that are not finite.
    """
    a, b, sums_G, sizes_G = _paired_units(a_N, b_N, groups)
    if _are_counted(a, b, sums_G):
        return paired_shares(int((b > a).sum()), int((b < a).sum()), len(a), confidence)
    p_value = _sign_flip_p_value(sums_G, seed, num_resamples)
    mean = float(sums_G.sum() / sizes_G.sum())
    if is_constant(sums_G / sizes_G):
        interval = _interval_of_constant(mean, len(sums_G), confidence)
    else:
        num_moving = len(moving_units(sums_G))  # units without a difference say nothing of its spread
        interval = bca_of_mean(sums_G, sizes_G, seed, num_resamples, expanded(confidence, num_moving))
    interval = _holding_zero_with_the_test(interval, p_value, confidence)
    return PairedDifference(mean, interval.low, interval.high, len(a), p_value)


def paired_shares(num_won: int, num_lost: int, n: int, confidence: float = CONFIDENCE) -> PairedDifference:
    """Compare two arms of which b alone is right on `num_won` of `n` items and a alone on `num_lost`.

    The p-value is that of McNemar's exact test: how often a fair coin parts the items on which the arms disagree at
    least as unevenly. The interval holds the differences that the score test does not reject (Tango 1998,
    Statistics in Medicine 17:891); near 0, where the exact test is the stricter one, it follows that test.
    Raises ValueError for impossible counts.
    """
    if min(num_won, num_lost) < 0 or not 0 < n >= num_won + num_lost:
        raise ValueError(f"need counts of at most n > 0 items, got {num_won} and {num_lost} of {n}")
    from scipy.special import bdtr  # brings scipy, which most callers of this package do without

    num_apart = num_won + num_lost
    p_value = min(1.0, 2 * float(bdtr(min(num_won, num_lost), num_apart, 0.5))) if num_apart else 1.0
    z = quantile(0.5 + confidence / 2)
    interval = Interval(-_highest_share(num_lost, num_won, n, z), _highest_share(num_won, num_lost, n, z))
    interval = _holding_zero_with_the_test(interval, p_value, confidence)
    return PairedDifference((num_won - num_lost) / n, interval.low, interval.high, n, p_value)


def detectable_difference(
    a_N: npt.ArrayLike, b_N: npt.ArrayLike, groups: Sequence[object] | None = None
) -> float | None:
    """Return the smallest true difference that four of five evaluations on such items show by `paired_difference`.

    None where it cannot be told: scores other than right and wrong that differ by the same on every item, or too few
    items. Raises ValueError as `paired_difference` does.
    """
    a, b, sums_G, sizes_G = _paired_units(a_N, b_N, groups)
    if _are_counted(a, b, sums_G):
        return detectable_share(len(a), float((a != b).mean()))
    num_moving = len(moving_units(sums_G))  # as many as the interval's tails are of
    if is_constant(sums_G / sizes_G) or num_moving < 2:
        return None
    return minimum_detectable_difference(num_moving, standard_error(sums_G, sizes_G) * math.sqrt(num_moving))


def standard_error(sums_G: Floats, sizes_G: Floats) -> float:
    """Return the standard error of the mean over all items, from the sums and sizes of independent units.

    The sandwich estimate with its factor G / (G - 1), as in Miller 2024, arXiv:2411.00640; for single items it is the
    textbook's. 0.0 for one unit.
    """
    num_units = len(sums_G)
    residuals_G = sums_G - sizes_G * (sums_G.sum() / sizes_G.sum())
    factor = num_units / max(1, num_units - 1)
    return math.sqrt(factor * float((residuals_G**2).sum())) / float(sizes_G.sum())


def standard_deviation_of(difference: PairedDifference, confidence: float = CONFIDENCE) -> float:
    """Return the standard deviation per item that the interval's width implies; dependence within groups included."""
    return (difference.high - difference.low) / (2 * quantile(0.5 + confidence / 2)) * math.sqrt(difference.n)


def holm(p_values_M: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for their number (Holm 1979): that any of those below 0.05 is chance alone has at
    most 5 %.
    """
    adjusted = [0.0] * len(p_values_M)
    largest = 0.0
    for place, number in enumerate(sorted(range(len(p_values_M)), key=p_values_M.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values_M) - place) * p_values_M[number]))
        adjusted[number] = largest
    return adjusted


def sign_flips(num_units: int, seed: int, num_permutations: int) -> Iterator[npt.NDArray[np.int8]]:
    """Yield blocks of rows, each row a 1 for every unit whose sign is flipped."""
    # a stream of its own: independent of the bootstrap's draws from the same seed
    rng = np.random.default_rng([seed, 1])
    for num_rows in chunks(num_permutations, num_units):
        yield rng.integers(2, size=(num_rows, num_units), dtype=np.int8)


def moving_units(sums_G: Floats) -> Floats:
    """Return the sums that a flipped sign changes."""
    return sums_G[np.abs(sums_G) > ROUNDING]


def _sign_flip_p_value(sums_G: Floats, seed: int, num_permutations: int) -> float:
    moving = moving_units(sums_G)
    if len(moving) == 0:
        return 1.0
    total = float(moving.sum())
    # Sums in another order round differently; equal ones must count as reached.
    reached = abs(total) - ROUNDING * float(np.abs(moving).sum())
    num_extreme = sum(
        int((np.abs(total - 2 * (flipped @ moving)) >= reached).sum())
        for flipped in sign_flips(len(moving), seed, num_permutations)
    )
    return (num_extreme + 1) / (num_permutations + 1)


def _paired_units(
    a_N: npt.ArrayLike, b_N: npt.ArrayLike, groups: Sequence[object] | None
) -> tuple[Floats, Floats, Floats, Floats]:
    """Both arms' scores, and by unit the sum of its differences and its size."""
    a, b = checked(a_N), checked(b_N)
    if len(a) != len(b):
        raise ValueError(f"both arms must score the same items, got {len(a)} and {len(b)}")
    return a, b, *unit_sums(b - a, groups)


def _are_counted(a_N: Floats, b_N: Floats, sums_G: Floats) -> bool:
    """Whether items are right or wrong and stand alone, so that counts say everything."""
    return len(sums_G) == len(a_N) and bool(np.isin([a_N, b_N], (0.0, 1.0)).all())


def _interval_of_constant(value: float, num_units: int, confidence: float) -> Interval:
    """Bound the mean of differences in -1..1 when all units seen show `value`."""
    unseen = 1 - (0.5 - confidence / 2) ** (1 / num_units)
    lowest, highest = min(-1.0, value), max(1.0, value)
    return Interval(value + unseen * (lowest - value), value + unseen * (highest - value))


def _holding_zero_with_the_test(interval: Interval, p_value: float, confidence: float) -> Interval:
    if p_value <= 1 - confidence:
        return interval
    return Interval(min(interval.low, 0.0), max(interval.high, 0.0))


def _highest_share(num_won: int, num_lost: int, n: int, z: float) -> float:
    """The largest difference of two shares that the score test does not reject."""
    low, high = (num_won - num_lost) / n, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beyond = n * middle - (num_won - num_lost)
        if beyond * beyond <= z * z * n * (2 * _share_lost(num_won, num_lost, n, middle) + middle * (1 - middle)):
            low = middle
        else:
            high = middle
    return high


def _share_lost(num_won: int, num_lost: int, n: int, difference: float) -> float:
    """The likeliest share of items that a alone gets right, were b's gain the given difference.

    The root of 2n q^2 + B q - C = 0 at which the likelihood of the three counts has its maximum.
    """
    b = (2 * n - num_won + num_lost) * difference - num_won - num_lost
    c = num_lost * difference * (1 - difference)
    root = math.sqrt(max(0.0, b * b + 8 * n * c))
    # of the two ways to write the root, the one that subtracts nothing
    return 2 * c / (b + root) if b > 0 else (root - b) / (4 * n)
