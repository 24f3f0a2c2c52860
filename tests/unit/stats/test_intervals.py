import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score

from tunesmith.stats.intervals import (
    PairedDifference,
    bootstrap_bca,
    bootstrap_bca_of,
    items_needed,
    minimum_detectable_difference,
    paired_difference,
    standard_deviation_of,
    wilson,
)


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
    expected = stats.bootstrap((values,), np.mean, n_resamples=2_000, rng=rng).confidence_interval
    interval = bootstrap_bca(values, seed=9, num_resamples=2_000)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_bootstrap_of_the_mean_agrees_with_the_standard_error() -> None:
    values = np.random.default_rng(4).normal(size=2_000)
    interval = bootstrap_bca(values, seed=1)
    assert (interval.high - interval.low) / (2 * 1.96) == pytest.approx(stats.sem(values), rel=0.05)


def test_any_statistic_equals_the_fast_mean_on_the_same_draws() -> None:
    values = np.random.default_rng(5).exponential(size=70)
    general = bootstrap_bca_of(lambda items: float(values[items].mean()), 70, seed=3)
    # The general form draws 64-bit numbers, so the streams differ.
    fast = bootstrap_bca(values, seed=3, num_resamples=40_000)
    assert general.low == pytest.approx(fast.low, abs=0.03)
    assert general.high == pytest.approx(fast.high, abs=0.03)


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


def test_sign_flips_equal_full_enumeration() -> None:
    differences = np.array([0.3, -0.1, 0.25, 0.4, 0.0, 0.15, -0.05, 0.2])
    sums = [float((np.array(signs) * differences).sum()) for signs in itertools.product([-1, 1], repeat=8)]
    exact = np.mean(np.abs(sums) >= abs(differences.sum()) - 1e-9)
    result = paired_difference(np.zeros(8), differences, seed=0, num_resamples=40_000)
    assert result.p_value == pytest.approx(exact, abs=0.003)


def test_sign_flips_of_wins_and_losses_are_the_exact_sign_test() -> None:
    a = np.array([0.0] * 14 + [1.0] * 5 + [1.0] * 81)
    b = np.array([1.0] * 14 + [0.0] * 5 + [1.0] * 81)
    p_values = [paired_difference(a, b, seed=seed, num_resamples=10_000).p_value for seed in range(10)]
    # The mean of ten estimates from 10,000 flips has a standard error of 0.0008.
    assert np.mean(p_values) == pytest.approx(stats.binomtest(14, 19).pvalue, abs=0.0025)


def test_sign_flips_move_whole_groups() -> None:
    # Two groups of fifty: only four sign patterns, two of them as extreme as what was seen.
    result = paired_difference(np.zeros(100), np.repeat([0.2, 0.3], 50), [0] * 50 + [1] * 50, seed=0)
    assert result.p_value == pytest.approx(0.5, abs=0.03)
    assert result.low <= 0


def test_p_value_counts_the_observed_order() -> None:
    assert paired_difference([0.1] * 40, [0.3] * 40, seed=0, num_resamples=99).p_value == 1 / 100


def test_p_value_ignores_rounding() -> None:
    # 0.1 + 0.2 - 0.3 is not 0 in floating point, so that equal sums seem unequal.
    tenths = np.array([5, -3, -1, -4, 9, -2, -1])
    whole = paired_difference(np.zeros(7), tenths, seed=0)
    assert paired_difference(np.zeros(7), tenths / 10, seed=0).p_value == whole.p_value
    # Ten differences of 5e-17 are ten ties.
    assert paired_difference([0.3] * 10, [0.1 + 0.2] * 10, seed=0).p_value == 1.0


def test_sparse_wins_are_no_evidence() -> None:
    a, b = np.zeros(300), np.zeros(300)
    b[[5, 70, 200]] = 1
    assert bootstrap_bca(b, seed=0).low > 0
    result = paired_difference(a, b, seed=0)
    assert result.p_value == pytest.approx(0.25, abs=0.02)
    assert result.low == 0.0 < result.high
    mirrored = paired_difference(b, a, seed=0)
    assert mirrored.low < 0.0 == mirrored.high


