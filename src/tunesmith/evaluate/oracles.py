"""The statistics of a scorecard, computed once more by SciPy, scikit-learn or a formula written out another way.

Nothing here shares code with `stats` but the random draws: which units a resample holds and which signs are flipped.
Shapes: N items, G groups or single items, R resamples.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import integrate, optimize, stats
from sklearn import metrics
from sklearn.calibration import calibration_curve

from tunesmith.stats.calibration import NUM_BINS, NUM_SIMULATED
from tunesmith.stats.intervals import NUM_RESAMPLES, chunks, unit_draws
from tunesmith.stats.paired import sign_flips

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ends = tuple[float, float]
MaybeEnds = Ends | tuple[None, None]
"""Nothing where all resamples are alike."""
_Z: Final = float(stats.norm.ppf(0.975))
_NEAR: Final = 1e-12
_SMALL: Final = 1e-300
_POLE: Final = 1e-9
_SUREST: Final = float(stats.norm.isf(0.5e-9))


class _Replayed(np.random.Generator):
    """Hands SciPy the resamples that were drawn before; what it makes of them is its own."""

    def __init__(self, blocks: Iterator[npt.NDArray[Any]]) -> None:
        super().__init__(np.random.PCG64(0))
        self._blocks = blocks

    def integers(self, *_: Any, **__: Any) -> Any:
        return next(self._blocks)


def wilson(values_N: Floats) -> Ends:
    found = stats.binomtest(int(values_N.sum()), len(values_N)).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def interval_of_mean(values_N: Floats, groups: Sequence[str] | None, seed: int) -> MaybeEnds:
    """Wilson's for a share of single items, or of groups that are all alike; BCa for the rest."""
    is_share = set(values_N.tolist()) <= {0.0, 1.0}
    if groups is None and is_share:
        return wilson(values_N)
    found = with_width(bootstrap_of_mean(values_N, groups, seed))
    if groups is None or not is_share or found[0] is not None:
        return found
    # where the score statistic of as many items as groups is z
    share, spread = float(values_N.mean()), _Z**2 / len(set(groups))
    ends = np.roots([1 + spread, -2 * share - spread, share**2]).real
    return float(ends.min()), float(ends.max())


def with_width(ends: Ends) -> MaybeEnds:
    return ends if ends[1] - ends[0] > _NEAR * max(1.0, abs(ends[0])) else (None, None)


def bootstrap_of_mean(
    values_N: Floats, groups: Sequence[str] | None, seed: int, *, is_difference: bool = False
) -> Ends:
    sums_G, sizes_G = _units(values_N, groups)
    mean = float(values_N.mean())
    if np.ptp(sums_G / sizes_G) < _NEAR:
        return mean, mean

    def ratio(some_G: Floats, of_G: Floats, axis: int) -> Floats:
        return _snapped(some_G.sum(axis=axis) / of_G.sum(axis=axis), mean)

    # units without a difference say nothing of its spread
    num_moving = int((np.abs(sums_G) > _NEAR).sum()) if is_difference else len(sums_G)
    return _bootstrap((sums_G, sizes_G), ratio, (len(sums_G), num_moving), seed, NUM_RESAMPLES)


def bootstrap_of(
    figure: Callable[[Ints], float],
    num_items: int,
    groups: Sequence[str] | None,
    seed: int,
    num_resamples: int,
) -> Ends:
    """Of a figure that is given the places of the items that count."""
    members: dict[str, list[int]] = {}
    for place, unit in enumerate(map(str, range(num_items)) if groups is None else groups):
        members.setdefault(unit, []).append(place)
    places = [np.array(of_unit) for of_unit in members.values()]
    whole = figure(np.arange(num_items))
    if len(places) == 1:
        return whole, whole

    def of_units(units_G: Floats) -> Any:
        return _snapped(np.asarray(figure(np.concatenate([places[unit] for unit in units_G]))), whole)

    return _bootstrap((np.arange(len(places)),), of_units, (len(places), len(places)), seed, num_resamples)


