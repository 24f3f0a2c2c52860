from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from tunesmith.stats.drift import (
    alarm_level,
    alarms,
    chi_squared_p_value,
    class_shift,
    kolmogorov_smirnov,
    num_relabellings,
    number_shift,
    sequential_p_value,
    share_shift,
    vector_shift,
)

LEVEL = 1 / 52


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.thorough
@pytest.mark.parametrize(("num_reference", "num_window"), [(12, 9), (40, 7), (60, 31)])
def test_without_ties_it_is_scipys_exact_test(num_reference: int, num_window: int) -> None:
    for seed in range(5):
        reference, window = rng(seed).normal(size=num_reference), rng(seed + 50).normal(0.4 * seed, size=num_window)
        expected = stats.ks_2samp(reference, window, method="exact")
        found = number_shift(reference, window, LEVEL)
        assert found.effect == pytest.approx(expected.statistic)
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_with_ties_it_is_the_share_of_all_relabellings() -> None:
    reference, window = [1, 1, 2, 3, 3, 3, 5], [2, 3, 5, 5, 7]
    items = np.array(reference + window)

    def distance(places: tuple[int, ...]) -> float:
        chosen, others = items[list(places)], np.delete(items, places)
        return float(max(abs((chosen <= x).mean() - (others <= x).mean()) for x in items))

    found = number_shift(reference, window, LEVEL)
    own = distance(tuple(range(7, 12)))
    as_large = [distance(places) >= own - 1e-9 for places in combinations(range(12), 5)]
    assert found.effect == pytest.approx(own)
    assert found.p_value == pytest.approx(np.mean(as_large), rel=1e-9)
    # what ignores ties is far more careful
    assert found.p_value < 0.9 * stats.ks_2samp(reference, window, method="exact").pvalue


def test_samples_apart_have_the_chance_of_two_labellings() -> None:
    distance, p_value = kolmogorov_smirnov(np.array([40] + [0] * 9), np.array([0] * 9 + [25]))
    assert distance == 1.0
    assert p_value == pytest.approx(1 / math.comb(65, 25), rel=1e-9)
    apart = number_shift(np.arange(30), np.arange(30, 50), LEVEL)
    assert apart.p_value == pytest.approx(2 / math.comb(50, 20), rel=1e-9)


@pytest.mark.thorough
def test_many_values_are_compared_at_the_hundredths() -> None:
    reference, window = rng(1).exponential(size=1200), 1.15 * rng(2).exponential(size=600)
    expected = stats.ks_2samp(reference, window)
    found = number_shift(reference, window, LEVEL)
    assert expected.statistic - 0.01 <= found.effect <= expected.statistic
    both = np.concatenate([reference, window])
    hundredths = np.quantile(both, np.arange(1, 101) / 100, method="higher")
    place_Q = np.searchsorted(hundredths, both)
    as_large = 0
    for seed in range(2000):
        order = rng(seed).permutation(1800)
        counts = [np.bincount(place_Q[part], minlength=100).cumsum() for part in (order[:1200], order[1200:])]
        as_large += np.abs(counts[0] / 1200 - counts[1] / 600).max() >= found.effect - 1e-9
    # three standard errors
    share = found.p_value
    assert as_large / 2000 == pytest.approx(share, abs=3 * math.sqrt(share * (1 - share) / 2000))


def test_alike_samples_differ_by_nothing() -> None:
    found = number_shift([5.0] * 60, [5.0] * 50, LEVEL)
    assert (found.effect, found.p_value, found.psi) == (0.0, 1.0, 0.0)
    assert (found.num_reference, found.num_window) == (60, 50)


def test_few_counts_of_classes_are_judged_by_all_relabellings() -> None:
    reference, window = np.array([6, 1, 3, 0]), np.array([1, 2, 1, 2])
    items = np.repeat(np.arange(4), reference + window)
    expected_K = (reference + window) * window.sum() / len(items)

    def unevenness(counts: np.ndarray) -> float:
        return float(((counts - expected_K) ** 2 / expected_K).sum())

    as_large = [
        unevenness(np.bincount(items[list(places)], minlength=4)) >= unevenness(window) - 1e-9
        for places in combinations(range(len(items)), int(window.sum()))
    ]
    found = chi_squared_p_value(reference, window, 20_000, seed=3)
    # of at least ten that were as large
    assert found == pytest.approx(np.mean(as_large), rel=3 / math.sqrt(10))


