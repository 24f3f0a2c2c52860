"""A fall of accuracy in the middle of a stream is found, and what does not fall is not."""

from __future__ import annotations

import numpy as np
import pytest

from tunesmith.monitor.concept import fall

LEVEL = 0.02


def stream(seed: int, *parts: tuple[int, float]) -> list[float]:
    rng = np.random.default_rng(seed)
    return [float(value) for num, share in parts for value in rng.random(num) < share]


@pytest.mark.thorough
def test_a_fall_is_found_with_its_size() -> None:
    found = [fall(stream(seed, (400, 0.9)), stream(seed + 50, (150, 0.5)), LEVEL / 20) for seed in range(20)]
    assert sum(one.is_found for one in found) >= 19
    assert np.mean([one.effect for one in found if one.is_found]) == pytest.approx(0.4, abs=0.1)


@pytest.mark.thorough
def test_what_rises_is_no_fall() -> None:
    for seed in range(10):
        found = fall(stream(seed, (400, 0.5)), stream(seed + 50, (150, 0.95)), LEVEL)
        assert (found.is_found, found.effect) == (False, 0.0)


def test_a_fall_before_the_newest_is_told_no_more() -> None:
    earlier = stream(3, (400, 0.95), (400, 0.4))
    assert not fall(earlier, stream(4, (100, 0.4)), LEVEL).is_found


@pytest.mark.thorough
def test_what_stays_alarms_no_more_often_than_the_level() -> None:
    found = 0
    for seed in range(400):
        whole = stream(seed, (300, 0.85))
        found += fall(whole[:200], whole[200:], LEVEL).is_found
    assert found <= 400 * LEVEL
