"""Rungs and what they cost, against tables written out by hand."""

from __future__ import annotations

from fractions import Fraction as F

import pytest

from tunesmith.search.halving import best_of, full_trials, rungs_of, steps_at


@pytest.mark.parametrize(
    ("num_trials", "eta", "table", "cost"),
    [
        # 8 take an eighth, 4 another eighth, 2 a quarter more, 1 the last half: 1 + 1/2 + 1/2 + 1/2
        (8, 2, [(8, F(1, 8)), (4, F(1, 4)), (2, F(1, 2)), (1, F(1))], F(5, 2)),
        (9, 3, [(9, F(1, 9)), (3, F(1, 3)), (1, F(1))], F(1) + F(2, 3) + F(2, 3)),
        (7, 2, [(7, F(1, 4)), (3, F(1, 2)), (1, F(1))], F(7, 4) + F(3, 4) + F(1, 2)),
        (3, 4, [(3, F(1))], F(3)),
        (1, 2, [(1, F(1))], F(1)),
        (6, None, [(6, F(1))], F(6)),
    ],
)
def test_rungs_and_their_cost(num_trials: int, eta: int | None, table: list[tuple[int, F]], cost: F) -> None:
    assert [(rung.num_trials, rung.share) for rung in rungs_of(num_trials, eta)] == table
    assert full_trials(num_trials, eta) == cost


def test_a_rung_is_at_least_one_step_and_the_last_one_all() -> None:
    assert [steps_at(rung.share, 100) for rung in rungs_of(8, 2)] == [13, 25, 50, 100]
    assert [steps_at(rung.share, 3) for rung in rungs_of(8, 2)] == [1, 1, 2, 3]


def test_the_best_by_value_of_equal_ones_the_earlier() -> None:
    values = {0: 2.0, 1: 1.0, 2: 3.0, 3: 1.0}
    assert best_of(values, 2, higher_is_better=False) == [1, 3]
    assert best_of(values, 3, higher_is_better=True) == [2, 0, 1]
    assert best_of(values, 9, higher_is_better=False) == [1, 3, 0, 2]