def test_many_counts_of_classes_are_judged_as_by_large_samples() -> None:
    reference, window = np.array([3000, 2000, 1000]), np.array([1050, 580, 320])
    expected = stats.chi2_contingency([reference, window], correction=False).pvalue
    told = [chi_squared_p_value(reference, window, 50_000, seed) for seed in range(12)]
    # each is known to a third of itself, and too large by a ninth of itself on average
    assert np.mean(told) == pytest.approx(expected, rel=0.35)
    names = ["a", "b", "c"]
    found = class_shift(dict(zip(names, map(int, reference), strict=True)), {"a": 1050, "b": 580, "c": 320}, LEVEL)
    shares = np.abs(reference / 6000 - window / 1950).sum() / 2
    assert found.effect == pytest.approx(shares)


def test_a_class_that_is_new_counts() -> None:
    found = class_shift({"a": 500, "b": 500}, {"a": 30, "b": 32, "c": 9}, LEVEL)
    assert found.p_value == 1 / (1 + num_relabellings(LEVEL))
    assert found.effect == pytest.approx(9 / 71)
    assert class_shift({"a": 5, "z": 0}, {"a": 4}, LEVEL).p_value == 1.0


@pytest.mark.thorough
def test_rare_classes_raise_no_false_alarm() -> None:
    """At 50 items of 77 classes the usual test rejects many times too often."""
    share_K = rng(0).dirichlet(np.full(77, 0.5))
    below = {"ours": 0, "usual": 0}
    for seed in range(150):
        reference, window = rng(seed).multinomial(2000, share_K), rng(seed + 500).multinomial(50, share_K)
        kept = reference + window > 0
        below["ours"] += chi_squared_p_value(reference[kept], window[kept], 640, seed) <= 0.05
        expected_K = np.maximum(reference, 0.5) / np.maximum(reference, 0.5).sum() * 50
        below["usual"] += stats.chi2.sf(((window - expected_K) ** 2 / expected_K).sum(), kept.sum() - 1) <= 0.05
    # 7.5 are expected; more than 16 come about with a probability of 0.002 (binomial)
    assert below["ours"] <= 16
    assert below["usual"] > 16


@pytest.mark.parametrize(
    ("reference", "window"), [((3, 500), (4, 60)), ((0, 90), (0, 50)), ((40, 100), (5, 50)), ((7, 7), (2, 9))]
)
def test_shares_are_compared_by_fishers_exact_test(reference: tuple[int, int], window: tuple[int, int]) -> None:
    table = [[found, total - found] for found, total in (reference, window)]
    found = share_shift(reference, window, LEVEL)
    assert found.p_value == pytest.approx(stats.fisher_exact(table).pvalue, rel=1e-9)
    assert found.effect == pytest.approx(abs(reference[0] / reference[1] - window[0] / window[1]))


def test_draws_end_as_soon_as_ten_are_as_large() -> None:
    asked = []

    def draw(num: int) -> np.ndarray:
        asked.append(num)
        return np.tile([1.0, 0.0], num)[:num]

    # the tenth one is the 19th draw
    assert sequential_p_value(1.0, draw, 10_000) == 10 / 19
    assert asked == [32]
    asked.clear()
    assert sequential_p_value(2.0, draw, 5_000) == 1 / 5_001
    assert sum(asked) == 5_000
    assert max(asked) == 1024


def test_p_values_of_chance_are_as_small_as_they_say() -> None:
    """Below a, with a probability of a, whether or not the draws ended early."""
    found = np.array([sequential_p_value(rng(seed).random(), rng(seed + 9_000).random, 640) for seed in range(1500)])
    for level in (0.02, 0.05, 0.2, 0.5):
        # three standard errors
        assert (found <= level).mean() == pytest.approx(level, abs=3 * math.sqrt(level * (1 - level) / 1500) + 0.002)


def test_vectors_are_compared_by_the_written_out_discrepancy() -> None:
    reference, window = rng(1).normal(size=(40, 3)), rng(2).normal(0.8, size=(25, 3))
    points = np.concatenate([window, reference])
    squared = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    kernel = np.exp(-squared / np.median(squared[np.triu_indices(65, 1)]))
    within = [
        (kernel[side, side].sum() - num) / (num * (num - 1)) for side, num in ((slice(25), 25), (slice(25, None), 40))
    ]
    found = vector_shift(reference, window, LEVEL)
    assert found.effect == pytest.approx(sum(within) - 2 * kernel[:25, 25:].mean(), abs=1e-5)
    assert found.p_value == 1 / (1 + num_relabellings(LEVEL))


def test_vectors_of_one_distribution_are_seldom_told_apart() -> None:
    found = [
        vector_shift(rng(seed).normal(size=(60, 4)), rng(seed + 500).normal(size=(30, 4)), 0.5, seed).p_value
        for seed in range(80)
    ]
    # 8 of 80 are expected below 0.1; more than 17 come about with a probability of 0.001 (binomial)
    assert sum(p <= 0.1 for p in found) <= 17
    assert 0.35 < float(np.mean(found)) < 0.65
    assert vector_shift(np.ones((5, 2)), np.ones((4, 2)), LEVEL).p_value == 1.0


