"""Tables to prompts and answers, and key figures of texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prepare_material import Run, rejects_of, write_jsonl

from tunesmith.artifacts import Dataset
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.figures import find_figures
from tunesmith.prepare.rows import RawRow, Refused
from tunesmith.prepare.structure import Writer
from tunesmith.recipe import load_recipe
from tunesmith.recipe.structured import Structure
from tunesmith.records import SPLITS, Example
from tunesmith.text.quantities import FigurePattern


def write(values: dict[str, Any], **structure: Any) -> tuple[str, str]:
    made = Writer(Structure.model_validate({"prompt": "?", **structure})).write(RawRow(Place("t", 2), values)).values
    return made["prompt"], made["completion"]


def examples(dataset: Dataset) -> list[Example]:
    found = [example for split in SPLITS for example in dataset.rows(split)]
    return sorted(found, key=lambda example: (example.place.line or 0, example.prompt[-1].content))


def test_patterns_types_and_units() -> None:
    row = {"company": "松溪纸业", "year": "2025", "rev": "1,230", "margin": "(3.5)", "day": "2025年3月1日", "on": "1"}
    fields = {
        "revenue": {"column": "rev", "type": "number", "unit": "百万元", "to_unit": "亿元"},
        "margin": {"type": "number", "unit": "%"},
        "year": {"type": "integer"},
        "day": {"type": "date"},
        "on": {"type": "boolean"},
    }
    said = write(
        row, prompt="{company}{year}年营业收入？", answer="{revenue}，利润率{margin}，{day}，{{x}}", fields=fields
    )
    assert said == ("松溪纸业2025年营业收入？", "12.3亿元，利润率-3.5%，2025-03-01，{x}")
    _, answer = write(row, answer=["company", "year", "revenue", "day", "on"], fields=fields)
    assert json.loads(answer) == {
        "company": "松溪纸业",
        "year": 2025,
        "revenue": {"value": 12.3, "unit": "亿元"},
        "day": "2025-03-01",
        "on": True,
    }
    assert "松溪纸业" in answer  # not escaped


def test_nested_and_empty_cells() -> None:
    row = {"report": {"company": "Foo", "cash": None}, "a.b": "flat", "staff": ""}
    fields = {"staff": {"type": "integer", "optional": True}, "cash": {"column": "report.cash", "optional": True}}
    prompt, answer = write(row, prompt="{report.company} {a.b}", answer=["staff", "cash"], fields=fields)
    assert (prompt, json.loads(answer)) == ("Foo flat", {"staff": None, "cash": None})
    with pytest.raises(Refused, match="missing-field"):
        write(row, answer="{staff}", fields=fields)  # a sentence cannot do without


@pytest.mark.parametrize(
    ("cell", "field", "reason"),
    [
        (" ", {}, "missing-field"),
        (["x"], {}, "not-text"),
        ("much", {"type": "number"}, "not-a-number"),
        ("1.5", {"type": "integer"}, "not-a-number"),
        ("12 EUR", {"type": "number", "unit": "USD"}, "bad-unit"),
        ("2025-02-30", {"type": "date"}, "bad-time"),
        ("soon", {"type": "date"}, "bad-time"),
        ("maybe", {"type": "boolean"}, "bad-label"),
    ],
)
def test_a_cell_of_another_type_is_refused(cell: Any, field: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as caught:
        write({"x": cell}, answer="{x}", fields={"x": field})
    assert (caught.value.reason, caught.value.field) == (reason, "x")


def test_a_table_becomes_rows_whatever_its_other_columns(tmp_path: Path, run: Run) -> None:
    """`label` and `chosen` would make other formats of it; both structures ask each row, and bad cells cost one."""
    lines = [f"C{number},{number},true,x" for number in range(20)]
    (tmp_path / "t.csv").write_text("\n".join(["company,staff,label,chosen", *lines, "C20,many,true,x"]))
    structure = [
        {"prompt": "Staff of {company}?", "answer": "{staff}", "fields": {"staff": {"type": "integer"}}},
        {"prompt": "Which company is number {staff}?", "answer": ["company"]},
    ]
    dataset = run({"path": str(tmp_path / "t.csv"), "structure": structure})
    report = dataset.report()
    assert (report.read, report.kept, report.sources[0].format) == (42, 41, "prompt_completion")
    first, second = examples(dataset)[:2]
    assert [first.prompt[-1].content, first.answer.content] == ["Staff of C0?", "0"]
    assert [second.prompt[-1].content, second.answer.content] == ["Which company is number 0?", '{"company": "C0"}']
    assert first.place.line == 2
    assert first.metadata["label"] == "true"
    (reject,) = rejects_of(dataset)
    assert (reject["reason"], reject["line"] if "line" in reject else reject["place"]["line"]) == ("not-a-number", 22)


def test_key_figures_become_columns(tmp_path: Path, run: Run) -> None:
    texts = [f"松溪纸业第{number}期：营业收入{number}.5亿元，净利润{number}00万元。" for number in range(1, 13)]
    rows = [{"text": text} for text in [*texts, "今日无公告。"]]
    source = {
        "path": write_jsonl(tmp_path / "r.jsonl", rows),
        "figures": {
            "find": {
                "revenue": {"patterns": ["销售额*{number}", "营业收入*{number}"], "unit": "亿元"},
                "profit": {"patterns": "净利润{number}", "unit": "亿元"},
            }
        },
        "structure": {
            "prompt": "提取指标：{text}",
            "answer": ["revenue", "profit"],
            "fields": {name: {"type": "number", "unit": "亿元"} for name in ("revenue", "profit")},
        },
    }
    dataset = run(source)
    found = json.loads(examples(dataset)[1].answer.content)
    assert found == {"revenue": {"value": 2.5, "unit": "亿元"}, "profit": {"value": 0.02, "unit": "亿元"}}
    assert [reject["reason"] for reject in rejects_of(dataset)] == ["missing-field"]
    assert dataset.report().kept == 12


def test_the_first_figure_of_a_text_counts() -> None:
    patterns = {
        "sales": [FigurePattern("销售额{number}"), FigurePattern("收入{number}")],
        "cost": [FigurePattern("成本{number}")],
    }
    assert find_figures("收入5，去年收入6，销售额7，", patterns) == {"sales": "5"}
    assert find_figures("销售额7，收入5", patterns) == {"sales": "7"}


@pytest.mark.parametrize(
    ("settings", "column"),
    [
        ({"structure": {"prompt": "{compny}?", "answer": "{x}"}}, "compny"),
        ({"structure": {"prompt": "{x}?", "answer": ["y"], "fields": {"y": {"column": "compny"}}}}, "compny"),
        ({"figures": {"column": "compny", "find": {"a": {"patterns": "b {number}"}}}}, "compny"),
    ],
)
def test_an_unknown_column_is_an_error_with_a_suggestion(
    settings: dict[str, Any], column: str, tmp_path: Path, run: Run
) -> None:
    with pytest.raises(TunesmithError) as caught:
        run({"path": write_jsonl(tmp_path / "t.jsonl", [{"company": "a", "x": "b"}]), **settings})
    assert (caught.value.code, caught.value.parameters["column"]) == ("column-missing", column)
    assert "`company`" in caught.value.hint()


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("structure: {prompt: 'a {x', answer: '{y}'}", "names of columns in braces"),
        ("structure: {prompt: 'a {x:>9}', answer: '{y}'}", "names of columns in braces"),
        ("structure: {prompt: a, answer: b}, format: labels", "goes without `format`"),
        ("structure: {prompt: a, answer: b, fields: {x: {unit: 元}}}", "numbers only"),
        ("figures: {find: {a: {patterns: revenue}}}", "holds `{number}` once"),
        ("figures: {find: {a: {patterns: '{number}'}}}", "holds `{number}` once"),
    ],
)
def test_a_wrong_declaration_is_told(source: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(f"name: a\nprepare: {{sources: {{path: x, {source}}}}}\n", encoding="utf-8")
    with pytest.raises(TunesmithError) as raised:
        load_recipe(file)
    assert problem in raised.value.message()