def _bootstrap(
    data: tuple[Any, ...], figure: Callable[..., Any], nums: tuple[int, int], seed: int, num_resamples: int
) -> Ends:
    """BCa, with the tails of as many units as tell of the spread; `nums` are all units and those."""
    num_units, num_telling = nums[0], max(2, nums[1])
    z = min(_SUREST, math.sqrt(num_telling / (num_telling - 1)) * float(stats.t.ppf(0.975, num_telling - 1)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            data,
            figure,
            paired=len(data) > 1,
            vectorized=len(data) > 1,
            n_resamples=num_resamples,
            batch=chunks(num_resamples, num_units)[0],
            method="BCa",
            confidence_level=1 - 2 * float(stats.norm.sf(z)),
            rng=_Replayed(unit_draws(num_units, seed, num_resamples)),
        )
    ends = found.confidence_interval
    drawn_R, more = found.bootstrap_distribution, {"axis": -1} if len(data) > 1 else {}
    whole = float(figure(*data, **more))
    share_below = float((drawn_R < whole).mean() + (drawn_R <= whole).mean()) / 2
    left_out_G = np.array([float(figure(*(np.delete(of, unit) for of in data), **more)) for unit in range(num_units)])
    pull_G = left_out_G.mean() - left_out_G
    skew = float((pull_G**3).sum() / (6 * (pull_G**2).sum() ** 1.5)) if pull_G.any() else 0.0
    bias = float(stats.norm.ppf(np.clip(share_below, 0.5 / num_resamples, 1 - 0.5 / num_resamples)))
    stretch = [1 - skew * (bias + side) for side in (-z, z)]
    if np.isfinite(ends).all() and 0 < share_below < 1 and min(stretch) > 0:
        return float(ends.low), float(ends.high)
    # SciPy gives none where all resamples lie on one side or no unit changes anything, and a wrong one beyond the pole
    at = [stats.norm.cdf(bias + (bias + side) / max(by, _POLE)) for side, by in zip((-z, z), stretch, strict=True)]
    low, high = np.quantile(drawn_R, at).tolist()
    return low, high


def _snapped(figures: Floats, whole: float) -> Floats:
    """What differs from the figure of all items by rounding is a tie with it."""
    snapped: Floats = np.where(np.abs(figures - whole) <= _NEAR * max(1.0, abs(whole)), whole, figures)
    return snapped


def _units(values_N: Floats, groups: Sequence[str] | None) -> tuple[Floats, Floats]:
    if groups is None:
        return values_N, np.ones(len(values_N))
    gathered: dict[str, list[float]] = {}
    for value, group in zip(values_N.tolist(), groups, strict=True):
        gathered.setdefault(group, []).append(value)
    sums = [math.fsum(values) for values in gathered.values()]
    return np.array(sums), np.array([float(len(values)) for values in gathered.values()])


def paired(before_N: Floats, after_N: Floats, groups: Sequence[str] | None, seed: int) -> dict[str, float | None]:
    """`mean`, `low`, `high`, `p_value` and `detectable` of after - before."""
    gains_N = after_N - before_N
    sums_G, sizes_G = _units(gains_N, groups)
    if len(sums_G) == len(gains_N) and set(before_N.tolist()) | set(after_N.tolist()) <= {0.0, 1.0}:
        return _counted(int((gains_N > 0).sum()), int((gains_N < 0).sum()), len(gains_N))
    mean = math.fsum(gains_N.tolist()) / len(gains_N)
    p_value = _sign_flips(sums_G, seed)
    detectable: float | None = None
    if np.ptp(sums_G / sizes_G) < _NEAR:
        unseen = 1 - 0.025 ** (1 / len(sums_G))
        low, high = mean - unseen * (mean - min(-1.0, mean)), mean + unseen * (max(1.0, mean) - mean)
    else:
        low, high = bootstrap_of_mean(gains_N, groups, seed, is_difference=True)
        spread = len(sums_G) * stats.tvar(sums_G - sizes_G * mean) if len(sums_G) > 1 else 0.0
        num_moving = int((np.abs(sums_G) > _NEAR).sum())
        detectable = _noncentrality(num_moving - 1) * math.sqrt(spread) / len(gains_N) if num_moving > 1 else None
    return _told(mean, (low, high), p_value, detectable)


def _told(mean: float, ends: Ends, p_value: float, detectable: float | None) -> dict[str, float | None]:
    low, high = ends if p_value <= 0.05 else (min(ends[0], 0.0), max(ends[1], 0.0))
    return {"mean": mean, "low": low, "high": high, "p_value": p_value, "detectable": detectable}


def _noncentrality(num_free: int) -> float:
    """By how many standard errors a mean has to be off 0 for Student's test to show it four times of five.

    The chance is summed over the spread that a sample may have: that of the normal beyond the limit times the spread.
    """
    limit, width = float(stats.t.ppf(0.975, num_free)), 12 / math.sqrt(2 * num_free)

    def lacking(shift: float) -> float:
        def shown(spread: float) -> float:
            density = math.sqrt(num_free) * stats.chi.pdf(spread * math.sqrt(num_free), num_free)
            return float(density * stats.norm.cdf(shift - limit * spread))

        found = integrate.quad(shown, max(0.0, 1 - width), 1 + width, epsabs=1e-13, epsrel=1e-13, limit=200)
        return float(found[0]) - 0.8

    return float(optimize.brentq(lacking, 0.0, 10 * limit, xtol=1e-13))


def _sign_flips(sums_G: Floats, seed: int) -> float:
    moving = sums_G[np.abs(sums_G) > _NEAR]
    if len(moving) == 0:
        return 1.0
    blocks = sign_flips(len(moving), seed, NUM_RESAMPLES)
    slack = _NEAR * float(np.abs(moving).sum())

    def distance(sums: Floats, axis: int) -> Floats:
        # in steps of the slack's size, so that sums apart by rounding are ties
        far: Floats = np.abs(sums.sum(axis=axis))
        return np.where(np.abs(far - abs(float(moving.sum()))) <= slack, abs(float(moving.sum())), far)

    found = stats.monte_carlo_test(
        moving,
        lambda size: moving * (1.0 - 2.0 * next(blocks)),
        distance,
        vectorized=True,
        n_resamples=NUM_RESAMPLES,
        batch=chunks(NUM_RESAMPLES, len(moving))[0],
        alternative="greater",
    )
    return float(found.pvalue)


def _counted(num_won: int, num_lost: int, n: int) -> dict[str, float | None]:
    num_apart = num_won + num_lost
    p_value = float(stats.binomtest(num_won, num_apart).pvalue) if num_apart else 1.0
    low, high = -_score_end(num_lost, num_won, n), _score_end(num_won, num_lost, n)
    return _told((num_won - num_lost) / n, (low, high), p_value, _detectable(n, num_apart / n))


def _score_end(num_won: int, num_lost: int, n: int) -> float:
    """Where Tango's score statistic is z; the nuisance share from the likelihood's derivative, not from its root."""

    def beyond(difference: float) -> float:
        lost = _likeliest(num_won, num_lost, n, difference)
        variance = n * (2 * lost + difference - difference**2)
        return (n * difference - num_won + num_lost) ** 2 - _Z**2 * variance

    if num_won - num_lost == n:
        return 1.0
    # at the observed difference itself the variance may be 0
    return float(optimize.brentq(beyond, (num_won - num_lost) / n + _NEAR, 1.0, xtol=1e-15))


def _likeliest(num_won: int, num_lost: int, n: int, difference: float) -> float:
    least, most = max(0.0, -difference), (1 - difference) / 2

    def slope(lost: float) -> float:
        # times all three shares, which are positive inside
        won, same = lost + difference, 1 - 2 * lost - difference
        num_same = n - num_won - num_lost
        return num_won * lost * same + num_lost * won * same - 2 * num_same * lost * won

    inside = (most - least) * 1e-9
    if most - least < _SMALL or slope(least + inside) <= 0:
        return least
    if slope(most - inside) >= 0:
        return most
    return float(optimize.brentq(slope, least + inside, most - inside, xtol=1e-16))


def _detectable(n: int, disagreement: float) -> float | None:
    num_apart_M = np.arange(1, n + 1)
    needed_M = stats.binom.isf(0.025, num_apart_M, 0.5) + 1

    def lacking(gain: float) -> float:
        share = max(disagreement, gain)
        chance_M = stats.binom.pmf(num_apart_M, n, share)
        shown_M = stats.binom.sf(needed_M - 1, num_apart_M, min(1.0, (share + gain) / (2 * share)))
        return float(chance_M @ shown_M) - 0.8

    return float(optimize.brentq(lacking, 1e-9, 1.0, xtol=1e-15)) if lacking(1.0) >= 0 else None


def holm(p_values: Sequence[float]) -> list[float]:
    """By definition: the largest, over all p-values not above it, of each times the number not below it."""
    scaled = [(p, min(1.0, p * sum(other >= p for other in p_values))) for p in p_values]
    return [max(product for p, product in scaled if p <= p_value) for p_value in p_values]


def of_classes(name: str, true_N: Ints, told_N: Ints, num_classes: int) -> float:
    """`macro_f1`, `weighted_recall`, ...: scikit-learn's figure over the declared classes, codes below the number."""
    if name == "mcc":
        return float(metrics.matthews_corrcoef(true_N, told_N))
    average, score = name.split("_")
    judge = {"f1": metrics.f1_score, "precision": metrics.precision_score, "recall": metrics.recall_score}[score]
    return float(judge(true_N, told_N, labels=np.arange(num_classes), average=average, zero_division=0.0))


def of_counts(name: str, true_N: Ints, told_N: Ints, num_classes: int) -> float:
    """The same from the table of counts, a thousand times as fast: for resamples."""
    width = num_classes + 2  # with what is none of them, on either side
    table = np.bincount(true_N * width + told_N, minlength=width**2).reshape(width, width)
    if name == "mcc":
        chances = table / len(true_N)
        of_true, of_told = chances.sum(axis=1), chances.sum(axis=0)
        spread = float((1 - of_true @ of_true) * (1 - of_told @ of_told))
        return float(chances.trace() - of_true @ of_told) / math.sqrt(spread) if spread > _NEAR else 0.0
    average, score = name.split("_")
    right_C, true_C, told_C = (
        counts[:num_classes] for counts in (table.diagonal(), table.sum(axis=1), table.sum(axis=0))
    )
    if average == "micro":
        right_C, true_C, told_C = (np.array([counts.sum()]) for counts in (right_C, true_C, told_C))
    below_C = {"f1": (true_C + told_C) / 2, "precision": told_C, "recall": true_C}[score]
    scores_C = np.divide(right_C, below_C, out=np.zeros(len(right_C)), where=below_C > 0)
    return float(np.average(scores_C, weights=true_C if average == "weighted" and true_C.any() else None))


def of_errors(name: str, squared_N: Floats, targets_N: Floats) -> float:
    """`rmse` or `r2` from squared errors: for resamples."""
    mean, spread = float(np.mean(squared_N)), float(np.var(targets_N))
    if name == "rmse":
        return math.sqrt(mean)
    return 1 - mean / spread if spread else float(mean == 0)


def calibration(confidence_N: Floats, is_right_N: Floats, seed: int, groups: Sequence[str] | None) -> dict[str, Any]:
    """The figures of a `CalibrationTable` but for its risks, by the names that they have there."""
    accuracy_B, stated_B = calibration_curve(is_right_N, confidence_N, n_bins=NUM_BINS, strategy="quantile")
    edges = np.percentile(confidence_N, np.linspace(0, 100, NUM_BINS + 1))
    number_N = np.digitize(confidence_N, edges[1:-1], right=True)
    in_bin_NB = (number_N[:, None] == np.unique(number_N)).astype(np.float64)
    num_B = in_bin_NB.sum(axis=0)
    # of bins in their order, as they were simulated
    order = np.argsort(number_N, kind="stable")
    rng = np.random.default_rng(seed)
    together = 0.0 if groups is None else math.sqrt(_alike(confidence_N, is_right_N, groups))
    first = {group: number for number, group in enumerate(dict.fromkeys(groups or ()))}
    place_N = [first[groups[at]] for at in order.tolist()] if groups else []
    gaps_RB = []
    for num in chunks(NUM_SIMULATED, len(order)):
        drawn = rng.random((num, len(order)))
        if together:
            shares = rng.random((num, len(order))) < together
            drawn[shares] = rng.random((num, len(first)))[:, place_N][shares]
        right = (drawn < confidence_N[order]).astype(np.float64)
        gaps_RB.append(np.abs(right @ in_bin_NB[order] - num_B * stated_B))
    simulated_R = np.concatenate(gaps_RB).sum(axis=1) / len(order)
    ece = float(np.average(np.abs(accuracy_B - stated_B), weights=num_B))
    noise_B = np.array(
        [right.var(ddof=1) / len(right) if len(right) > 1 else 0.0 for right in _parts(is_right_N, in_bin_NB)]
    )
    places = [np.flatnonzero(of_bin) for of_bin in in_bin_NB.T]
    ends = [
        interval_of_mean(is_right_N[own], None if groups is None else [groups[at] for at in own.tolist()], seed)
        for own in places
    ]
    squared = float(np.average((accuracy_B - stated_B) ** 2 - noise_B, weights=num_B))
    return {
        "n": len(order),
        "accuracy": float(metrics.accuracy_score(is_right_N, np.ones(len(order)))),
        "confidence": math.fsum(confidence_N.tolist()) / len(order),
        "ece": ece,
        "ece_of_calibrated": float(simulated_R.mean()),
        "p_value": (int((simulated_R > ece - _NEAR).sum()) + 1) / (NUM_SIMULATED + 1),
        "rms_debiased": math.sqrt(max(0.0, squared)),
        "brier": float(metrics.brier_score_loss(is_right_N, confidence_N)),
        "bins": list(zip(num_B.tolist(), stated_B.tolist(), accuracy_B.tolist(), ends, strict=True)),
    }


def _alike(confidence_N: Floats, is_right_N: Floats, groups: Sequence[str]) -> float:
    """What answers are off times what others of their group are, over the same of their deviations: 0..1."""
    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    products = [0.0, 0.0]
    for number, each_N in enumerate((is_right_N - confidence_N, np.sqrt(confidence_N - confidence_N**2))):
        for own in members.values():
            total = math.fsum(each_N[own].tolist())
            products[number] += math.fsum(each * (total - each) for each in each_N[own].tolist())
    return min(1.0, max(0.0, products[0] / products[1])) if products[1] > _NEAR else 0.0


def _parts(values_N: Floats, in_bin_NB: Floats) -> list[Floats]:
    return [values_N[of_bin.astype(bool)] for of_bin in in_bin_NB.T]


def risks(confidence_N: Floats, is_right_N: Floats) -> list[float]:
    """The share wrong of the k most confident answers for every k; answers of equal confidence count as their mean."""
    wrong_at: dict[float, list[float]] = {}
    for confidence, is_right in zip(confidence_N.tolist(), is_right_N.tolist(), strict=True):
        wrong_at.setdefault(confidence, []).append(1.0 - is_right)
    wrong: list[float] = []
    for confidence in sorted(wrong_at, reverse=True):
        wrong += [math.fsum(wrong_at[confidence]) / len(wrong_at[confidence])] * len(wrong_at[confidence])
    return [total / (place + 1) for place, total in enumerate(accumulate(wrong))]
