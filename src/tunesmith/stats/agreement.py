"""How far raters agree, beyond chance where each names one class or grade, and by F1 where they mark spans.

Shapes: N items, C classes, V values (classes, or grades in their order). `answers` are, by rater, what it said of each
item that it judged. A figure is None where it is not defined: fewer than two raters met on an item, or nobody ever
named a second class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from tunesmith.stats.intervals import Ints, bootstrap_bca_of, wilson

Labels = Mapping[str, Mapping[str, str]]
"""By rater and item the class."""
Facts = Mapping[str, Mapping[str, frozenset[Hashable]]]
"""By rater and item what was marked."""


@dataclass(frozen=True)
class Pair:
    """Two raters on the items that both judged; `value` is their kappa or their F1."""

    raters: tuple[str, str]
    items: int
    value: float | None


@dataclass(frozen=True)
class ClassAgreement:
    """Agreement on one class an item; each coefficient is 1 for full agreement and 0 for that of chance."""

    items: int
    """Judged by two raters or more."""
    observed: float | None
    """The share of pairs of answers to one item that are equal, items weighing equally."""
    cohen: tuple[Pair, ...]
    fleiss: float | None
    """Over the items that all raters judged."""
    krippendorff: float | None


@dataclass(frozen=True)
class MarkAgreement:
    """Agreement on marks, of which an item has any number."""

    items: int
    pairs: tuple[Pair, ...]
    mean_f1: float | None
    """Of the pairs that have one, equally weighed."""


def class_agreement(answers: Labels) -> ClassAgreement:
    """Return Cohen's kappa of each pair, Fleiss' kappa and Krippendorff's alpha (nominal; judgements may be missing).

    Cohen 1960, doi:10.1177/001316446002000104; Krippendorff 2011, "Computing Krippendorff's alpha-reliability".
    """
    items = sorted({item for of_rater in answers.values() for item in of_rater})
    classes = sorted({label for of_rater in answers.values() for label in of_rater.values()})
    code = {label: number for number, label in enumerate(classes)}
    counts_NC = np.zeros((len(items), len(classes)), dtype=np.int64)
    for number, item in enumerate(items):
        for label, count in Counter(of_rater[item] for of_rater in answers.values() if item in of_rater).items():
            counts_NC[number, code[label]] = count
    met_NC = counts_NC[counts_NC.sum(axis=1) >= 2]
    whole_NC = met_NC[met_NC.sum(axis=1) == len(answers)]
    return ClassAgreement(
        items=len(met_NC),
        observed=float(_agreeing(met_NC).mean()) if len(met_NC) else None,
        cohen=tuple(_cohen(answers, pair) for pair in combinations(answers, 2)),
        fleiss=fleiss_kappa(whole_NC) if len(whole_NC) else None,
        krippendorff=krippendorff_alpha(met_NC),
    )


def mark_agreement(answers: Facts) -> MarkAgreement:
    """Return the F1 of each pair over the items that both judged: 2 |A and B| / (|A| + |B|), all items together.

    F1 is the right measure where what nobody marked cannot be counted (Hripcsak and Rothschild 2005,
    doi:10.1197/jamia.M1733).
    """
    pairs = []
    for first, second in combinations(answers, 2):
        shared = [item for item in answers[first] if item in answers[second]]
        equal = sum(len(answers[first][item] & answers[second][item]) for item in shared)
        marks = sum(len(answers[rater][item]) for rater in (first, second) for item in shared)
        pairs.append(Pair((first, second), len(shared), 2 * equal / marks if marks else None))
    times = Counter(item for of_rater in answers.values() for item in of_rater)
    values = [pair.value for pair in pairs if pair.value is not None]
    met = sum(count >= 2 for count in times.values())
    return MarkAgreement(met, tuple(pairs), sum(values) / len(values) if values else None)


def fleiss_kappa(counts_NC: npt.NDArray[np.int64]) -> float | None:
    """Return Fleiss' kappa (Fleiss 1971, doi:10.1037/h0031619) of how many raters put each item into each class.

    Every item has the same number of raters, at least two; at least one item.
    """
    share_C = counts_NC.sum(axis=0) / counts_NC.sum()
    by_chance = float((share_C**2).sum())
    return None if by_chance == 1.0 else (float(_agreeing(counts_NC).mean()) - by_chance) / (1.0 - by_chance)


def _agreeing(counts_NC: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(N,) the share of pairs of answers to an item that are equal."""
    raters_N = counts_NC.sum(axis=1)
    agreeing_N: npt.NDArray[np.float64] = (counts_NC * (counts_NC - 1)).sum(axis=1) / (raters_N * (raters_N - 1))
    return agreeing_N


