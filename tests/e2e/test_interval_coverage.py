"""Simulations: how often the intervals of `stats` hold the true value."""

from __future__ import annotations

import numpy as np

from tunesmith.stats.intervals import bootstrap_bca
from tunesmith.stats.paired import paired_difference


def test_coverage_of_the_paired_interval() -> None:
    # Two arms right on 70 % and 75 % of items, most of them the same ones.
    num_simulations, n, covered = 2_000, 100, 0
    rng = np.random.default_rng(2024)
    for seed in range(num_simulations):
        kind = rng.choice(4, size=n, p=[0.62, 0.08, 0.13, 0.17])  # both right, only a, only b, neither
        a, b = np.isin(kind, [0, 1]).astype(float), np.isin(kind, [0, 2]).astype(float)
        result = paired_difference(a, b, seed=seed, num_resamples=400)
        covered += result.low <= 0.05 <= result.high
    assert 0.93 <= covered / num_simulations <= 0.97


def test_coverage_of_the_mean_of_clustered_scores() -> None:
    num_simulations, covered, naive_covered = 1_000, 0, 0
    rng = np.random.default_rng(2025)
    groups = [i // 4 for i in range(240)]
    for seed in range(num_simulations):
        values = np.repeat(rng.exponential(size=60), 4) + rng.normal(scale=0.5, size=240)
        interval = bootstrap_bca(values, seed=seed, groups=groups, num_resamples=400)
        covered += interval.low <= 1 <= interval.high
        naive = bootstrap_bca(values, seed=seed, num_resamples=100)
        naive_covered += naive.low <= 1 <= naive.high
    assert 0.92 <= covered / num_simulations <= 0.97
    assert naive_covered / num_simulations < 0.8