@pytest.mark.parametrize("n", [1, 3, 30, 300])
def test_equal_scores_on_every_item_are_not_certainty(n: int) -> None:
    result = paired_difference(np.ones(n), np.ones(n), seed=0)
    # The share of items that a sample of n misses entirely with probability 2.5 %: Clopper-Pearson's bound at 0 of n.
    missed = stats.binomtest(0, n).proportion_ci(0.95, method="exact").high
    assert (result.mean, result.p_value) == (0.0, 1.0)
    assert (result.low, result.high) == pytest.approx((-missed, missed), rel=1e-9)


def test_three_items_all_won_are_no_evidence_but_ten_are() -> None:
    assert paired_difference([0] * 3, [1] * 3, seed=0).low < 0
    assert paired_difference([0] * 10, [1] * 10, seed=0).low > 0


def test_paired_interval_is_the_bootstrap_of_the_differences() -> None:
    rng = np.random.default_rng(9)
    a = rng.random(200)
    b = a + rng.normal(0.1, 0.2, size=200)
    result = paired_difference(a, b, seed=4)
    interval = bootstrap_bca(b - a, seed=4)
    assert (result.low, result.high) == (interval.low, interval.high)
    assert result.mean == pytest.approx(np.mean(b - a), rel=1e-12)
    test = stats.ttest_rel(b, a).confidence_interval()
    assert (result.low, result.high) == pytest.approx((test.low, test.high), abs=0.006)
    assert paired_difference(a, b, seed=4) == result
    assert paired_difference(b, a, seed=4).mean == -result.mean


@pytest.mark.parametrize(
    ("a", "b", "groups"),
    [([], [], None), ([1.0], [1.0, 0.0], None), ([math.nan], [1.0], None), ([1.0, 0.0], [1.0, 0.0], ["x"])],
)
def test_unusable_scores_are_refused(a: list[float], b: list[float], groups: list[str] | None) -> None:
    with pytest.raises(ValueError, match=r"finite|same items|one group"):
        paired_difference(a, b, groups, seed=0)


def test_wilson_coverage_by_enumeration() -> None:
    # Averaged over shares the Wilson interval holds its level; Wald's at n = 20, share 0.9 covers 87.7 %.
    n, shares = 20, np.linspace(0.02, 0.98, 97)
    intervals = [wilson(k, n) for k in range(n + 1)]
    mass = stats.binom.pmf(np.arange(n + 1)[:, None], n, shares)
    inside = np.array([[i.low <= share <= i.high for share in shares] for i in intervals])
    coverage = (mass * inside).sum(axis=0)
    assert coverage.mean() == pytest.approx(0.95, abs=0.01)
    assert coverage[np.argmin(abs(shares - 0.9))] == pytest.approx(0.957, abs=0.003)


def test_power_formula_holds_in_simulation() -> None:
    n = 400
    effect = minimum_detectable_difference(n, 0.5)
    means = np.random.default_rng(10).normal(effect, 0.5 / math.sqrt(n), size=100_000)
    found = np.mean(np.abs(means) > stats.norm.ppf(0.975) * 0.5 / math.sqrt(n))
    assert found == pytest.approx(0.8, abs=0.005)
    assert items_needed(effect, 0.5) in (n, n + 1)
    assert items_needed(-effect * 2, 0.5) == pytest.approx(n / 4, abs=1)
    assert minimum_detectable_difference(n, 0.5, power=0.9, alpha=0.01) == pytest.approx(
        (stats.norm.ppf(0.995) + stats.norm.ppf(0.9)) * 0.5 / 20
    )
    with pytest.raises(ValueError, match="difference of 0"):
        items_needed(0.0, 1.0)
    with pytest.raises(ValueError, match="at least one item"):
        minimum_detectable_difference(0, 1.0)


def test_standard_deviation_is_read_back_from_the_width() -> None:
    differences = np.random.default_rng(11).normal(0.1, 0.4, size=500)
    result = paired_difference(np.zeros(500), differences, seed=0)
    assert standard_deviation_of(result) == pytest.approx(differences.std(), rel=0.05)
    assert standard_deviation_of(PairedDifference(0.0, -0.196, 0.196, 100, 1.0)) == pytest.approx(1.0, rel=1e-4)
