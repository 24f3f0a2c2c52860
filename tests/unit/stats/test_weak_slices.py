"""Weak slices: planted ones are found, where there are none none is named."""

from __future__ import annotations

import numpy as np
import pytest

from tunesmith.stats.slices import MIN_ITEMS, weak_slices


def scores(random: np.random.Generator, rate_N: np.ndarray) -> np.ndarray:
    return (random.random(len(rate_N)) < rate_N).astype(float)


def test_a_planted_slice_is_found_and_its_twin_is_not_named_beside_it() -> None:
    random = np.random.default_rng(0)
    features = {f"f{n}": random.random(600) < 0.2 for n in range(40)}
    features["twin"] = features["f7"].copy()
    features["twin"][:3] ^= True
    found = weak_slices(scores(random, np.where(features["f7"], 0.5, 0.9)), features, seed=1)
    assert [slice.name for slice in found] in (["f7"], ["twin"])
    assert found[0].p_value < 0.01
    assert 250 < np.count_nonzero(found[0].confirming_N) < 350


def test_groups_stay_in_one_half() -> None:
    random = np.random.default_rng(1)
    units = np.repeat(np.arange(100), 6)
    features = {"bad": units % 4 == 0}
    (found,) = weak_slices(scores(random, np.where(features["bad"], 0.3, 0.9)), features, seed=0, units_N=units)
    for unit in range(100):
        assert len(set(found.confirming_N[units == unit].tolist())) == 1


@pytest.mark.thorough
def test_where_nothing_is_weak_a_slice_is_named_in_one_of_twenty_at_most() -> None:
    named = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        features = {str(n): random.random(200) < 0.3 for n in range(30)}
        named += bool(weak_slices(scores(random, np.full(200, 0.7)), features, seed=seed))
    # 200 draws: 5 % and three standard errors
    assert named / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5


def test_few_items_name_nothing() -> None:
    inside = np.zeros(200, bool)
    inside[: MIN_ITEMS + 2] = True
    assert weak_slices(np.where(inside, 0.0, 1.0), {"few": inside}, seed=0) == []


@pytest.mark.thorough
def test_where_groups_are_alike_and_nothing_is_weak_one_of_twenty_is_named_at_most() -> None:
    """Of 60 groups of 8 items, which mostly go well or badly together, parts are drawn that say nothing."""
    named = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        units = np.repeat(np.arange(60), 8)
        features = {f"group {n}": np.repeat(random.random(60) < 0.4, 8) for n in range(10)}
        features |= {f"item {n}": random.random(480) < 0.4 for n in range(10)}
        rate_N = np.repeat(random.beta(0.7, 0.3, 60), 8)
        named += bool(weak_slices(scores(random, rate_N), features, seed=seed, units_N=units))
    assert named / 100 <= 0.05 + 3 * (0.05 * 0.95 / 100) ** 0.5


def test_items_of_few_groups_name_nothing() -> None:
    units = np.repeat(np.arange(60), 8)
    few = units < MIN_ITEMS // 2
    assert weak_slices(np.where(few, 0.0, 1.0), {"few": few}, seed=0, units_N=units) == []
