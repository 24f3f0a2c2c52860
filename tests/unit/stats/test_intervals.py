import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from tunesmith.stats.intervals import bootstrap_bca, bootstrap_bca_of, expanded, measured_coverage, wilson


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 20), (20, 20), (18, 20), (2754, 3080), (1, 10_000)])
def test_wilson_equals_scipy(successes: int, n: int, confidence: float) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    interval = wilson(successes, n, confidence)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-14)
    assert 0 <= interval.low <= successes / n <= interval.high <= 1


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, n)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(1).normal(size=80),
        np.random.default_rng(2).exponential(size=60),
        (np.random.default_rng(3).random(120) < 0.9).astype(float),
    ],
    ids=["normal", "skewed", "binary"],
)
def test_bootstrap_equals_scipy_bca(values: np.ndarray) -> None:
    expected = stats.bootstrap((values,), np.mean, n_resamples=40_000, rng=5).confidence_interval
    interval = bootstrap_bca(values, seed=6, num_resamples=40_000)
    # Two streams of 40,000 differ by about 0.01 of the width at the ends.
    width = expected.high - expected.low
    assert interval.low == pytest.approx(expected.low, abs=0.03 * width)
    assert interval.high == pytest.approx(expected.high, abs=0.03 * width)


def test_bootstrap_on_the_same_draws_is_scipy_to_the_digit() -> None:
    values = np.random.default_rng(2).exponential(size=50)

    class SameDraws(np.random.Generator):
        """Hands scipy the draws that our seed makes."""

        def integers(self, low, high=None, size=None, dtype=np.int64, endpoint=False):  # type: ignore[no-untyped-def]
            return np.random.default_rng(9).integers(high, size=size, dtype=np.int32)

    rng = SameDraws(np.random.PCG64(0))
    # the tails of Student's t, and the spread of all rather than of the 50
    level = 2 * stats.norm.cdf(math.sqrt(50 / 49) * stats.t.ppf(0.975, 49)) - 1
    expected = stats.bootstrap((values,), np.mean, n_resamples=2_000, rng=rng, confidence_level=level)
    expected = expected.confidence_interval
    interval = bootstrap_bca(values, seed=9, num_resamples=2_000)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_bootstrap_of_the_mean_agrees_with_the_standard_error() -> None:
    values = np.random.default_rng(4).normal(size=2_000)
    interval = bootstrap_bca(values, seed=1)
    assert (interval.high - interval.low) / (2 * 1.96) == pytest.approx(stats.sem(values), rel=0.05)


def test_any_statistic_equals_the_fast_mean_on_the_same_draws() -> None:
    values = np.random.default_rng(5).exponential(size=70)
    general = bootstrap_bca_of(lambda items: float(values[items].mean()), 70, seed=3, num_resamples=500)
    fast = bootstrap_bca(values, seed=3, num_resamples=500)
    assert (general.low, general.high) == pytest.approx((fast.low, fast.high), rel=1e-12)


def test_ties_count_half_whatever_their_rounding() -> None:
    # means of tenths: many resamples have the observed mean, give or take the last bit
    tenths = np.random.default_rng(8).integers(0, 10, size=30)
    whole = bootstrap_bca(tenths.astype(float), seed=1)
    interval = bootstrap_bca(tenths / 10, seed=1)
    assert (10 * interval.low, 10 * interval.high) == pytest.approx((whole.low, whole.high), rel=1e-12)


def test_any_statistic_equals_scipy_for_macro_f1() -> None:
    rng = np.random.default_rng(6)
    true = rng.integers(3, size=150)
    predicted = np.where(rng.random(150) < 0.8, true, rng.integers(3, size=150))

    def score(items: np.ndarray) -> float:
        hits = np.bincount(true[items][true[items] == predicted[items]], minlength=3)
        return float(
            (2 * hits / (np.bincount(true[items], minlength=3) + np.bincount(predicted[items], minlength=3))).mean()
        )

    assert score(np.arange(150)) == pytest.approx(f1_score(true, predicted, average="macro"))
    expected = stats.bootstrap((np.arange(150),), score, vectorized=False, n_resamples=4_000, rng=7).confidence_interval
    interval = bootstrap_bca_of(score, 150, seed=8, num_resamples=4_000)
    assert interval.low == pytest.approx(expected.low, abs=0.008)
    assert interval.high == pytest.approx(expected.high, abs=0.008)


def test_groups_of_equal_size_are_a_bootstrap_of_their_means() -> None:
    rng = np.random.default_rng(7)
    means = rng.normal(size=40)
    values = np.repeat(means, 5)
    groups = [f"document {i // 5}" for i in range(200)]
    clustered = bootstrap_bca(values, seed=2, groups=groups)
    of_means = bootstrap_bca(means, seed=2)
    assert (clustered.low, clustered.high) == pytest.approx((of_means.low, of_means.high), rel=1e-12)
    naive = bootstrap_bca(values, seed=2)
    assert (clustered.high - clustered.low) / (naive.high - naive.low) == pytest.approx(math.sqrt(5), rel=0.1)


def test_groups_of_unequal_size_match_the_clustered_standard_error() -> None:
    rng = np.random.default_rng(8)
    sizes = rng.integers(1, 9, size=150)
    groups = np.repeat(np.arange(150), sizes)
    values = 3 + np.repeat(rng.normal(size=150), sizes) + rng.normal(size=len(groups))
    residual = np.bincount(groups, weights=values - values.mean())
    clustered_error = math.sqrt((residual**2).sum() * 150 / 149) / len(values)
    shuffled = rng.permutation(len(values))
    for interval in (
        bootstrap_bca(values[shuffled], seed=1, groups=list(groups[shuffled])),
        bootstrap_bca_of(lambda items: float(values[items].mean()), len(values), seed=1, groups=list(groups)),
    ):
        assert (interval.high - interval.low) / (2 * 1.96) == pytest.approx(clustered_error, rel=0.06)


def test_wilson_coverage_by_enumeration() -> None:
    # Averaged over shares the Wilson interval holds its level; Wald's at n = 20, share 0.9 covers 87.7 %.
    n, shares = 20, np.linspace(0.02, 0.98, 97)
    intervals = [wilson(k, n) for k in range(n + 1)]
    mass = stats.binom.pmf(np.arange(n + 1)[:, None], n, shares)
    inside = np.array([[i.low <= share <= i.high for share in shares] for i in intervals])
    coverage = (mass * inside).sum(axis=0)
    assert coverage.mean() == pytest.approx(0.95, abs=0.01)
    assert coverage[np.argmin(abs(shares - 0.9))] == pytest.approx(0.957, abs=0.003)


def test_coverage_of_few_items_is_that_of_the_next_fewer_measured() -> None:
    told = [measured_coverage(n) for n in (1, 5, 19, 20, 49, 50, 99, 100, 5_000)]
    assert told == [0.89, 0.89, 0.93, 0.93, 0.93, 0.94, 0.94, None, None]


def test_few_units_ask_for_more_confidence() -> None:
    assert expanded(0.95, 10) == pytest.approx(2 * stats.norm.cdf(math.sqrt(10 / 9) * stats.t.ppf(0.975, 9)) - 1)
    assert expanded(0.9, 100_000) == pytest.approx(0.9, abs=1e-5)
    assert expanded(0.95, 1) == expanded(0.95, 2) < 1
