"""How a feature of a window is compared with the parts of its reference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from tunesmith.monitor.compare import Looks, drawn, far_shift, most_changed, shifts_of, with_alarms
from tunesmith.monitor.features import FAMILIES, Features
from tunesmith.monitor.said import FEATURES, NUM_LOOKS

LOOKS = Looks(level=0.02, max_points=50, seed=1)


def lengths(seed: int, num: int, mean: float = 20.0) -> Features:
    return Features({"length": np.random.default_rng(seed).normal(mean, 4.0, num)})


def test_of_the_parts_the_one_that_is_most_like_is_told() -> None:
    far, near = lengths(1, 200, 40.0), lengths(2, 90)
    (found,) = shifts_of(lengths(3, 80), [far, near], LOOKS)
    assert (found.num_reference, found.num_window) == (90, 80)
    assert (found.effect, found.p_value) == next(
        (one.effect, one.p_value) for one in shifts_of(lengths(3, 80), [near], LOOKS)
    )
    assert shifts_of(lengths(3, 80), [far], LOOKS)[0].p_value < found.p_value


def test_what_a_side_hardly_tells_is_not_tested() -> None:
    assert shifts_of(lengths(1, 7), [lengths(2, 90)], LOOKS) == []
    assert shifts_of(lengths(1, 90), [lengths(2, 7)], LOOKS) == []
    assert shifts_of(lengths(1, 90), [], LOOKS) == []
    assert with_alarms([], 0.02) == []


def test_alarms_stand_first() -> None:
    window = Features({"length": lengths(1, 90).numbers["length"], "chinese": lengths(2, 90, 60.0).numbers["length"]})
    part = Features({"length": lengths(3, 90).numbers["length"], "chinese": lengths(4, 90).numbers["length"]})
    found = with_alarms(shifts_of(window, [part], LOOKS), LOOKS.level)
    assert [(shift.feature, shift.is_alarm) for shift in found] == [("chinese", True), ("length", False)]


def test_what_is_said_of_answers_is_all_that_is_looked_at_again() -> None:
    told = {name for name, family in FAMILIES.items() if family in ("quality", "concept")}
    assert told - FEATURES == {"bits_per_byte"}
    assert told >= FEATURES


def test_the_farthest_are_compared_by_fishers_test() -> None:
    rng = np.random.default_rng(5)
    held = rng.uniform(0.0, 0.3, 300)
    window = np.concatenate([rng.uniform(0.0, 0.3, 170), rng.uniform(0.6, 0.9, 30)])
    bound = np.sort(np.concatenate([held, window]))[-25:].min()
    here, there = int(np.sum(window >= bound)), int(np.sum(held >= bound))
    found = far_shift(held, window, 0.02)
    assert found.p_value == pytest.approx(fisher_exact([[here, 200 - here], [there, 300 - there]]).pvalue)
    assert found.p_value < 1e-6
    assert found.effect == pytest.approx(here / 200 - there / 300)
    nearer = far_shift(window, held, 0.02)
    assert (nearer.effect, nearer.p_value) == (0.0, 1.0)
    same = far_shift(np.zeros(50), np.zeros(60), 0.02)
    assert (same.effect, same.p_value) == (0.0, 1.0)


@pytest.mark.thorough
def test_the_farthest_alarm_no_more_often_than_they_may() -> None:
    p_values = np.array([far_shift(d[:90], d[90:], 0.02).p_value for d in np.random.default_rng(3).random((2000, 150))])
    for level in (0.01, 0.05, 0.2):
        assert np.mean(p_values <= level) <= level + 3 * np.sqrt(level / 2000)


@pytest.mark.thorough
def test_what_is_said_late_alarms_by_chance_no_more_often_over_all_looks() -> None:
    """Of 50 exchanges more at each look it is known whether their answers were corrected."""
    rng, num_alarms, level = np.random.default_rng(8), 0, 0.2
    for _ in range(600):
        usual = Features(shares={"corrected": (int(rng.binomial(1000, 0.3)), 1000)})
        is_corrected = rng.random(50 * NUM_LOOKS) < 0.3
        looks = [Features(shares={"corrected": (int(is_corrected[:num].sum()), num)}) for num in range(50, 251, 50)]
        found = [with_alarms(shifts_of(look, [usual], Looks(level, 50, 0)), level) for look in looks]
        num_alarms += any(shift.is_alarm for shifts in found for shift in shifts)
    assert num_alarms / 600 <= level + 3 * np.sqrt(level * (1 - level) / 600)


def test_classes_that_changed_the_most() -> None:
    before, now = {"a": 50, "b": 50}, {"a": 20, "b": 20, "c": 40, **{f"x{n}": 5 for n in range(4)}}
    found = most_changed(before, now)
    assert len(found) == 5
    assert next(iter(found)) == "c"
    assert found["c"] == (0.0, 0.4)
    assert found["a"] == (0.5, 0.2)
    assert most_changed({}, {}) == {}


def test_a_draw_is_the_same_every_time() -> None:
    assert drawn(5, 9, 0) == [0, 1, 2, 3, 4]
    some = drawn(1000, 9, 0)
    assert some == drawn(1000, 9, 0) == sorted(set(some))
    assert some != drawn(1000, 9, 1)
