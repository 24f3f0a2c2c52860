from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, stats

from tunesmith.stats.intervals import bootstrap_bca
from tunesmith.stats.paired import (
    PairedDifference,
    detectable_difference,
    holm,
    paired_difference,
    paired_shares,
    standard_deviation_of,
    standard_error,
)
from tunesmith.stats.power import detectable_share, minimum_detectable_difference


def test_sign_flips_are_the_exact_permutation_test() -> None:
    differences = np.array([0.3, -0.1, 0.25, 0.4, 0.0, 0.15, -0.05, 0.2])
    sums = [float((np.array(signs) * differences).sum()) for signs in itertools.product([-1, 1], repeat=8)]
    exact = np.mean(np.abs(sums) >= abs(differences.sum()) - 1e-9)
    result = paired_difference(np.zeros(8), differences, seed=0, num_resamples=40_000)
    assert result.p_value == pytest.approx(exact, abs=0.003)


@pytest.mark.parametrize(
    ("won", "lost", "n"), [(14, 5, 100), (5, 14, 100), (0, 0, 30), (7, 7, 14), (6, 0, 6), (90, 0, 300)]
)
def test_wins_and_losses_are_judged_by_mcnemars_exact_test(won: int, lost: int, n: int) -> None:
    a, b = np.ones(n), np.ones(n)
    a[:won], b[won : won + lost] = 0.0, 0.0
    result = paired_difference(a, b, seed=0)
    expected = stats.binomtest(won, won + lost).pvalue if won + lost else 1.0
    assert result.p_value == pytest.approx(expected, rel=1e-12)
    assert result == paired_shares(won, lost, n)
    assert result.mean == pytest.approx((won - lost) / n)


def likeliest_lost(won: int, lost: int, n: int, gain: float) -> float:
    """By search over the likelihood of the three counts."""

    def loss(share: float) -> float:
        chances = (share + gain, share, 1 - 2 * share - gain)
        return -sum(
            count * math.log(chance)
            for count, chance in zip((won, lost, n - won - lost), chances, strict=True)
            if count
        )

    ends = (max(0.0, -gain) + 1e-12, (1 - gain) / 2 - 1e-12)
    return float(optimize.minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-12}).x)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
@pytest.mark.parametrize(("won", "lost", "n"), [(14, 5, 50), (40, 9, 300), (3, 12, 44), (30, 1, 60)])
def test_the_ends_of_the_interval_are_where_the_score_test_begins_to_reject(
    won: int, lost: int, n: int, confidence: float
) -> None:
    result = paired_shares(won, lost, n, confidence)
    z = stats.norm.ppf(0.5 + confidence / 2)
    for end, side in ((result.low, 1), (result.high, -1)):
        if end == 0.0:  # held there by the exact test
            assert result.p_value > 1 - confidence
            continue
        variance = n * (2 * likeliest_lost(won, lost, n, end) + end - end**2)
        assert (won - lost - n * end) / math.sqrt(variance) == pytest.approx(side * z, abs=1e-5)


@pytest.mark.parametrize("n", [1, 3, 30, 300])
def test_two_arms_that_never_disagree_are_not_certain_to_be_equal(n: int) -> None:
    result = paired_difference(np.ones(n), np.ones(n), seed=0)
    z = stats.norm.ppf(0.975)
    # a share of 0 of n: Wilson's bound
    assert (result.mean, result.p_value) == (0.0, 1.0)
    assert (result.low, result.high) == pytest.approx((-z * z / (n + z * z), z * z / (n + z * z)), rel=1e-9)


def test_equal_differences_on_every_item_are_not_certainty() -> None:
    result = paired_difference(np.full(30, 0.25), np.full(30, 0.5), seed=0)
    missed = stats.binomtest(0, 30).proportion_ci(0.95, method="exact").high
    assert result.mean == pytest.approx(0.25)
    assert (result.low, result.high) == pytest.approx((0.25 - missed * 1.25, 0.25 + missed * 0.75), rel=1e-9)


def test_impossible_counts_are_refused() -> None:
    for counts in ((-1, 0, 5), (0, -1, 5), (3, 3, 5), (0, 0, 0)):
        with pytest.raises(ValueError, match="counts"):
            paired_shares(*counts)


def test_sign_flips_move_whole_groups() -> None:
    # Two groups of fifty: only four sign patterns, two of them as extreme as what was seen.
    result = paired_difference(np.zeros(100), np.repeat([0.2, 0.3], 50), [0] * 50 + [1] * 50, seed=0)
    assert result.p_value == pytest.approx(0.5, abs=0.03)
    assert result.low <= 0


