"""The interval of a difference of two shares is the one that was published for them."""

from __future__ import annotations

import pytest

from tunesmith.stats.independent import Bounded, difference_of_independent
from tunesmith.stats.intervals import wilson


def share(successes: int, n: int) -> Bounded:
    interval = wilson(successes, n)
    return Bounded(successes / n, interval.low, interval.high)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17:873, table II, method 10
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 10), 0.6075, 1.0)],
)
def test_newcombes_examples(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    found = difference_of_independent(share(*first), share(*second))
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    turned = difference_of_independent(share(*second), share(*first))
    assert (turned.low, turned.high) == pytest.approx((-high, -low), abs=5e-5)
