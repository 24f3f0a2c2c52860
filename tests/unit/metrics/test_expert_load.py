"""How even a load is, against scipy's entropy and cases that can be counted on fingers."""

from __future__ import annotations

import pytest
from scipy.stats import entropy

from tunesmith.metrics.expert_load import load_of, most_uneven


def test_even_is_one_and_one_and_all_on_one_expert_is_their_number_and_nothing() -> None:
    even, one = load_of([7, 7, 7, 7]), load_of([0, 28, 0, 0])
    assert (even.largest, even.entropy) == (pytest.approx(1.0), pytest.approx(1.0))
    assert (one.largest, one.entropy) == (pytest.approx(4.0), pytest.approx(0.0))


def test_shares_are_of_all_tokens_and_the_entropy_is_scipys() -> None:
    counts = [5, 0, 12, 3, 20]
    assert load_of(counts).largest == pytest.approx(20 / 40 * 5)
    assert load_of(counts).entropy == pytest.approx(entropy(counts, base=5))


def test_the_most_uneven_layer_is_told() -> None:
    found = most_uneven({"0": [10, 10], "1": [15, 5], "2": [11, 9]})
    assert found == {
        "expert_load_max": pytest.approx(1.5),
        "expert_load_entropy": pytest.approx(entropy([15, 5], base=2)),
    }
