"""Agreement of raters against published figures, the coincidence matrix written out, scikit-learn and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from tunesmith.stats.agreement import Coefficient, kappa, krippendorff_alpha, lean, with_interval

# Krippendorff 2011, example C: four observers, twelve units, judgements missing.
OBSERVERS = ("123321412   ", "1233224125 3", " 3332342251 ", "12332441251 ")


def counts(observers: tuple[str, ...], num_values: int = 5) -> NDArray[np.int64]:
    counts_NV = np.zeros((len(observers[0]), num_values), np.int64)
    for observer in observers:
        for item, value in enumerate(observer):
            if value != " ":
                counts_NV[item, int(value) - 1] += 1
    return counts_NV


def written_out(counts_NV: NDArray[np.int64], *, is_ordinal: bool) -> float:
    """Alpha by the definition: a coincidence matrix filled pair by pair, disagreement observed over expected."""
    num_values = counts_NV.shape[1]
    coincidences = [[0.0] * num_values for _ in range(num_values)]
    for row in counts_NV.tolist():
        values = [value for value, count in enumerate(row) for _ in range(count)]
        for place, one in enumerate(values):
            for other_place, other in enumerate(values):
                if place != other_place:
                    coincidences[one][other] += 1 / (len(values) - 1)
    totals = [sum(row) for row in coincidences]

    def apart(one: int, other: int) -> float:
        if not is_ordinal:
            return float(one != other)
        low, high = sorted((one, other))
        return (sum(totals[low : high + 1]) - (totals[low] + totals[high]) / 2) ** 2

    pairs = [(one, other) for one in range(num_values) for other in range(num_values)]
    observed = sum(coincidences[one][other] * apart(one, other) for one, other in pairs)
    expected = sum(totals[one] * totals[other] * apart(one, other) for one, other in pairs) / (sum(totals) - 1)
    return 1 - observed / expected


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815)])
def test_the_published_example(level: str, published: float) -> None:
    found = krippendorff_alpha(counts(OBSERVERS), level)  # type: ignore[arg-type]
    assert found == pytest.approx(published, abs=5e-4)
    assert found == pytest.approx(written_out(counts(OBSERVERS), is_ordinal=level == "ordinal"), abs=1e-12)


def test_alpha_is_that_of_the_coincidence_matrix() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        counts_NV = rng.multinomial(3, rng.dirichlet(np.ones(5)), size=20)
        counts_NV[rng.integers(20, size=5)] = 0  # nobody judged these
        for level in ("nominal", "ordinal"):
            expected = written_out(counts_NV[counts_NV.sum(axis=1) > 1], is_ordinal=level == "ordinal")
            assert krippendorff_alpha(counts_NV, level) == pytest.approx(expected, abs=1e-12)  # type: ignore[arg-type]


def test_a_grade_further_off_weighs_more_only_where_grades_have_an_order() -> None:
    near = np.array([[2, 0, 0, 0, 0], [0, 0, 0, 0, 2], [1, 1, 0, 0, 0], [0, 0, 2, 0, 0]])
    far = near.copy()
    far[2] = [1, 0, 0, 0, 1]
    ordinal = [krippendorff_alpha(each, "ordinal") for each in (near, far)]
    assert ordinal[0] > ordinal[1]  # type: ignore[operator]


def test_kappa_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    for weights in ("none", "quadratic"):
        one_N = rng.integers(5, size=60)
        other_N = np.where(rng.random(60) < 0.6, one_N, rng.integers(5, size=60))
        expected = cohen_kappa_score(one_N, other_N, weights=None if weights == "none" else weights)
        assert kappa(one_N, other_N, 5, weights) == pytest.approx(expected, abs=1e-12)  # type: ignore[arg-type]
    same_N = np.zeros(4, np.int64)
    assert kappa(same_N, same_N, 5, "none") is None


@pytest.mark.parametrize(("count", "n"), [(0, 5), (3, 3), (7, 20), (10, 20), (60, 100), (131, 200)])
def test_a_lean_is_that_of_scipy(count: int, n: int) -> None:
    found = lean(count, n)
    assert found is not None
    expected = binomtest(count, n)
    interval = expected.proportion_ci(method="wilson")
    assert found.p_value == pytest.approx(expected.pvalue, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert (found.share, found.n) == (count / n, n)
    assert lean(0, 0) is None


def test_an_interval_is_drawn_by_groups_and_absent_where_nothing_varies() -> None:
    rng = np.random.default_rng(3)
    one_N = rng.integers(5, size=60)
    other_N = np.where(rng.random(60) < 0.7, one_N, rng.integers(5, size=60))
    # each item four times: nothing is known that was not before
    many_N, other_many_N = np.tile(one_N, 4), np.tile(other_N, 4)
    groups = np.tile(np.arange(60), 4).tolist()
    alone = with_interval(lambda p: kappa(one_N[p], other_N[p], 5, "quadratic"), 60, None, seed=0)
    grouped = with_interval(lambda p: kappa(many_N[p], other_many_N[p], 5, "quadratic"), 240, groups, seed=0)
    assert alone.value == pytest.approx(grouped.value)
    widths = [found.high - found.low for found in (alone, grouped)]  # type: ignore[operator]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)
    assert alone.low < alone.value < alone.high  # type: ignore[operator]
    full = with_interval(lambda p: kappa(one_N[p], one_N[p], 5, "none"), 60, None, seed=0)
    assert full == Coefficient(1.0, None, None, 60)
    assert with_interval(lambda p: None, 3, None, seed=0) == Coefficient(None, None, None, 3)
