"""The learning curve's rule on scores whose truth is known, and the nesting of the parts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from tiny_models import row

from tunesmith.chat.subset import nested_rows
from tunesmith.plan.curve import read_curve

NUM_ITEMS = 400


def right(share: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Scores of items of which the first `share` are right: a better arm gets the same right, and more."""
    return (np.arange(NUM_ITEMS) < share * NUM_ITEMS).astype(np.float64)


def word(shares: tuple[float, float, float, float], **others: float) -> tuple[str, str | None]:
    values = {size: right(share) for size, share in zip((100, 200, 400, 800), shares, strict=True)}
    curve = read_curve(values, {arm: right(share) for arm, share in others.items()}, None, seed=0)
    assert [point.mean for point in curve.points] == pytest.approx(list(shares))
    assert curve.points[0].gain is None
    return curve.word, curve.against


def test_a_curve_that_still_rises_asks_for_rows() -> None:
    assert word((0.3, 0.4, 0.5, 0.6), base=0.2) == ("more-rows", None)


def test_a_flat_curve_no_better_than_the_base_or_below_a_baseline_asks_for_another_method() -> None:
    assert word((0.5, 0.5, 0.5, 0.5), base=0.5) == ("another-method", "base")
    assert word((0.5, 0.5, 0.5, 0.5), base=0.2, classic=0.7) == ("another-method", "classic")


def test_a_flat_curve_above_all_others_is_enough() -> None:
    assert word((0.6, 0.8, 0.8, 0.8), base=0.2, classic=0.5) == ("enough", None)


def test_few_items_that_disagree_tell_nothing() -> None:
    random = np.random.default_rng(0)
    values = {size: random.integers(0, 2, 30).astype(np.float64) for size in (1, 2, 4, 8)}
    curve = read_curve(values, {"base": np.zeros(30)}, None, seed=0)
    assert curve.word == "unclear"


def test_a_smaller_part_lies_in_every_larger_one_and_order_is_kept() -> None:
    rows = [row(str(n), [1, 2], [0.0, 1.0]) for n in range(50)]
    parts = [[int(each.id) for each in nested_rows(rows, num, seed=3)] for num in (5, 10, 25, 50, None, 99)]
    assert [len(part) for part in parts] == [5, 10, 25, 50, 50, 50]
    assert all(set(small) <= set(large) for small, large in pairwise(parts))
    assert all(part == sorted(part) for part in parts)
    assert parts[0] != [int(each.id) for each in nested_rows(rows, 5, seed=4)]
