"""Rehearsal: general rows at an exact share of the training rows, never held out, and no rows of the task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from prepare_material import Run, rejects_of, write_jsonl
from pydantic import ValidationError

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset
from tunesmith.lifecycle import Job
from tunesmith.recipe import Prepare, Recipe
from tunesmith.records import REHEARSAL, SPLITS, Example
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[3]
GOODS = ("lamp", "kettle", "tent", "jacket", "stove", "clock", "chair", "radio")
TICKETS = [
    {"text": f"Order {n * 37} for a {GOODS[n % 8]} came {'late' if n % 2 else 'broken'}", "label": f"queue {n % 2}"}
    for n in range(120)
]
GENERAL = [
    {"messages": [{"role": "user", "content": f"What is {n} plus {n * n}?"}, {"role": "assistant", "content": str(n)}]}
    for n in range(60)
]


def sources(folder: Path, general: Sequence[Any] = GENERAL, **more: Any) -> list[dict[str, Any]]:
    own = {"path": write_jsonl(folder / "own.jsonl", TICKETS)}
    return [own, {"path": write_jsonl(folder / "general.jsonl", list(general)), "split": REHEARSAL, **more}]


def rehearsed(dataset: Dataset) -> list[Example]:
    return [row for row in dataset.rows("train") if row.split == REHEARSAL]


@pytest.mark.thorough
@pytest.mark.parametrize("share", [0.1, 0.25])
def test_its_share_is_exact_and_none_of_it_is_held_out(tmp_path: Path, run: Run, share: float) -> None:
    dataset = run(sources(tmp_path, share=share), validation_share=0.2, test_share=0.2)
    train, general = dataset.rows("train"), rehearsed(dataset)
    assert len(general) == int(share / (1 - share) * (len(train) - len(general)) + 1e-6)
    assert {Path(row.place.file).name for row in general} == {"general.jsonl"}
    for split in ("validation", "test"):
        assert dataset.rows(split)
        assert {Path(row.place.file).name for row in dataset.rows(split)} == {"own.jsonl"}
    assert {reject["reason"] for reject in rejects_of(dataset)} == {"over-share"}
    other = run(sources(tmp_path, share=share), seed=1, out="other", validation_share=0.2, test_share=0.2)
    assert {row.id for row in rehearsed(other)} != {row.id for row in general}


@pytest.mark.thorough
def test_the_page_says_so_in_both_languages(tmp_path: Path, run: Run) -> None:
    found = []
    for language in ("en", "zh"):
        text = (ROOT / "docs" / language / "how-to" / "read-your-files.md").read_text(encoding="utf-8")
        recipes = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
        found.append(next(recipe for recipe in recipes if recipe["name"] == "rehearsed"))
    assert found[0] == found[1]
    section = Recipe.model_validate(found[0]).prepare
    own, general = sources(tmp_path, share=section.sources[1].share, split=section.sources[1].split)
    dataset = run([own, general], system=section.system, prompt_style="Sort this: {prompt}")
    for row in dataset.rows("train"):
        is_styled = row.messages[0].role == "system" and row.messages[-2].content.startswith("Sort this: ")
        assert is_styled == (row.split != REHEARSAL)
    assert len(rehearsed(dataset)) / len(dataset.rows("train")) == pytest.approx(0.2, abs=0.01)


@pytest.mark.thorough
def test_it_is_no_part_of_the_task(tmp_path: Path, run: Run) -> None:
    both, alone = run(sources(tmp_path)), run(sources(tmp_path)[:1], out="alone")
    report = both.report()
    assert (report.task, report.sources[1].split, report.sources[1].kept) == ("labels", REHEARSAL, 60)
    assert report.bias == alone.report().bias
    (with_it, without) = (dataset.quality() for dataset in (both, alone))
    assert with_it is not None
    assert without is not None
    assert with_it.numbers == without.numbers
    ids = {split: {row.id for row in both.rows(split) if row.split != REHEARSAL} for split in SPLITS}
    assert ids == {split: {row.id for row in alone.rows(split)} for split in SPLITS}


@pytest.mark.thorough
def test_what_repeats_a_held_out_row_is_cut_and_times_and_examples_do_not_bind_it(tmp_path: Path, run: Run) -> None:
    test = [{"text": "Where is my very own parcel, please?", "label": "queue 0"}]
    repeat = {"messages": [{"role": "user", "content": test[0]["text"]}, {"role": "assistant", "content": "here"}]}
    held = {"path": write_jsonl(tmp_path / "test.jsonl", test), "split": "test"}
    dataset = run([*sources(tmp_path, [*GENERAL, repeat]), held])
    assert [Path(reject["file"]).name for reject in rejects_of(dataset)] == ["general.jsonl"]
    assert len(rehearsed(dataset)) == 60
    dated = [{**row, "day": f"2026-01-{1 + n % 28:02d}"} for n, row in enumerate(TICKETS)]
    own = {"path": write_jsonl(tmp_path / "dated.jsonl", dated)}
    examples = tmp_path / "examples.txt"
    examples.write_text("\n".join(row["text"] for row in TICKETS[:20]), encoding="utf-8")
    clean = {"relevance": {"examples": str(examples), "threshold": 0.3}}
    timed = run([own, sources(tmp_path)[1]], out="timed", split_by_time="day", clean=clean)
    assert len(rehearsed(timed)) == 60


@pytest.mark.thorough
def test_augmentation_makes_nothing_of_it_and_keeps_it(tmp_path: Path, run: Run) -> None:
    dataset = run(sources(tmp_path), augment={"methods": [{"name": "swap", "share": 1.0}]})
    made = [row for row in dataset.rows("train") if "parent_id" in row.metadata]
    general = rehearsed(dataset)
    assert made
    assert len(general) == 60
    assert not {row.metadata["parent_id"] for row in made} & {row.id for row in general}


def test_it_does_not_stand_alone() -> None:
    with pytest.raises(ValidationError, match="rehearsal_alone"):
        Prepare.model_validate({"sources": [{"path": "x", "split": REHEARSAL}]})


@pytest.mark.thorough
def test_baselines_and_few_shot_prompts_do_not_see_it(tmp_path: Path, runtime: Runtime) -> None:
    tree = {
        "name": "rehearsed",
        "prepare": {"sources": sources(tmp_path, share=0.3), "test_share": 0.05},
        "train": {"max_steps": 1, "trackers": []},
        "evaluate": {"arms": ["base_few_shot", "majority", "classic", "tuned"], "general_suite": False, "max_items": 3},
    }
    outcome = lifecycle.run(Job(Recipe.model_validate(tree), runtime, Silent()))
    samples = list(outcome.scorecard.samples())
    assert {sample.arm for sample in samples} >= {"base_few_shot", "classic", "majority", "tuned"}
    assert not any("plus" in message.content for sample in samples for message in sample.prompt)
    assert "Rehearsal" in outcome.data_card.html.read_text(encoding="utf-8")