def _cohen(answers: Labels, pair: tuple[str, str]) -> Pair:
    from sklearn.metrics import cohen_kappa_score

    first, second = (answers[rater] for rater in pair)
    shared = [item for item in first if item in second]
    labels = [[of_rater[item] for item in shared] for of_rater in (first, second)]
    is_defined = len({*labels[0], *labels[1]}) > 1
    return Pair(pair, len(shared), float(cohen_kappa_score(*labels)) if is_defined else None)


@dataclass(frozen=True)
class Coefficient:
    """A coefficient of agreement with its 95 % interval over `items`.

    None where it is not defined; no interval where all resamples give the same.
    """

    value: float | None
    low: float | None
    high: float | None
    items: int


@dataclass(frozen=True)
class Lean:
    """How often one of two sides was taken: the share of `n` with its Wilson interval, and the exact test of a half."""

    share: float
    low: float
    high: float
    p_value: float
    n: int


def krippendorff_alpha(
    counts_NV: npt.NDArray[np.int64], level: Literal["nominal", "ordinal"] = "nominal"
) -> float | None:
    """Return Krippendorff's alpha of how many raters gave each value to each item; None where it is not defined.

    Items that fewer than two raters judged say nothing. `ordinal` takes the values in their order, and two of them for
    the further apart the more often those between were given (Krippendorff 2011, "Computing Krippendorff's
    alpha-reliability").
    """
    import krippendorff

    met_NV = counts_NV[counts_NV.sum(axis=1) >= 2]
    if np.count_nonzero(met_NV.sum(axis=0)) < 2:
        return None
    return float(krippendorff.alpha(value_counts=met_NV, level_of_measurement=level))


def kappa(one_N: Ints, other_N: Ints, num_values: int, weights: Literal["none", "quadratic"]) -> float | None:
    """Return Cohen's kappa of two raters who gave values from 0 to V - 1; None where chance alone explains all.

    With `quadratic` weights two grades disagree by the square of their distance (Cohen 1968, doi:10.1037/h0026256).
    """
    table_VV = np.bincount(one_N * num_values + other_N, minlength=num_values**2).reshape(num_values, num_values)
    share_VV = table_VV / len(one_N)
    chance_VV = np.outer(share_VV.sum(axis=1), share_VV.sum(axis=0))
    apart_VV = np.subtract.outer(np.arange(num_values), np.arange(num_values))
    weight_VV = apart_VV**2 if weights == "quadratic" else (apart_VV != 0).astype(np.int64)
    by_chance = float((weight_VV * chance_VV).sum())
    return None if by_chance == 0.0 else 1.0 - float((weight_VV * share_VV).sum()) / by_chance


def with_interval(
    figure: Callable[[Ints], float | None], num_items: int, groups: Sequence[object] | None, *, seed: int
) -> Coefficient:
    """Return a coefficient of the items whose places it is given, with its BCa interval over items or whole groups.

    Resamples of which it is not defined count as what was observed.
    """
    value = figure(np.arange(num_items)) if num_items else None
    if value is None:
        return Coefficient(None, None, None, num_items)

    def resampled(places: Ints) -> float:
        found = figure(places) if len(places) else None
        return value if found is None else found

    interval = bootstrap_bca_of(resampled, num_items, seed=seed, groups=groups)
    low, high = (interval.low, interval.high) if interval.has_width else (None, None)
    return Coefficient(value, low, high, num_items)


def lean(count: int, n: int) -> Lean | None:
    """Return how far `count` of `n` is from a half; None for n = 0."""
    if n == 0:
        return None
    from scipy.special import bdtr  # brings scipy, which most callers of this package do without

    interval = wilson(count, n)
    p_value = min(1.0, 2 * float(bdtr(min(count, n - count), n, 0.5)))
    return Lean(count / n, interval.low, interval.high, p_value, n)
