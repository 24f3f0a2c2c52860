"""The recipes of the page on planning do what it says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tunesmith import lifecycle
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.plan.curve import MAX_GAIN
from tunesmith.plan.method import MATRIX, SMALL_BASE, TRIAL_STEPS
from tunesmith.recipe import AUTO_METHODS, Recipe
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[3]


def text_of(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "plan-before-you-train.md").read_text(encoding="utf-8")


def recipes(language: str) -> dict[str, dict[str, Any]]:
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text_of(language), re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


@pytest.fixture
def job(tmp_path: Path, runtime: Runtime) -> Job:
    places = ("Oslo", "Lima", "Accra", "Hanoi", "Turin", "Quito", "Perth")
    rows = [
        {"question": f"{places[n % 7]} parcel {n * n}, where from {places[n // 9]}", "answer": f"{n} is on its way"}
        for n in range(60)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Job(Recipe.model_validate(recipes("en")["planned"]), runtime, Silent())


def of(job: Job, name: str, folder: Path) -> Job:
    recipe = recipes("en")[name]
    recipe["prepare"]["sources"] = str(folder / "rows.jsonl")
    return replace(job, recipe=Recipe.model_validate(recipe))


def test_both_languages_show_the_same_recipes_and_as_much_else() -> None:
    assert recipes("en") == recipes("zh")
    for mark in ("\n## ", "\n```", "\n1. ", "`tunesmith plan"):
        assert text_of("en").count(mark) == text_of("zh").count(mark)
    assert str(MAX_GAIN) in text_of("en")
    for number in (MATRIX[0][0], SMALL_BASE, TRIAL_STEPS):
        assert f"{number:,}" in text_of("en")


@pytest.mark.thorough
def test_a_training_that_cannot_fit_is_refused_with_what_would(job: Job, tmp_path: Path) -> None:
    planned = of(job, "planned", tmp_path)
    dataset = lifecycle.prepare(planned)
    plans = lifecycle.plan(planned, dataset)
    needed = lifecycle.predict(planned, dataset, plans)["tuned"].peak_bytes
    tight = replace(planned, runtime=replace(planned.runtime, memory_bytes=needed - 1))
    with pytest.raises(TunesmithError) as failure:
        lifecycle.plan(tight, dataset)
    assert failure.value.code == "too-little-memory"
    assert "train.method=lora" in failure.value.hint("en")
    assert "train.method=lora" in failure.value.hint("zh")
    none = replace(planned, runtime=replace(planned.runtime, memory_bytes=1))
    with pytest.raises(TunesmithError) as failure:
        lifecycle.plan(none, dataset)
    assert failure.value.code == "too-little-memory-for-all"


@pytest.mark.thorough
def test_auto_becomes_a_method_with_its_reason_and_part_of_the_rows_are_trained_on(job: Job, tmp_path: Path) -> None:
    chosen = of(job, "chosen", tmp_path)
    dataset = lifecycle.prepare(chosen)
    plans = lifecycle.plan(chosen, dataset)
    body = plans["tuned"].body
    (choice,) = [choice for choice in body.choices if choice.name == "method"]
    assert choice.value == body.method
    assert all(f"{method} " in str(choice.parameters["losses"]) for method in AUTO_METHODS)
    assert lifecycle.trainings_of(chosen, dataset, plans)["tuned"].section.method.name == body.method
    part = of(job, "part", tmp_path)
    assert lifecycle.plan(part, dataset)["tuned"].body.num_train_rows == 20
