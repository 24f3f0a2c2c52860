from __future__ import annotations

import numpy as np
import pytest

from tunesmith.stats.two_sample import mean_discrepancy


def distances(points: np.ndarray) -> np.ndarray:
    return ((points[:, None] - points[None]) ** 2).sum(axis=2)


def test_the_discrepancy_is_the_written_out_sum_over_all_pairs() -> None:
    points = np.random.default_rng(1).normal(size=(9, 3))
    first, second = points[:4], points[4:]
    median = np.median([((a - b) ** 2).sum() for i, a in enumerate(points) for b in points[:i]])

    def mean(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
        return float(np.mean([np.exp(-((a - b) ** 2).sum() / median) for a, b in pairs]))

    def within(side: np.ndarray) -> float:
        return mean([(a, b) for i, a in enumerate(side) for j, b in enumerate(side) if i != j])

    expected = within(first) + within(second) - 2 * mean([(a, b) for a in first for b in second])
    assert mean_discrepancy(distances(points), 4).squared == pytest.approx(expected, abs=1e-12)


def test_chance_alone_is_seldom_significant_and_a_shift_always() -> None:
    generator = np.random.default_rng(2)
    alike = [mean_discrepancy(distances(generator.normal(size=(40, 2))), 20, seed).p_value for seed in range(60)]
    # 5 % of 60 are 3; more than 8 come about with a probability below 0.005 (binomial)
    assert sum(p < 0.05 for p in alike) <= 8
    assert 0.35 < float(np.mean(alike)) < 0.65
    points = generator.normal(size=(40, 2))
    points[20:] += 2.0
    assert mean_discrepancy(distances(points), 20).p_value == 1 / 1000
    with pytest.raises(ValueError, match="two items"):
        mean_discrepancy(distances(points), 1)


def test_equal_points_are_no_evidence() -> None:
    found = mean_discrepancy(np.zeros((6, 6)), 3)
    assert (found.squared, found.p_value) == (0.0, 1.0)
