"""Differences of two groups of items, against SciPy, a regression, and published figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tunesmith.evaluate.recheck_bias import independent
from tunesmith.stats.groups import independent_difference


def test_shares_have_newcombes_interval_as_he_published_it() -> None:
    """Newcombe 1998, table II, method 10: 56/70 against 48/80, and 9/10 against 3/10."""
    for (won, of), (other, of_other), ends in (
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
    ):
        values = np.array([1.0] * won + [0.0] * (of - won) + [1.0] * other + [0.0] * (of_other - other))
        found = independent_difference(values, np.arange(of + of_other) < of)
        assert (found.low, found.high) == pytest.approx(ends, abs=5e-5)
        assert found.mean == pytest.approx(won / of - other / of_other)
        assert found.p_value == pytest.approx(stats.fisher_exact([[won, of - won], [other, of_other - other]]).pvalue)


def test_an_interval_excludes_no_difference_only_with_the_exact_test() -> None:
    values = np.array([1.0] * 6 + [0.0] * 4 + [1.0] * 1 + [0.0] * 9)
    found = independent_difference(values, np.arange(20) < 10)
    assert found.p_value > 0.05
    assert found.low <= 0.0 < found.high


def test_scores_are_compared_by_welch() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(0.6, 0.3, 40), random.normal(0.4, 0.1, 25)
    found = independent_difference(np.concatenate([first, second]), np.arange(65) < 40)
    wanted = stats.ttest_ind(first, second, equal_var=False)
    ends = wanted.confidence_interval(0.95)
    assert (found.mean, found.low, found.high, found.p_value) == pytest.approx(
        (first.mean() - second.mean(), ends.low, ends.high, wanted.pvalue)
    )


@pytest.mark.parametrize("is_share", [False, True])
def test_whole_groups_are_compared_as_by_a_regression(is_share: bool) -> None:
    random = np.random.default_rng(1)
    groups = [f"g{n}" for n in random.integers(0, 12, 80)]
    values = random.random(80) + np.array([int(group[1:]) % 3 for group in groups]) * 0.3
    values = (values > 0.8).astype(float) if is_share else values
    inside = random.random(80) < 0.4
    found = independent_difference(values, inside, groups)
    order = [*np.flatnonzero(inside), *np.flatnonzero(~inside)]
    again = independent(values[inside], values[~inside], [groups[place] for place in order])
    assert (found.mean, found.low, found.high, found.p_value) == pytest.approx(again)


def test_items_without_spread_tell_nothing_of_chance() -> None:
    values = np.array([0.5] * 10 + [0.7] * 10)
    found = independent_difference(values, np.arange(20) < 10)
    assert (found.low, found.high, found.p_value) == (pytest.approx(-0.2), 0.0, 1.0)
    with pytest.raises(ValueError, match="both sides"):
        independent_difference(values, np.zeros(20, np.bool_))


@pytest.mark.thorough
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(2)
    held = []
    for _ in range(1500):
        first, second = random.random(60) < 0.8, random.random(40) < 0.7
        found = independent_difference(np.concatenate([first, second]).astype(float), np.arange(100) < 60)
        held.append(found.low <= 0.1 <= found.high)
    assert 0.935 <= np.mean(held) <= 0.98
