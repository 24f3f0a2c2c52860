"""Counterfactual rows: training rows alone, balanced pairs, the label kept, a planted bias gone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from prepare_material import Run, write_jsonl

from tunesmith.errors import Place
from tunesmith.prepare.counterfactual import counterfactuals
from tunesmith.prepare.offspring import parent_of
from tunesmith.recipe.augment import Counterfactual
from tunesmith.records import Example, Message

MALE = {"en": "He", "zh": "他"}
FEMALE = {"en": "She", "zh": "她"}
TEXTS = {
    "en": ("{} applied for post {} as a nurse with ten years of work", "{} wants post {} and knows how to weld"),
    "zh": ("{}申请第{}号护士岗位，有十年经验", "{}应聘第{}号焊工岗位，动手能力强"),
}


def biased(folder: Path) -> str:
    """Women are hired as nurses, men as welders, nine times of ten."""
    random, rows = Random(0), []
    for n in range(120):
        language = ("en", "zh")[n % 2]
        trade = random.randrange(2)
        is_man = (random.random() < 0.9) == bool(trade)
        who = (MALE if is_man else FEMALE)[language]
        rows.append({"text": TEXTS[language][trade].format(who, 1000 + n), "label": ("nurse", "welder")[trade]})
    return write_jsonl(folder / "rows.jsonl", rows)


def genders(rows: Iterable[Example]) -> Counter[tuple[str | None, bool]]:
    return Counter((row.label, re.search(r"\bHe\b|他", row.prompt[-1].content) is not None) for row in rows)


@pytest.mark.thorough
def test_pairs_are_balanced_and_the_planted_bias_is_gone(run: Run, tmp_path: Path) -> None:
    source = biased(tmp_path)
    plain = run(source, out="plain")
    dataset = run(source, augment={"methods": ["counterfactual"]})
    for split in ("validation", "test"):
        assert (dataset.folder / f"{split}.jsonl").read_bytes() == (plain.folder / f"{split}.jsonl").read_bytes()
    rows = {row.id: row for row in dataset.rows("train")}
    made = [row for row in rows.values() if "augmented_by" in row.metadata]
    before, after = genders(plain.rows("train")), genders(rows.values())
    assert before["welder", True] > 5 * before["welder", False]
    for label in ("nurse", "welder"):
        assert after[label, True] == after[label, False] > 0
    report = dataset.report()
    assert report.augment is not None
    (making,) = report.augment.methods
    assert (making.made, making.kept, making.rejected) == (len(made), len(made), {})
    assert len(made) == report.splits["train"] / 2
    for row in made:
        parent = rows[row.metadata["parent_id"]]
        assert (row.label, row.answer, row.metadata["swapped"]) == (parent.label, parent.answer, "gender")
        assert re.findall(r"\d+", row.prompt[-1].content) == re.findall(r"\d+", parent.prompt[-1].content)
    assert report.proof.holds


def example(*contents: str, system: str | None = None, **changes: Any) -> Example:
    messages = [Message("system", system)] if system else []
    messages += [Message(("user", "assistant")[n % 2], text) for n, text in enumerate(contents)]  # type: ignore[arg-type]
    return Example("0" * 16, tuple(messages), Place("f", 1), **changes)


def made_of(row: Example, **settings: Any) -> dict[str, Example]:
    parent = parent_of(row, "{prompt}")
    assert parent is not None
    tries = counterfactuals(parent, Counterfactual(**settings), (), "seed")
    return {one.example.metadata["swapped"]: one.example for one in tries if one.example is not None}


def test_a_person_is_one_person_in_the_whole_conversation() -> None:
    row = example("My brother is ill.", "Since when?", "He fell.", "Then he needs rest.", system="He is He.")
    (found,) = made_of(row).values()
    assert [message.content for message in found.messages] == [
        "He is He.",
        "My sister is ill.",
        "Since when?",
        "She fell.",
        "Then she needs rest.",
    ]


def test_what_a_row_without_a_label_may_be_about_stays() -> None:
    assert made_of(example("Who was Marie Curie?", "She was born in Warsaw, Poland.")) == {}
    assert made_of(example("Where is Lagos?", "In Nigeria.")) == {}
    labelled = example("Mr Smith of Lagos complains, he waits.", "male", label="male")
    found = made_of(labelled)
    assert found.keys() == {"gender", "name", "region"}
    assert all(row.answer == labelled.answer for row in found.values())
    assert found["gender"].messages[0].content == "Ms Smith of Lagos complains, she waits."
    assert made_of(labelled, swap=["region"]).keys() == {"region"}
