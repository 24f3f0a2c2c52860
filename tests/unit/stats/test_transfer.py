"""Transfer over rounds of retraining, against its formulas written out, by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from tunesmith.stats.intervals import bootstrap_bca
from tunesmith.stats.transfer import transfer, transfer_intervals

HAND = [[0.9, 0.2, 0.1], [0.7, 0.8, 0.3], [0.8, 0.5, 0.6]]


def written_out(table: list[list[float]], untrained: list[float]) -> tuple[float, float, float, float]:
    """The sums of the papers, term by term, rounds counted from 1."""
    num = len(table)

    def score(i: int, j: int) -> float:
        return table[i - 1][j - 1]

    average = sum(score(num, j) for j in range(1, num + 1)) / num
    backward = sum(score(num, j) - score(j, j) for j in range(1, num)) / (num - 1)
    forgetting = sum(max(score(i, j) for i in range(1, num)) - score(num, j) for j in range(1, num)) / (num - 1)
    forward = sum(score(j - 1, j) - untrained[j - 1] for j in range(2, num + 1)) / (num - 1)
    return average, backward, forgetting, forward


def test_a_table_worked_by_hand() -> None:
    found = transfer(HAND, [0.0, 0.1, 0.1])
    assert found.average == pytest.approx(1.9 / 3)
    assert found.backward == pytest.approx((-0.1 - 0.3) / 2)
    assert found.forgetting == pytest.approx((0.1 + 0.3) / 2)
    assert found.forward == pytest.approx((0.1 + 0.2) / 2)


@pytest.mark.parametrize("num_rounds", [2, 3, 7])
def test_figures_are_the_formulas(num_rounds: int) -> None:
    rng = np.random.default_rng(num_rounds)
    for _ in range(20):
        table, untrained = rng.random((num_rounds, num_rounds)), rng.random(num_rounds)
        found = transfer(table, untrained)
        told = (found.average, found.backward, found.forgetting, found.forward)
        assert told == pytest.approx(written_out(table.tolist(), untrained.tolist()), abs=1e-12)
        assert transfer(table).forward is None
        # of what only ever falls, the best there was is what was had at once
        falling = np.minimum.accumulate(table, axis=0)
        falling[np.triu_indices(num_rounds, 1)] = np.nan
        assert transfer(falling).backward == pytest.approx(-transfer(falling).forgetting)


def test_tests_that_were_not_asked_may_be_missing_above_the_diagonal() -> None:
    table = np.array(HAND)
    table[0, 2] = np.nan
    assert transfer(table, [0.0, 0.1, 0.1]) == transfer(HAND, [0.0, 0.1, 0.1])
    table[0, 1] = np.nan
    assert transfer(table).backward == pytest.approx(-0.2)
    with pytest.raises(ValueError, match="earlier rounds"):
        transfer(table, [0.0, 0.1, 0.1])
    table[1, 0] = np.nan
    with pytest.raises(ValueError, match="earlier rounds"):
        transfer(table)


@pytest.mark.parametrize("table", [[[0.5]], [[0.5, 0.5]], [0.5, 0.5]])
def test_tables_that_are_none_are_refused(table: list[object]) -> None:
    with pytest.raises(ValueError, match="T >= 2"):
        transfer(table)  # type: ignore[arg-type]


def test_intervals_of_two_rounds_are_those_of_the_paired_differences() -> None:
    """With two rounds backward transfer is one mean of paired differences, whose bootstrap is another function."""
    rng = np.random.default_rng(5)
    before, after = (rng.random(80) < 0.8) * 1.0, (rng.random(80) < 0.6) * 1.0
    other = rng.random((2, 80))
    found = transfer_intervals([[before, other[0]], [after, other[1]]], seed=1, num_resamples=10_000).backward
    theirs = bootstrap_bca(after - before, seed=2, num_resamples=10_000)
    width = theirs.high - theirs.low
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.05 * width)


def test_models_that_answer_alike_are_paired_to_no_width() -> None:
    rng = np.random.default_rng(6)
    tests = [(rng.random(30) < 0.5) * 1.0 for _ in range(3)]
    found = transfer_intervals([tests] * 3, tests, seed=0)
    for interval in (found.backward, found.forgetting, found.forward):
        assert interval is not None
        assert (interval.low, interval.high) == (0.0, 0.0)
    assert found.average.high - found.average.low > 0.1


@pytest.mark.thorough
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Tests of unequal size, scores that go together between models; 95 +- 4 % of 200 evaluations."""
    rng = np.random.default_rng(7)
    chances = np.array([[0.8, 0.3, 0.2], [0.6, 0.7, 0.4], [0.5, 0.6, 0.9], [0.2, 0.2, 0.2]])
    truth = transfer(chances[:3], chances[3])
    num_held = {"average": 0, "backward": 0, "forward": 0}
    for seed in range(200):
        ease = [rng.random(num) for num in (30, 50, 70)]
        rows = [[(ease[j] < chances[i, j]) * 1.0 for j in range(3)] for i in range(4)]
        found = transfer_intervals(rows[:3], rows[3], seed=seed, num_resamples=499)
        for name in num_held:
            interval = getattr(found, name)
            num_held[name] += interval.low <= getattr(truth, name) <= interval.high
    print(num_held)
    for name, num in num_held.items():
        assert 0.91 * 200 <= num <= 0.99 * 200, (name, num)


def test_other_items_for_other_models_are_refused() -> None:
    good = [np.ones(4), np.ones(5)]
    with pytest.raises(ValueError, match="same items of test 1"):
        transfer_intervals([good, [np.ones(4), np.ones(6)]], seed=0)
    with pytest.raises(ValueError, match="two or more"):
        transfer_intervals([[np.ones(1), np.ones(5)]] * 2, seed=0)
    with pytest.raises(ValueError, match="on 2 tests"):
        transfer_intervals([good, good[:1]], seed=0)
