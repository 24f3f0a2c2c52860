"""What the autopilot makes of a recipe before anything is trained."""

from __future__ import annotations

import pytest

from tunesmith.recipe import Auto, Recipe
from tunesmith.search.run import MANY_TRIALS, piloted


def recipe(**search: object) -> Recipe:
    tree = {"name": "desk", "prepare": {"sources": "rows.jsonl"}, "train": {"method": "lora"}, "search": search}
    return Recipe.model_validate(tree)


def test_the_plan_chooses_the_method_unless_the_space_does() -> None:
    assert piloted(recipe(), None).train.method == Auto()
    assert piloted(recipe(space={"train.learning_rate": [1e-4]}), None).train.method == Auto()
    for space in ({"train.method": ["full", "lora"]}, {"train.method.rank": [4, 8]}):
        asked = recipe(space=space)
        assert piloted(asked, None).train.method == asked.train.method


@pytest.mark.parametrize(("by", "num_trials"), [("tpe", MANY_TRIALS), ("random", 16), ("grid", 16)])
def test_hours_bring_as_many_brackets_as_they_hold(by: str, num_trials: int) -> None:
    found = piloted(recipe(by=by), 2.0).search
    assert (found.hours, found.num_trials) == (2.0, num_trials)
    assert piloted(recipe(by=by), None).search == recipe(by=by).search
