"""A user's function in its own process: values, failures of single items, time limits, and its death."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.metrics.case import Case
from tunesmith.metrics.function import function_values
from tunesmith.metrics.scorers import hashes, scorers
from tunesmith.recipe.metrics import Function
from tunesmith.records import Message

MODULE = """
import os, sys, time

def solved(case):
    print("to nowhere", case["answer"])
    if case["answer"] == "slow":
        time.sleep(60)
    if case["answer"] == "die":
        sys.stderr.write("last words\\n")
        sys.stderr.flush()
        os._exit(3)
    given = {"none": None, "text": "0.5", "big": 2, "nan": float("nan"), "half": 0.5, "true": True}
    if case["answer"] in given:
        return given[case["answer"]]
    return case["prompt"][0]["content"] == "问" and case["references"] == [case["answer"]]
"""


def case(answer: str, reference: str = "答") -> Case:
    return Case((Message("user", "问"),), answer, (reference,))


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop_metrics.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def metric(name: str = "solved", seconds: float = 30.0) -> Function:
    return Function(function=f"shop_metrics:{name}", seconds_per_item=seconds)


def test_values_nothing_to_say_and_failures_of_single_items() -> None:
    told = ["答", "别的", "true", "half", "none", "text", "big", "nan"]
    found = function_values(metric(), [case(answer) for answer in told])
    assert found[:5] == [1.0, 0.0, 1.0, 0.5, None]
    assert [value != value for value in found[5:]] == [True, True, True]


@pytest.mark.thorough
def test_a_slow_item_fails_and_the_next_is_asked_anew() -> None:
    found = function_values(metric(seconds=0.3), [case(answer) for answer in ("half", "slow", "half")])
    assert (found[0], found[2]) == (0.5, 0.5)
    assert found[1] != found[1]


@pytest.mark.thorough
def test_too_many_slow_items_end_it() -> None:
    with pytest.raises(RunFailed, match="metric-function-slow"):
        function_values(metric(seconds=0.01), [case("slow")] * 20)


def test_a_process_that_ends_is_told_with_its_last_words() -> None:
    with pytest.raises(RunFailed, match="metric-function-died") as caught:
        function_values(metric(), [case("half"), case("die"), case("half")])
    assert caught.value.parameters["status"] == 3
    assert str(caught.value.parameters["problem"]).endswith("last words")


@pytest.mark.parametrize(("name", "said"), [("shop_metrics:unsolved", "no function"), ("no_module:f", "no_module")])
def test_what_cannot_be_called_is_told_before_anything_is_judged(name: str, said: str) -> None:
    with pytest.raises(TunesmithError, match="metric-function") as caught:
        scorers([Function(function=name)])
    assert said in str(caught.value.parameters["problem"])


def test_the_functions_file_counts_in_the_scorecards_key(tmp_path: Path) -> None:
    before = hashes([metric()])
    assert list(before) == ["metric.solved"]
    (tmp_path / "shop_metrics.py").write_text(MODULE + "# changed\n", encoding="utf-8")
    assert hashes([metric()]) != before
    assert hashes([Function(function="json:loads")]) == {}
