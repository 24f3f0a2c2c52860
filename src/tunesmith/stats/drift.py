"""Whether a window of traffic is still like its reference, by tests whose rate of false alarms is known.

Each test asks how often a random relabelling of all items, as many to the window as it has, parts them as unevenly as
the window and the reference are. That needs no large samples and no absence of ties: it holds for 50 items as for
5,000, for lengths as for classes seen once.

Shapes: N items of the reference, M of the window, Q = N + M of both; K classes, cells or places on a line; P random
relabellings; D dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tunesmith.stats.intervals import Floats, checked
from tunesmith.stats.paired import holm
from tunesmith.stats.two_sample import gaussian_kernel, squared_discrepancies

Counts = npt.NDArray[np.int64]

YEAR_SECONDS: Final = 365.25 * 24 * 3600
LARGEST_LEVEL: Final = 0.05
"""However long the window: a month that is alarming by chance more often tells nothing."""
FINEST: Final = 64
"""p-values come down to `level` / 64, so that Holm over as many features can still find one of them."""
ENOUGH: Final = 20
"""Relabellings as uneven as what was found, after which no more are drawn."""
MOST_PLACES: Final = 100
"""Where two distribution functions are compared at most: the hundredths of all items."""
NUM_CELLS: Final = 10
"""Of the population stability index."""
_BATCHES: Final = (64, 1024)
"""Relabellings drawn at once: the first time, and at most."""
_NUM_PSI: Final = 1000
_NUM_WIDTH: Final = 200
"""Points whose distances give the width of the kernel."""
_BEYOND: Final = 10
"""Standard deviations beyond which a chance (below 1e-22) is taken for none."""


@dataclass(frozen=True, slots=True)
class Shifted:
    """How far a window is from its reference in one feature; on disk it is `artifacts.health.Shift`."""

    test: Literal["ks", "chi_square", "mmd", "difference"]
    effect: float
    """0 (alike) to 1: the largest distance of the distribution functions (`ks`), half the sum of the differences of
    shares (`chi_square`), the squared mean discrepancy (`mmd`), the difference of the shares (`difference`)."""
    p_value: float
    num_reference: int
    num_window: int
    psi: float | None = None
    """Population stability index over ten cells at most."""
    psi_limit: float | None = None
    """What it exceeds in the share `level` of drift-free windows of these sizes."""


def alarm_level(false_alarms_per_year: float, window_seconds: float) -> float:
    """Return the chance of any false alarm that one window may have: the rate times the window's part of a year, 0.05
    at most.

    This is all the correction that repeated looks need. The expected number of false alarms of a year is the sum of
    the chances of its windows, however these depend on each other, as they do through their common reference
    (expectations add; of the corrections of many tests it is the per-family error rate of Spjotvoll 1972, Annals of
    Mathematical Statistics 43:398). Raises ValueError unless both are positive.
    """
    if min(false_alarms_per_year, window_seconds) <= 0:
        raise ValueError(f"need a positive rate and window, got {false_alarms_per_year} and {window_seconds}")
    return min(LARGEST_LEVEL, false_alarms_per_year * window_seconds / YEAR_SECONDS)


def alarms(p_values: Mapping[str, float], level: float) -> set[str]:
    """Return the features that alarm: that any of them does by chance alone has at most the chance `level` (Holm)."""
    adjusted = holm(list(p_values.values()))
    return {feature for feature, p_value in zip(p_values, adjusted, strict=True) if p_value <= level}


def number_shift(reference_N: npt.ArrayLike, window_M: npt.ArrayLike, level: float, seed: int = 0) -> Shifted:
    """Compare two samples of numbers by Kolmogorov and Smirnov's test, exact with ties, and by PSI over the tenths of
    the reference.

    The distribution functions are compared at all values, or at the hundredths of all items where there are more.
    Raises ValueError for no items or values that are not finite.
    """
    reference, window = np.sort(checked(reference_N)), np.sort(checked(window_M))
    both = np.sort(np.concatenate([reference, window]))
    place_K = np.unique(both)
    if len(place_K) > MOST_PLACES:
        place_K = np.unique(np.quantile(both, np.arange(1, MOST_PLACES + 1) / MOST_PLACES, method="higher"))
    distance, p_value = kolmogorov_smirnov(_cut(reference, place_K[:-1]), _cut(window, place_K[:-1]))
    tenth_K = np.unique(np.quantile(reference, np.arange(1, NUM_CELLS) / NUM_CELLS))
    psi = _calibrated_psi(_cut(reference, tenth_K), _cut(window, tenth_K), level, seed)
    return Shifted("ks", distance, p_value, len(reference), len(window), *psi)


def class_shift(reference: Mapping[str, int], window: Mapping[str, int], level: float, seed: int = 0) -> Shifted:
    """Compare how often each class was counted, by Pearson's chi-squared under random relabelling, and by PSI over the
    nine most frequent classes and the rest.

    The distribution that large samples have is not used: with many rare classes it is far off (on 50 items an alarm at
    0.01 is one in 0.19). Raises ValueError for no items or negative counts.
    """
    classes = sorted(reference.keys() | window.keys())
    reference_K, window_K = (
        np.array([side.get(name, 0) for name in classes], np.int64) for side in (reference, window)
    )
    seen_K = reference_K + window_K != 0
    reference_K, window_K = reference_K[seen_K], window_K[seen_K]
    num_reference, num_window = _sizes(reference_K, window_K)
    effect = float(np.abs(reference_K / num_reference - window_K / num_window).sum()) / 2
    p_value = chi_squared_p_value(reference_K, window_K, num_relabellings(level), seed)
    rarest_first_K = np.argsort(reference_K + window_K, kind="stable")
    rest, kept = np.split(rarest_first_K, [max(0, len(rarest_first_K) - NUM_CELLS + 1)])
    folded = (np.append(side_K[kept], side_K[rest].sum()) for side_K in (reference_K, window_K))
    psi = _calibrated_psi(*folded, level, seed)
    return Shifted("chi_square", effect, p_value, num_reference, num_window, *psi)


def vector_shift(reference_ND: npt.ArrayLike, window_MD: npt.ArrayLike, level: float, seed: int = 0) -> Shifted:
    """Compare two samples of vectors by their squared maximum mean discrepancy under random relabelling.

    The kernel is Gaussian, its width the median distance of 200 items drawn by the seed (`stats.two_sample`). Time and
    memory grow with (N + M)^2: 500 of a side are enough. Raises ValueError for fewer than two items on a side.
    """
    reference, window = np.asarray(reference_ND, np.float32), np.asarray(window_MD, np.float32)
    if min(len(reference), len(window)) < 2:
        raise ValueError("each sample needs at least two items")
    points_QD = np.concatenate([window, reference])
    squared_QQ, rng = _squared_distances(points_QD), np.random.default_rng([seed, 2])
    some = rng.permutation(len(points_QD))[:_NUM_WIDTH]
    width = float(np.median(squared_QQ[np.ix_(some, some)][np.triu_indices(len(some), 1)]))
    kernel_QQ = gaussian_kernel(squared_QQ, width)

    def discrepancies(is_window_QP: npt.NDArray[np.float32]) -> Floats:
        return squared_discrepancies(kernel_QQ, is_window_QP, len(window))

    is_window_Q = (np.arange(len(points_QD)) < len(window)).astype(np.float32)
    found = float(discrepancies(is_window_Q[:, None])[0])

    def draw(num: int) -> Floats:
        return discrepancies(rng.permuted(np.tile(is_window_Q[:, None], num), axis=0))

    # what single precision rounds away is as large
    p_value = sequential_p_value(found - 1e-6, draw, num_relabellings(level))
    return Shifted("mmd", min(1.0, max(0.0, found)), p_value, len(reference), len(window))


def share_shift(reference: tuple[int, int], window: tuple[int, int], level: float) -> Shifted:
    """Compare two shares, each given as how many of how many, by Fisher's exact test.

    Raises ValueError for impossible counts.
    """
    for num_found, num_items in (reference, window):
        if not 0 <= num_found <= num_items or num_items == 0:
            raise ValueError(f"need counts of at most n > 0 items, got {num_found} of {num_items}")
    from scipy.special import gammaln  # brings scipy, which most callers of this package do without

    total, num_found, num_window = reference[1] + window[1], reference[0] + window[0], window[1]
    in_window_J = np.arange(max(0, num_window - (total - num_found)), min(num_found, num_window) + 1)
    log_factorial_Q, share = gammaln(np.arange(total + 1) + 1.0), num_window / total
    chance_J = _binomial(in_window_J, num_found, share, log_factorial_Q)
    chance_J *= _binomial(num_window - in_window_J, total - num_found, share, log_factorial_Q)
    # ways that differ by rounding alone are as unlikely
    is_unlikely_J = chance_J <= chance_J[window[0] - in_window_J[0]] * (1 + 1e-7)
    p_value = float(chance_J[is_unlikely_J].sum() / chance_J.sum())
    effect = abs(reference[0] / reference[1] - window[0] / window[1])
    return Shifted("difference", effect, min(1.0, p_value), reference[1], window[1])


def num_relabellings(level: float) -> int:
    """How many are drawn where nothing speaks for an earlier end."""
    return math.ceil(FINEST / level)


def sequential_p_value(found: float, draw: Callable[[int], Floats], most: int) -> float:
    """Return how often chance alone gives `found` or more, by draws that end as soon as twenty of them do.

    Besag and Clifford 1991 (Biometrika 78:301): 20 over the number of draws where they ended so, else one more than
    were as large over one more than were drawn. Either way it is a valid p-value, and what is not near an alarm, nearly
    everything, is told after some dozens of draws. `draw(n)` gives n values under chance.
    """
    num_drawn = num_reached = 0
    while num_drawn < most:
        is_reached_P = draw(min(max(_BATCHES[0], num_drawn), _BATCHES[1], most - num_drawn)) >= found
        reached_P = num_reached + np.cumsum(is_reached_P)
        num_reached = int(reached_P[-1])
        if num_reached >= ENOUGH:
            return ENOUGH / (num_drawn + 1 + int(np.argmax(reached_P >= ENOUGH)))
        num_drawn += len(is_reached_P)
    return (1 + num_reached) / (1 + num_drawn)


def chi_squared_p_value(reference_K: Counts, window_K: Counts, most: int, seed: int) -> float:
    """Return how often a random relabelling gives a table with as large a chi-squared, its margins kept."""
    both_K, num_window = reference_K + window_K, int(window_K.sum())
    expected_K = both_K * (num_window / both_K.sum())
    rng = np.random.default_rng([seed, 0])

    def unevenness(window_PK: Counts) -> Floats:
        # chi-squared but for a factor that all relabellings share
        squares: Floats = ((window_PK - expected_K) ** 2 / expected_K).sum(axis=-1)
        return squares

    # sums that differ by rounding alone are as large
    found = float(unevenness(window_K)) * (1 - 1e-9)
    return sequential_p_value(found, lambda num: unevenness(_relabelled(both_K, num_window, num, rng)), most)


def kolmogorov_smirnov(reference_K: Counts, window_K: Counts) -> tuple[float, float]:
    """Return the largest distance of two distribution functions and its exact p-value, from the counts at K values.

    The p-value is the share of relabellings of all items, those at one value told apart by nothing, with a distance as
    large (Schroer and Trenkler 1995, Computational Statistics & Data Analysis 20:185, who count paths one item at a
    time). The window's items at the values are independent binomial numbers, given their sum: chances are
    folded value by value, and what leaves the band is added up there, times the chance to end at the right sum.
    """
    from scipy.special import gammaln  # brings scipy, which most callers of this package do without

    num_reference, num_window = _sizes(reference_K, window_K)
    total = num_reference + num_window
    size_K, ended_K = reference_K + window_K, np.cumsum(reference_K + window_K)
    # the distance times both sizes, a whole number
    found = int(np.abs(np.cumsum(window_K) * total - ended_K * num_window).max())
    if found == 0:
        return 0.0, 1.0
    log_factorial_Q, share = gammaln(np.arange(total + 1) + 1.0), num_window / total
    chance_J, first, leaving = np.ones(1), 0, 0.0
    for size, ended in zip(size_K.tolist(), ended_K.tolist(), strict=True):
        added = _likely(size, share)
        chance_J = np.convolve(chance_J, _binomial(added, size, share, log_factorial_Q))
        in_window_J = np.arange(len(chance_J)) + (first := first + int(added[0]))
        is_out_J = np.abs(in_window_J * total - ended * num_window) >= found
        to_come_J, left = num_window - in_window_J, total - ended
        ends_right_J = is_out_J & (to_come_J >= 0) & (to_come_J <= left)
        leaving += float(chance_J[ends_right_J] @ _binomial(to_come_J[ends_right_J], left, share, log_factorial_Q))
        inside = np.flatnonzero(~is_out_J)
        if len(inside) == 0:
            break
        chance_J, first = chance_J[inside[0] : inside[-1] + 1], first + int(inside[0])
    of_all = _binomial(np.array([num_window]), total, share, log_factorial_Q)[0]
    return found / (num_reference * num_window), min(1.0, leaving / float(of_all))


def _likely(size: int, share: float) -> Counts:
    """The numbers of successes of `size` trials that have any chance to speak of."""
    middle, reach = size * share, _BEYOND * math.sqrt(size * share * (1 - share)) + _BEYOND
    return np.arange(max(0, math.floor(middle - reach)), min(size, math.ceil(middle + reach)) + 1)


def _binomial(successes_J: Counts, size: int, share: float, log_factorial_Q: Floats) -> Floats:
    chances: Floats = np.exp(
        log_factorial_Q[size]
        - log_factorial_Q[successes_J]
        - log_factorial_Q[size - successes_J]
        + successes_J * math.log(share)
        + (size - successes_J) * math.log1p(-share)
    )
    return chances


def _calibrated_psi(reference_K: Counts, window_K: Counts, level: float, seed: int) -> tuple[float, float]:
    """The index of two counts, and the `level`-quantile from above of the indices of their random relabellings.

    For large samples that limit is (1/N + 1/M) times the quantile of a chi-squared distribution (Yurdakul and Naranjo
    2020, Journal of Risk Model Validation 14:89); here it holds for small ones too.
    """
    both_K = reference_K + window_K
    reference_K, window_K, both_K = (side_K[both_K > 0] for side_K in (reference_K, window_K, both_K))
    rng = np.random.default_rng([seed, 1])
    drawn_PK = _relabelled(both_K, int(window_K.sum()), max(_NUM_PSI, math.ceil(ENOUGH / level)), rng)
    limit = np.quantile(_psi(both_K - drawn_PK, drawn_PK), 1 - level, method="higher")
    return float(_psi(reference_K, window_K)), float(limit)


def _psi(reference_K: Counts, window_K: Counts) -> Floats:
    """Population stability index along the last axis, half an item added to every cell."""
    share_K, window_share_K = (
        (side_K + 0.5) / (side_K.sum(axis=-1, keepdims=True) + 0.5 * side_K.shape[-1])
        for side_K in (reference_K, window_K)
    )
    index: Floats = ((window_share_K - share_K) * np.log(window_share_K / share_K)).sum(axis=-1)
    return index


def _relabelled(both_K: Counts, num_window: int, num: int, rng: np.random.Generator) -> Counts:
    """(`num`, K): the window's counts where its items are drawn from all at random."""
    return rng.multivariate_hypergeometric(both_K, num_window, size=num, method="marginals")


def _cut(sorted_N: Floats, upper_K: Floats) -> Counts:
    """How many lie up to each of the upper ends, and beyond the last."""
    return np.diff(np.searchsorted(sorted_N, upper_K, side="right"), prepend=0, append=len(sorted_N))


def _sizes(reference_K: Counts, window_K: Counts) -> tuple[int, int]:
    num_reference, num_window = int(reference_K.sum()), int(window_K.sum())
    if min(num_reference, num_window) == 0 or min(reference_K.min(), window_K.min()) < 0:
        raise ValueError(f"need counts of some items on both sides, got {num_reference} and {num_window}")
    return num_reference, num_window


def _squared_distances(points_QD: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    centred_QD = points_QD - points_QD.mean(axis=0)
    squared_Q = np.einsum("qd,qd->q", centred_QD, centred_QD)
    squared_QQ: npt.NDArray[np.float32] = squared_Q[:, None] + squared_Q
    squared_QQ -= 2 * (centred_QD @ centred_QD.T)
    return np.maximum(squared_QQ, 0, out=squared_QQ)
