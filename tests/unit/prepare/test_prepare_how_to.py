"""Every recipe of the how-to pages on personal data, splits and quality does what its page says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from tunesmith.artifacts import Dataset, QualityReport
from tunesmith.errors import RunFailed
from tunesmith.prepare import prepare, recheck
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[3]
PAGES = ("hide-personal-data.md", "split-and-prove.md", "judge-quality.md")
TOPICS = ("Refunds of gift cards", "Lost parcels abroad", "Broken kettles", "账单金额不对")
ASKED = (
    "what must I send you first",
    "who pays for it",
    "how many days does it take",
    "可以换一个吗",
    "where to write to",
)
ROWS = [
    {
        "question": f"{topic}, case {case}: {asked}",
        "answer": f"answer {case}",
        "customer": f"c{case % 9}",
        "date": f"2026-01-{case:02d}",
    }
    for case, (topic, asked) in enumerate(product(TOPICS, ASKED), 1)
]


def recipes(language: str, page: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / language / "how-to" / page).read_text(encoding="utf-8")
    found = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


def made(name: str, page: str, folder: Path, rows: list[dict[str, Any]]) -> Dataset:
    section = Recipe.model_validate(recipes("en", page)[name]).prepare
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    sources = tuple(source.model_copy(update={"path": str(file)}) for source in section.sources)
    benchmark = str(folder / "benchmark.jsonl")
    benchmarks = tuple(source.model_copy(update={"path": benchmark}) for source in section.contamination)
    section = section.model_copy(update={"sources": sources, "contamination": benchmarks})
    runtime = Runtime(folder, folder / "cache", secrets={"SUPPORT_PSEUDONYM_KEY": "thirty-two bytes or more of secret"})
    return prepare(section, seed=0, runtime=runtime, progress=Silent(), out=folder / "dataset")


def judged(name: str, folder: Path, rows: list[dict[str, Any]]) -> QualityReport:
    """The files that the recipe names beside its sources lie in the working folder."""
    report = made(name, "judge-quality.md", folder, rows).quality()
    assert report is not None
    return report


def texts(dataset: Dataset) -> str:
    rows = [row for split in ("train", "validation", "test") for row in dataset.rows(split)]
    return "\n".join(message.content for row in rows for message in row.messages)


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_show_the_same_valid_recipes(page: str) -> None:
    assert recipes("en", page) == recipes("zh", page)
    for recipe in recipes("en", page).values():
        Recipe.model_validate(recipe)


def test_personal_data_are_masked_removed_or_renamed(tmp_path: Path) -> None:
    rows = [{**row, "answer": f"Write to ann.lee{n}@example.org."} if n % 2 else row for n, row in enumerate(ROWS)]
    rows[2] = {**rows[2], "question": "My card is 4111 1111 1111 1111, is that right?"}
    results = {}
    for name in ("masked", "removed", "pseudonyms"):
        folder = tmp_path / name
        folder.mkdir()
        results[name] = made(name, "hide-personal-data.md", folder, rows)
    masked, removed, renamed = (texts(results[name]) for name in ("masked", "removed", "pseudonyms"))
    assert masked.count("[EMAIL]") == len(ROWS) // 2
    assert "[CARD]" in masked
    assert results["masked"].report().changes["personal.email"] == len(ROWS) // 2
    assert results["removed"].report().reasons["personal-data"].count == 1
    assert removed.count("@example.org") == len(ROWS) // 2
    assert not re.search(r"ann\.lee\d", renamed)
    assert renamed.count("@") == len(ROWS) // 2
    assert "4111 1111 1111 1111" not in renamed


def test_groups_times_and_benchmarks_keep_the_splits_apart(tmp_path: Path) -> None:
    for name in ("grouped", "by-time", "unseen"):
        (tmp_path / name).mkdir()
    near = {**ROWS[0], "question": f"{ROWS[0]['question']}?", "customer": "c77"}
    grouped = made("grouped", "split-and-prove.md", tmp_path / "grouped", [*ROWS, near])
    groups = [{row.group for row in grouped.rows(split)} for split in ("train", "validation", "test")]
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert grouped.report().reasons["near-duplicate"].count == 1

    timed = made("by-time", "split-and-prove.md", tmp_path / "by-time", ROWS)
    dates = {split: [row.metadata["date"] for row in timed.rows(split)] for split in ("train", "test")}
    assert max(dates["train"]) < min(dates["test"])

    benchmark = tmp_path / "unseen" / "benchmark.jsonl"
    benchmark.write_text(json.dumps({"question": ROWS[3]["question"], "answer": "x"}), encoding="utf-8")
    unseen = made("unseen", "split-and-prove.md", tmp_path / "unseen", ROWS)
    assert unseen.report().reasons["repeats-benchmark-row"].count == 1


def test_a_row_moved_by_hand_is_caught(tmp_path: Path) -> None:
    dataset = made("grouped", "split-and-prove.md", tmp_path, ROWS)
    runtime = Runtime(tmp_path, tmp_path / "cache")
    assert recheck(dataset.folder, runtime=runtime) == dataset.report().proof
    train, test = dataset.folder / "train.jsonl", dataset.folder / "test.jsonl"
    first, *others = test.read_text(encoding="utf-8").splitlines(keepends=True)
    test.write_text("".join(others), encoding="utf-8")
    train.write_text(train.read_text(encoding="utf-8") + first, encoding="utf-8")
    with pytest.raises(RunFailed) as caught:
        recheck(dataset.folder, runtime=replace(runtime, num_threads=1))
    assert caught.value.code == "recheck-failed"
    assert caught.value.parameters["changed"] == "train, test"


def test_quality_is_held_against_what_is_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    schema = {"type": "object", "required": ["total"]}
    Path("answer.schema.json").write_text(json.dumps(schema), encoding="utf-8")
    orders = [
        {
            "question": row["question"],
            "reasoning": f"{number} * 3 = {number * 3}",
            "answer": json.dumps({"total": number * 3}),
            "expected_total": number * 3,
            "category": ("delivery", "refund")[number % 2],
            "scenario": ("day", "night", "holiday")[number % 3],
        }
        for number, row in enumerate(ROWS)
    ]
    orders[3] |= {"answer": '{"total": 8}'}
    orders[4] |= {"reasoning": "4 * 3 = 11"}
    orders[5] |= {"answer": '{"sum": 15}'}
    orders[6] |= {"scenario": ""}
    report = judged("declared", tmp_path, orders)
    parts = {"number": 1, "arithmetic": 1, "json_schema": 1}
    assert {name: part.faulty for name, part in report.correctness.parts.items()} == parts
    assert report.completeness.parts["fields"].faulty == 1
    assert report.coverage["category"]["repair"] == 0
    assert report.coverage["category"]["refund"] > 0


def test_a_pattern_is_asked_and_mixed_formats_are_allowed(tmp_path: Path) -> None:
    said = ["yes", "no, because it is late", "perhaps", *["yes"] * 9]
    rows = [row | {"answer": answer} for row, answer in zip(ROWS, said, strict=False)]
    report = judged("yes-or-no", tmp_path, rows)
    assert report.correctness.parts["pattern"].faulty == 1
    assert report.correctness.worst[0].detail == "perhaps"
    assert "format" not in report.consistency.parts


def test_served_inputs_show_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    missing = [f"Is there a vegetarian menu on flight {number}?" for number in range(100, 140)]
    served = [row["question"] for row in ROWS] + missing
    Path("served.csv").write_text("n,user_text\n" + "".join(f'1,"{text}"\n' for text in served), encoding="utf-8")
    found = judged("served", tmp_path, ROWS).representativeness
    assert found is not None
    assert found.covered <= 1 - len(missing) / len(served)
    assert set(found.regions[0].examples) <= set(missing)
    assert found.p_value < 0.05
