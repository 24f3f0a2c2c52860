"""The page on metrics: its table is that of the package, its recipes are sound, and what it shows works as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tunesmith.artifacts import Dataset
from tunesmith.errors import TunesmithError
from tunesmith.evaluate.evaluation import check_metrics, task_of
from tunesmith.metrics.case import Case
from tunesmith.metrics.function import function_values
from tunesmith.metrics.registry import METRICS
from tunesmith.metrics.terms import read_glossary
from tunesmith.prepare import prepare
from tunesmith.recipe import Prepare, Recipe
from tunesmith.recipe.metrics import KNOWN, Function
from tunesmith.records import Message
from tunesmith.runtime import Runtime, Silent

PAGE = "how-to/choose-metrics.md"
DOCS = Path(__file__).parents[3] / "docs"
WORDS = {
    "en": {"item": "item", "items": "items", "arm": "arm", "higher": "higher", "lower": "lower", "neither": "neither"},
    "zh": {
        "item": "每题",
        "items": "全部题目",
        "arm": "整个对象",
        "higher": "越高",
        "lower": "越低",
        "neither": "无好坏",
    },
}
TASKS = {
    "en": {"labels": "labels", "text": "text", "numbers": "numbers", "documents": "documents", ", ": ", "},
    "zh": {"labels": "标签", "text": "文字", "numbers": "数值", "documents": "文档", ", ": "、"},
}
RANGES = {
    "en": {"both": "{low:g} to {high:g}", "low": "from {low:g}", "high": "up to {high:g}", "yes": "yes"},
    "zh": {"both": "{low:g} 至 {high:g}", "low": "不小于 {low:g}", "high": "不大于 {high:g}", "yes": "是"},
}


def page(language: str) -> str:
    return (DOCS / language / PAGE).read_text(encoding="utf-8")


def blocks(language: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page(language), re.DOTALL)


def recipes(language: str) -> dict[str, dict[str, Any]]:
    return {recipe["name"]: recipe for recipe in map(yaml.safe_load, blocks(language, "yaml"))}


def row(name: str, language: str) -> str:
    metric, words, ranges = METRICS[name], WORDS[language], RANGES[language]
    tasks = TASKS[language][", "].join(TASKS[language][task] for task in metric.tasks)
    ends = "both" if None not in (metric.low, metric.high) else "low" if metric.low is not None else "high"
    standard = ranges["yes"] + " " if metric.is_standard else ""
    cells = (tasks, words[metric.scope], words[metric.better], ranges[ends].format(low=metric.low, high=metric.high))
    return f"| `{name}` | {' | '.join(cells)} | {standard}|"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_table_is_that_of_the_package(language: str) -> None:
    shown = [line for line in page(language).splitlines() if line.startswith("| `")]
    assert shown == [row(name, language) for name in KNOWN]


def test_both_languages_show_the_same_and_every_recipe_is_sound() -> None:
    assert recipes("en") == recipes("zh")
    assert blocks("en", "csv") == blocks("zh", "csv")
    for recipe in recipes("en").values():
        Recipe.model_validate(recipe)


def dataset(folder: Path, *rows: str) -> Dataset:
    file = folder / "rows.jsonl"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    section = Prepare.model_validate({"sources": str(file)})
    return prepare(
        section, seed=0, runtime=Runtime(folder, folder / "cache"), progress=Silent(), out=folder / "dataset"
    )


def write_files(folder: Path) -> None:
    """The files that the page's recipes name, the glossary and the function as the page has them."""
    (folder / "terms.csv").write_text(blocks("en", "csv")[0], encoding="utf-8")
    (folder / "answer.schema.json").write_text('{"type": "object"}', encoding="utf-8")
    (folder / "shop_metrics.py").write_text(blocks("en", "python")[0], encoding="utf-8")


def test_check_takes_what_fits_the_rows_and_says_what_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f'{{"question": "how far is {n} of {n * 7}?", "answer": "about {n} steps"}}' for n in range(20)]
    report = dataset(tmp_path, *rows).report()
    task = task_of(report, predicts_numbers=False)
    assert (task, task_of(report, predicts_numbers=True)) == ("text", "numbers")
    found = {name: Recipe.model_validate(recipe).evaluate for name, recipe in recipes("en").items()}
    with pytest.raises(TunesmithError, match="glossary"):
        check_metrics(found["translation"], task, report)
    write_files(tmp_path)
    for name in ("translation", "support-style", "speed", "solved"):
        check_metrics(found[name], task, report)
    for name, fitting in (("classes", "bleu"), ("thinking", "closed_thinking")):
        with pytest.raises(TunesmithError, match="metric-unfit") as caught:
            check_metrics(found[name], task, report)
        assert fitting in str(caught.value.parameters["fitting"]).split(", ")
    assert caught.value.parameters["metric"] == "thinking_rouge_l"


def test_the_glossary_and_the_function_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    asked = (Message("user", "What is the interest rate of a credit card?"),)
    case = Case(asked, "信用卡的息率为 3%", ("年化收益 3%",))
    assert read_glossary(Path("terms.csv")).found(case) == {
        "credit card": True,
        "interest rate": True,
        "年化收益": False,
    }
    told = [case, Case(asked, "是的，年化收益 3%。", ("年化收益 3%",))]
    assert function_values(Function(function="shop_metrics:solved"), told) == [0.0, 1.0]


def test_an_encoder_without_such_a_layer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f'{{"question": "how far is {n} of {n * 7}?", "answer": "about {n} steps"}}' for n in range(20)]
    report = dataset(tmp_path, *rows).report()
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "config.json").write_text('{"num_hidden_layers": 2}')
    for model, layer, code in (("./encoder", 3, "encoder-layer"), ("./nowhere", 1, "model-missing")):
        wanted = {"metrics": [{"name": "bertscore", "model": model, "layer": layer}]}
        section = Recipe.model_validate(
            {"name": "x", "prepare": {"sources": "rows.jsonl"}, "evaluate": wanted}
        ).evaluate
        with pytest.raises(TunesmithError, match=code):
            check_metrics(section, "text", report)
