from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tunesmith.stats.power import (
    MOST_TOLD,
    detectable_share,
    items_needed,
    items_to_decide,
    mcnemar_power,
    minimum_detectable_difference,
)


@pytest.mark.parametrize("n", [5, 20, 50, 400])
def test_power_formula_holds_in_simulation(n: int) -> None:
    effect = minimum_detectable_difference(n, 0.5)
    drawn = np.random.default_rng(n).normal(effect, 0.5, size=(6_000_000 // (n * 20), n))
    found = np.mean(stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05)
    assert found == pytest.approx(0.8, abs=4 * math.sqrt(0.16 / len(drawn)))
    assert items_needed(effect, 0.5) == pytest.approx(n, abs=1)
    assert items_needed(-effect, 0.5) == items_needed(effect, 0.5)


@pytest.mark.parametrize("n", [2, 3, 10, 50, 1_000, 100_000])
@pytest.mark.parametrize(("power", "alpha"), [(0.8, 0.05), (0.9, 0.01)])
def test_the_detectable_difference_is_students(n: int, power: float, alpha: float) -> None:
    shift = minimum_detectable_difference(n, 1.0, power, alpha) * math.sqrt(n)
    limit = stats.t.ppf(1 - alpha / 2, n - 1)
    # the chance that a normal lies beyond the limit times the spread that a sample of n has
    reach = 12 / math.sqrt(2 * (n - 1))
    spread_M = np.linspace(max(0.0, 1 - reach), 1 + reach, 400_001)
    density_M = stats.chi.pdf(spread_M * math.sqrt(n - 1), n - 1) * math.sqrt(n - 1)
    shown = np.trapezoid(density_M * stats.norm.cdf(shift - limit * spread_M), spread_M)
    assert shown == pytest.approx(power, abs=1e-8)


def test_a_difference_in_many_items_is_the_normals() -> None:
    factor = stats.norm.ppf(0.995) + stats.norm.ppf(0.9)
    found = minimum_detectable_difference(10**6, 0.5, power=0.9, alpha=0.01)
    assert found == pytest.approx(factor * 0.5 / 1000, rel=1e-5)
    with pytest.raises(ValueError, match="difference of 0"):
        items_needed(0.0, 1.0)
    with pytest.raises(ValueError, match="at least two items"):
        minimum_detectable_difference(1, 1.0)


@pytest.mark.parametrize(
    ("n", "gain", "disagreement", "alpha"),
    [(20, 0.1, 0.3, 0.05), (16, 0.05, 0.05, 0.05), (18, 0.0, 0.2, 0.1), (15, -0.1, 0.2, 0.05), (8, 1.0, 1.0, 0.05)],
)
def test_mcnemars_power_by_summing_over_all_tables(n: int, gain: float, disagreement: float, alpha: float) -> None:
    won, lost = (disagreement + gain) / 2, (disagreement - gain) / 2
    total = 0.0
    for b in range(n + 1):
        for c in range(min(b, n + 1 - b)):  # more wins than losses
            if stats.binomtest(b, b + c).pvalue <= alpha:
                total += stats.multinomial.pmf([b, c, n - b - c], n, [won, lost, 1 - won - lost])
    assert mcnemar_power(n, gain, disagreement, alpha) == pytest.approx(total, abs=1e-10)


def test_the_detectable_share_is_shown_in_four_of_five_evaluations() -> None:
    gain = detectable_share(150, 0.2)
    assert gain is not None
    rng = np.random.default_rng(1)
    counts = rng.multinomial(150, [(0.2 + gain) / 2, (0.2 - gain) / 2, 0.8], size=4_000)
    won, lost, _ = counts.T
    shown = np.mean(stats.binom.sf(won - 1, won + lost, 0.5) <= 0.025)
    assert shown == pytest.approx(0.8, abs=0.025)
    # arms that never disagreed can still come to differ, by all that they then disagree on
    least = detectable_share(50, 0.0)
    assert least is not None
    assert stats.binom.sf(5, 50, least) == pytest.approx(0.8, abs=1e-6)
    assert [detectable_share(n, 0.3) is None for n in (1, 5, 6)] == [True, True, False]


def test_items_that_settle_a_difference() -> None:
    # far from 0 by showing it, near 0 by showing that it is none
    assert items_to_decide(0.1, 0.4, 0.02) == items_needed(0.1, 0.4)
    assert items_to_decide(-0.1, 0.4, 0.02) == items_needed(0.1, 0.4)
    n = items_to_decide(0.004, 0.4, 0.02)
    assert n is not None
    assert n < items_needed(0.004, 0.4)
    error = 0.4 / math.sqrt(n)
    means = np.random.default_rng(2).normal(0.004, error, size=200_000)
    assert np.mean(np.abs(means) + 1.959964 * error < 0.02) == pytest.approx(0.8, abs=0.005)
    assert items_to_decide(0.0, 0.4, 0.0) is None
    assert items_to_decide(0.01, 0.4, 0.0) == items_needed(0.01, 0.4)


def test_next_to_no_difference_takes_more_items_than_are_told() -> None:
    factor = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert items_needed(factor * 0.4 / math.sqrt(999_000), 0.4) == pytest.approx(999_002, abs=1)
    assert items_needed(factor * 0.4 / math.sqrt(1_001_000), 0.4) == MOST_TOLD + 1
    assert {items_needed(mean, 0.4) for mean in (1e-6, -1e-17, 1e-200, 5e-324)} == {MOST_TOLD + 1}
    # as far from 0 as from the margin, or nearer to either by rounding alone
    assert items_to_decide(1e-17, 0.4, 1e-6) == MOST_TOLD + 1
    almost = math.nextafter(0.02, 0)
    assert items_to_decide(almost, 0.4, 0.02) == items_needed(almost, 0.4)
