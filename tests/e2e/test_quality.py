"""Each C falls with its own planted faults and stands still under those of the others."""

from __future__ import annotations

import math

import pytest

from benchmarks import quality
from benchmarks.quality_set import CRITERIA, FAULTS


@pytest.fixture(scope="module")
def figures() -> dict[str, float]:
    return dict(quality.run(quick=True).figures)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_each_c_falls_with_its_own_faults_alone(criterion: str, figures: dict[str, float]) -> None:
    # the least of the three steps, to 5, 10 and 20 %
    assert figures[f"fall/{criterion}"] > 0.04
    assert figures[f"move/{criterion}"] <= quality.MAX_MOVE


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "wrong label"])
def test_planted_faults_are_found_and_nothing_else(name: str, figures: dict[str, float]) -> None:
    assert figures[f"recall/{name}"] >= 0.97
    assert figures[f"false_positives/{name}"] <= 0.005


def test_most_wrong_labels_are_found(figures: dict[str, float]) -> None:
    assert figures["recall/wrong label"] >= 0.6
    assert figures["false_positives/wrong label"] <= 0.03


def test_the_falls_are_those_of_the_written_out_scores() -> None:
    scores = {
        "consistency": [{"consistency": 1.0, "correctness": 0.9}, {"consistency": 0.7, "correctness": 0.92}],
        "correctness": [{"consistency": 1.0, "correctness": 0.9}, {"consistency": 0.99, "correctness": 0.85}],
    }
    found = quality.movements(scores, scores)
    expected = {"fall/consistency": 0.3, "move/consistency": 0.01, "fall/correctness": 0.05, "move/correctness": 0.02}
    assert found.keys() == expected.keys()
    assert all(math.isclose(found[name], value, abs_tol=1e-9) for name, value in expected.items())