def test_right_and_wrong_in_groups_are_drawn_by_group_and_each_alone_is_counted() -> None:
    rng = np.random.default_rng(12)
    a, b = (rng.random((2, 120)) < [[0.5], [0.7]]).astype(float)
    alone = paired_difference(a, b, [f"item {i}" for i in range(120)], seed=0)
    assert alone == paired_difference(a, b, seed=0)
    grouped = paired_difference(a, b, [f"document {i // 6}" for i in range(120)], seed=0)
    sums = (b - a).reshape(20, 6).sum(axis=1) / 6
    assert grouped.p_value == paired_difference(np.zeros(20), sums, seed=0).p_value


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
    for scale in (1.0, 0.5):  # counted, and drawn
        result = paired_difference(a, scale * b, seed=0)
        assert result.p_value == pytest.approx(0.25, abs=0.02)
        assert result.low <= 0.0 < result.high
        mirrored = paired_difference(scale * b, a, seed=0)
        assert mirrored.low < 0.0 <= mirrored.high


def test_three_items_all_won_are_no_evidence_but_ten_are() -> None:
    assert paired_difference([0] * 3, [1] * 3, seed=0).low <= 0
    assert paired_difference([0] * 10, [1] * 10, seed=0).low > 0


def test_the_interval_of_scores_is_the_bootstrap_of_the_differences() -> None:
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
    narrow = paired_difference(a, b, seed=4, confidence=0.9)
    of_test = stats.ttest_rel(b, a).confidence_interval(0.9)
    assert (narrow.low, narrow.high) == pytest.approx((of_test.low, of_test.high), abs=0.006)


@pytest.mark.parametrize(
    ("a", "b", "groups"),
    [([], [], None), ([1.0], [1.0, 0.0], None), ([math.nan], [1.0], None), ([1.0, 0.0], [1.0, 0.0], ["x"])],
)
def test_unusable_scores_are_refused(a: list[float], b: list[float], groups: list[str] | None) -> None:
    for compare in (lambda: paired_difference(a, b, groups, seed=0), lambda: detectable_difference(a, b, groups)):
        with pytest.raises(ValueError, match=r"finite|same items|one group"):
            compare()


def test_the_standard_error_is_scipys_and_in_groups_the_sandwich() -> None:
    rng = np.random.default_rng(13)
    values = rng.normal(size=90)
    assert standard_error(values, np.ones(90)) == pytest.approx(stats.sem(values), rel=1e-12)
    sizes = rng.integers(1, 9, 30).astype(float)
    groups = np.repeat(np.arange(30), sizes.astype(int))
    scores = rng.normal(size=30)[groups] + rng.normal(size=len(groups))
    sums = np.array([scores[groups == group].sum() for group in range(30)])
    # sum over pairs of items of one group of the products of their residuals, (X'X)^-1 = 1/N
    residuals = scores - scores.mean()
    meat = sum(
        residuals[i] * residuals[j]
        for i, j in itertools.product(range(len(groups)), repeat=2)
        if groups[i] == groups[j]
    )
    assert standard_error(sums, sizes) == pytest.approx(math.sqrt(30 / 29 * meat) / len(groups), rel=1e-9)


def test_what_can_be_detected_is_told_of_counts_and_of_scores() -> None:
    rng = np.random.default_rng(14)
    a, b = (rng.random((2, 200)) < 0.6).astype(float)
    assert detectable_difference(a, b) == detectable_share(200, float(np.mean(a != b)))
    scores = rng.random(200)
    deviation = float(np.std(scores - a, ddof=1))
    assert detectable_difference(a, scores) == pytest.approx(minimum_detectable_difference(200, deviation))
    assert detectable_difference(np.zeros(200), np.full(200, 0.5)) is None
    assert detectable_difference([1.0, 0.0], [0.0, 0.0]) is None


def test_standard_deviation_is_read_back_from_the_width() -> None:
    differences = np.random.default_rng(11).normal(0.1, 0.4, size=500)
    result = paired_difference(np.zeros(500), differences, seed=0)
    assert standard_deviation_of(result) == pytest.approx(differences.std(), rel=0.05)
    assert standard_deviation_of(PairedDifference(0.0, -0.196, 0.196, 100, 1.0)) == pytest.approx(1.0, rel=1e-4)


def test_holm_by_its_definition() -> None:
    # the table of Holm's method for 0.01, 0.02, 0.03, 0.04: 4 x 0.01, 3 x 0.02, then never below what stands before
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []
    p_values = np.random.default_rng(15).random(12) ** 3
    rejected_at = [
        min(alpha for alpha in np.append(np.linspace(0, 1, 1_001), 1.0) if _steps_down(p_values, alpha)[number])
        for number in range(3)
    ]
    assert holm(p_values.tolist())[:3] == pytest.approx(rejected_at, abs=1e-3)


def _steps_down(p_values: np.ndarray, alpha: float) -> np.ndarray:
    """Which hypotheses Holm's step-down procedure rejects at a level."""
    rejected = np.zeros(len(p_values), bool)
    for place, number in enumerate(np.argsort(p_values)):
        if p_values[number] > alpha / (len(p_values) - place) and alpha < 1:
            break
        rejected[number] = True
    return rejected
