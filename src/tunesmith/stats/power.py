"""What a number of items can show: the smallest detectable difference, and the items that would settle a question."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np

POWER: Final = 0.8
ALPHA: Final = 0.05
MOST_TOLD: Final = 1_000_000
"""Numbers of items beyond are told as more than this: where next to no difference was seen, they have no meaning."""
_NORMAL: Final = NormalDist()
# of an interval of length 1: far below what a figure shows
_HALVINGS: Final = 40
_DEVIATIONS: Final = 9.0


def minimum_detectable_difference(
    n: int, standard_deviation: float, power: float = POWER, alpha: float = ALPHA
) -> float:
    """Return the smallest true difference that `n` items show with probability `power` in a two-sided test at `alpha`.

    `standard_deviation` is that of the paired differences. The test is Student's, whose tails the intervals have too
    (`intervals.expanded`): the difference in standard errors is the noncentrality at which the noncentral t
    distribution with n - 1 degrees of freedom lies beyond the test's limit with probability `power`.
    Raises ValueError for fewer than two items.
    """
    if n < 2:
        raise ValueError(f"need at least two items, got {n}")
    from scipy.special import nctdtr, stdtrit  # brings scipy, which most callers of this package do without

    limit = float(stdtrit(n - 1, 1 - alpha / 2))
    low, high = 0.0, limit + _NORMAL.inv_cdf(power)
    while nctdtr(n - 1, high, limit) > 1 - power:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if nctdtr(n - 1, middle, limit) <= 1 - power else (middle, high)
    return high * standard_deviation / math.sqrt(n)


def items_needed(difference: float, standard_deviation: float, power: float = POWER, alpha: float = ALPHA) -> int:
    """Return about how many items show a true `difference` with probability `power`; inverse of the function above.

    The normal's number and half the square of its limit more, which Student's test needs (Guenther 1981, The American
    Statistician 35:243): from about 10 items on within one of the exact number. `MOST_TOLD` + 1 stands for any more.
    """
    if difference == 0:
        raise ValueError("no number of items can show a difference of 0")
    limit = _NORMAL.inv_cdf(1 - alpha / 2)
    factor = (limit + _NORMAL.inv_cdf(power)) * standard_deviation / difference
    return max(2, _told(abs(factor), limit**2 / 2))


def items_to_decide(mean: float, standard_deviation: float, margin: float) -> int | None:
    """Return how many items settle a true difference of `mean`: show it, or show it to lie within -margin..margin.

    The fewer of the two; each with probability 0.8, by the two-sided 95 % interval; `MOST_TOLD` + 1 stands for any
    more. None where nothing would: no difference and no margin.
    """
    needed = [items_needed(mean, standard_deviation)] if mean else []
    if abs(mean) < margin:
        needed.append(_items_for_equivalence(mean, standard_deviation, margin))
    return min(needed, default=None)


def mcnemar_power(n: int, gain: float, disagreement: float, alpha: float = ALPHA) -> float:
    """Return how often McNemar's exact test on `n` items shows a true gain, in its own direction.

    `disagreement` is the share of items that exactly one of the two gets right, at least |gain|. How many of the n
    these are is binomial, and so is, given that, how many of them are won (Duffy 1984, Biometrics 40:1005).
    """
    from scipy.special import bdtr, bdtrc  # brings scipy, which most callers of this package do without

    expected, reach = n * disagreement, _DEVIATIONS * math.sqrt(n * disagreement * (1 - disagreement)) + 1
    num_apart_M = np.arange(max(1, math.floor(expected - reach)), min(n, math.ceil(expected + reach)) + 1)
    chance_M = bdtr(num_apart_M, n, disagreement) - bdtr(num_apart_M - 1, n, disagreement)
    # the fewest wins whose tail is at most alpha / 2 when either side wins as often, searched from below the normal's
    z = _NORMAL.inv_cdf(1 - alpha / 2)
    needed_M = np.maximum(1, np.floor((num_apart_M + z * np.sqrt(num_apart_M)) / 2) - 2)
    while (is_likely_M := bdtrc(needed_M - 1, num_apart_M, 0.5) > alpha / 2).any():
        needed_M += is_likely_M
    share_won = min(1.0, (disagreement + gain) / (2 * disagreement))
    return float(chance_M @ bdtrc(needed_M - 1, num_apart_M, share_won))


def detectable_share(n: int, disagreement: float, power: float = POWER, alpha: float = ALPHA) -> float | None:
    """Return the smallest true difference of two shares that `n` items show with probability `power` by McNemar's test.

    The arms disagree on the given share of items, or on as many as the difference asks for. None where even a
    difference of 1 is not shown: fewer than 6 items at 5 %.
    """

    def shown(gain: float) -> float:
        return mcnemar_power(n, gain, max(disagreement, gain), alpha)

    low, high = 0.0, 1.0
    if shown(high) < power:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if shown(middle) >= power else (middle, high)
    return high


def _items_for_equivalence(mean: float, standard_deviation: float, margin: float) -> int:
    """Both one-sided tests at 2.5 % (Schuirmann 1987, doi:10.1007/BF01068419) reject with probability `POWER`."""
    z = _NORMAL.inv_cdf(1 - ALPHA / 2)

    def shown(standard_error: float) -> float:
        above = _NORMAL.cdf((margin + mean) / standard_error - z)
        return above + _NORMAL.cdf((margin - mean) / standard_error - z) - 1

    low, high = 0.0, margin
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if shown(middle) >= POWER else (low, middle)
    # below the last halving nothing was shown
    return max(1, _told(standard_deviation / low if low else math.inf))


def _told(root: float, more: float = 0.0) -> int:
    """root² + `more` items, or `MOST_TOLD` + 1; a root too large is not squared."""
    return MOST_TOLD + 1 if root >= math.sqrt(MOST_TOLD) else min(MOST_TOLD + 1, math.ceil(root**2 + more))