def test_psi_is_the_formula_and_its_limit_that_of_large_samples() -> None:
    reference, window = rng(3).normal(size=8000), rng(4).normal(size=4000)
    found = number_shift(reference, window, 0.05)
    edges = np.quantile(reference, np.arange(1, 10) / 10)
    shares = [
        (np.bincount(np.searchsorted(edges, side), minlength=10) + 0.5) / (len(side) + 5)
        for side in (reference, window)
    ]
    assert found.psi == pytest.approx(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    assert found.psi_limit == pytest.approx((1 / 8000 + 1 / 4000) * stats.chi2.ppf(0.95, 9), rel=0.15)


@pytest.mark.thorough
def test_psi_exceeds_its_limit_in_the_share_that_was_asked_for() -> None:
    """Where the fixed limit of 0.1 nearly always does."""
    above = {"limit": 0, "fixed": 0}
    for seed in range(200):
        found = number_shift(rng(seed).normal(size=2000), rng(seed + 900).normal(size=50), 0.05, seed)
        assert found.psi is not None
        assert found.psi_limit is not None
        above["limit"] += found.psi > found.psi_limit
        above["fixed"] += found.psi > 0.1
    # 10 are expected; 2 or fewer and 20 or more come about with a probability of 0.005 together (binomial)
    assert 3 <= above["limit"] <= 19
    assert above["fixed"] > 150


def test_psi_of_many_classes_takes_the_nine_most_frequent_and_the_rest() -> None:
    counts = {f"{number:02}": 200 - number for number in range(30)}
    window = {name: count // 4 for name, count in counts.items()} | {"00": 90}
    found = class_shift(counts, window, LEVEL)

    def folded(side: dict[str, int]) -> np.ndarray:
        first = [side[f"{number:02}"] for number in range(9)]
        return np.array([*first, sum(side.values()) - sum(first)]) + 0.5

    one, other = (folded(side) / folded(side).sum() for side in (counts, window))
    assert found.psi == pytest.approx(((other - one) * np.log(other / one)).sum())


def test_the_level_of_a_window_is_its_part_of_a_year() -> None:
    assert alarm_level(1.0, 7 * 86_400) == pytest.approx(7 / 365.25)
    assert alarm_level(2.0, 86_400) == pytest.approx(2 / 365.25)
    assert alarm_level(1.0, 90 * 86_400) == 0.05
    # the sum over a year's windows is the rate
    assert alarm_level(1.0, 3_600) * 365.25 * 24 == pytest.approx(1.0)


def test_alarms_are_those_of_holm() -> None:
    # 0.01 / 3, 0.01 / 2, 0.01 / 1
    assert alarms({"a": 0.0033, "b": 0.0049, "c": 0.011}, 0.01) == {"a", "b"}
    assert alarms({"a": 0.0034, "b": 0.0034, "c": 0.0034}, 0.01) == set()
    assert alarms({}, 0.01) == set()


@pytest.mark.parametrize("level", [1 / 52, 1 / 365])
def test_one_of_fifteen_features_can_alarm(level: float) -> None:
    p_value = 1 / (1 + num_relabellings(level))
    assert alarms({"shifted": p_value} | {str(number): 0.5 for number in range(14)}, level) == {"shifted"}


def test_windows_of_an_hour_can_alarm_and_of_a_second_end() -> None:
    hour, second = alarm_level(1.0, 3_600), alarm_level(1.0, 1.0)
    p_value = 1 / (1 + num_relabellings(hour))
    assert alarms({"shifted": p_value} | {str(number): 0.5 for number in range(21)}, hour) == {"shifted"}
    assert num_relabellings(second) == num_relabellings(hour)
    # of shares and numbers no p-value is too small
    assert share_shift((1, 500), (40, 50), second).p_value < second / 20
    assert number_shift(np.arange(500), np.arange(500, 550), second).p_value < second / 20


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        number_shift([1.0, math.nan], [2.0], LEVEL)
    with pytest.raises(ValueError, match="finite"):
        number_shift([1.0], [], LEVEL)
    with pytest.raises(ValueError, match="both sides"):
        class_shift({"a": 3}, {}, LEVEL)
    with pytest.raises(ValueError, match="both sides"):
        class_shift({"a": 3}, {"a": 5, "b": -1}, LEVEL)
    with pytest.raises(ValueError, match="n > 0"):
        share_shift((3, 2), (0, 5), LEVEL)
    with pytest.raises(ValueError, match="two items"):
        vector_shift(np.ones((9, 2)), np.ones((1, 2)), LEVEL)
    with pytest.raises(ValueError, match="positive"):
        alarm_level(0.0, 60.0)
