"""The how-to pages on tables, reports and annotation do what they say, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prepare_material import Listening, write_jsonl

from tunesmith.artifacts import Dataset
from tunesmith.cli.annotate_show import comparison_lines, exported_lines, imported_lines
from tunesmith.prepare import prepare
from tunesmith.prepare.annotate import compare_annotators, export_tasks, import_results
from tunesmith.prepare.annotate.layers import result_of
from tunesmith.recipe import Recipe
from tunesmith.records import SPLITS, Intent
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[3]
LANGUAGES = ("en", "zh")


def blocks(language: str, page: str) -> list[tuple[str, str, str]]:
    """Kind, file name and content of each block of a page."""
    text = (ROOT / "docs" / language / "how-to" / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def recipe_of(name: str, page: str, language: str = "en") -> dict[str, Any]:
    found = [yaml.safe_load(content) for kind, _, content in blocks(language, page) if kind == "yaml"]
    recipe: dict[str, Any] = next(recipe for recipe in found if recipe["name"] == name)
    return recipe


def write_files(folder: Path, page: str) -> None:
    for _, file, content in blocks("en", page):
        if file:
            (folder / file).write_text(content, encoding="utf-8")


def made(name: str, folder: Path, runtime: Runtime) -> Dataset:
    section = Recipe.model_validate(recipe_of(name, "tables-and-reports.md")).prepare
    sources = tuple(source.model_copy(update={"path": str(folder / str(source.path))}) for source in section.sources)
    changes = {"sources": sources, "test_share": 0.0, "validation_share": 0.0, "max_bad_share": 1.0}
    out = folder / name
    return prepare(section.model_copy(update=changes), seed=0, runtime=runtime, progress=Silent(), out=out)


def said(dataset: Dataset) -> dict[str, str]:
    return {row.prompt[-1].content: row.answer.content for split in SPLITS for row in dataset.rows(split)}


@pytest.mark.parametrize("page", ["tables-and-reports.md", "annotate.md"])
def test_both_languages_show_the_same(page: str) -> None:
    shown = [blocks(language, page) for language in LANGUAGES]
    assert shown[0] == shown[1]


def test_tables_and_reports(tmp_path: Path, runtime: Runtime) -> None:
    write_files(tmp_path, "tables-and-reports.md")
    assert said(made("table", tmp_path, runtime)) == {
        "松溪纸业2025年的营业收入是多少？": "12.3亿元，利润率-3.5%。",
        "Foo Ltd2025年的营业收入是多少？": "12.3亿元，利润率8%。",
    }
    answers = said(made("json", tmp_path, runtime))
    assert json.loads(answers["松溪纸业, 2025"])["revenue"] == {"value": 1230, "unit": "百万元"}
    found = [json.loads(answer) for answer in said(made("figures", tmp_path, runtime)).values()]
    assert [
        [figure[name] and figure[name]["value"] for name in ("revenue", "profit", "revenue_usd")] for figure in found
    ] == [[12.3, 0.98, None], [None, None, 4.5], [None, None, None]]


def test_chats(tmp_path: Path, runtime: Runtime) -> None:
    chats = {
        "only-greetings": ["你好", "您好！", "谢谢", "再见"],
        "wordless-turn": ["怎么赎回？", "……"],
        "repeated-turns": ["a1", "wait", "a2", "Wait!", "a3", "wait", "a4", "wait."],
        "one-sided": ["Sum up: " + " ".join(f"w{number}" for number in range(300)), "No idea."],
        "repetitive": ["What is it?", "one two three four five six seven eight nine ten " * 4],
        "": ["怎么赎回基金？", "在持仓页面点击赎回。"],
    }
    rows = [
        {"messages": [{"role": "assistant" if n % 2 else "user", "content": turn} for n, turn in enumerate(turns)]}
        for turns in chats.values()
    ]
    write_jsonl(tmp_path / "chats.jsonl", rows)
    report = made("chats", tmp_path, runtime).report()
    assert report.kept == 1
    assert set(report.reasons) == set(chats) - {""}


def test_annotation(tmp_path: Path, runtime: Runtime, progress: Listening) -> None:
    written = recipe_of("desk", "annotate.md")
    (tmp_path / "questions.csv").write_text("text,intent\nWhere is my money?,refund\nA parcel for Ada,delivery\n")
    written["annotate"]["sources"] = str(tmp_path / "questions.csv")
    recipe = Recipe.model_validate(written)
    exported = export_tasks(recipe, runtime=runtime, progress=progress, out=tmp_path)
    tasks = json.loads((tmp_path / "tasks.json").read_bytes())
    for number, task in enumerate(tasks):
        labels = ("refund", ("refund", "other")[number])
        task["annotations"] = [
            {"completed_by": by, "result": result_of((Intent(label),))} for by, label in enumerate(labels, 1)
        ]
    export = tmp_path / "export.json"
    export.write_text(json.dumps(tasks))
    imported = import_results(recipe, runtime=runtime, progress=progress, out=tmp_path, file=export)
    line = json.loads((tmp_path / "adjudication.jsonl").read_text(encoding="utf-8"))
    shown = json.loads(next(content for kind, _, content in blocks("en", "annotate.md") if kind == "json"))
    assert {**line, "id": shown["id"], "text": shown["text"]} == shown
    compared = compare_annotators(recipe, runtime=runtime, out=tmp_path, file=export)
    for language in LANGUAGES:
        lines = exported_lines(exported, language) + imported_lines(imported, language)
        assert len(lines + comparison_lines(compared, language)) == 9
    assert "2 tasks from 2 rows, 2 with a prediction" in exported_lines(exported, "en")[0]
    assert "1 rows in rows.jsonl; 1 disputed" in imported_lines(imported, "en")[0]
    assert "50.0% of answers agree" in comparison_lines(compared, "en")[3]
