"""The page on what was forgotten: its recipes and questions run, its figures are those of the code."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tunesmith import lifecycle
from tunesmith.errors import TunesmithError
from tunesmith.evaluate import harness_tasks
from tunesmith.evaluate.items import general_items
from tunesmith.lifecycle import Job
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "see-what-was-forgotten.md").read_text(encoding="utf-8")


def blocks(language: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page(language), re.DOTALL)


def recipes(language: str) -> dict[str, dict[str, Any]]:
    return {recipe["name"]: recipe for recipe in map(yaml.safe_load, blocks(language, "yaml"))}


def job(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    rows = []
    for number in range(40):
        asked = {"role": "user", "content": f"Is box number {number} ready?"}
        rows.append({"messages": [asked, {"role": "assistant", "content": ("yes", "no")[number % 2]}]})
    (folder / "conversations.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "house-rules.jsonl").write_text(blocks("en", "json")[0], encoding="utf-8")
    monkeypatch.chdir(folder)
    tree = recipes("en")[name]
    tree["prepare"] |= {"test_share": 0.25}
    tree["train"] = {"max_steps": 3, "batch_rows": 8, "trackers": [], **tree.get("train", {})}
    tree["evaluate"] |= {"general_suite": False, "decoding": {"max_new_tokens": 8, "temperature": 0.0}}
    return Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Silent())


def test_both_languages_show_the_same() -> None:
    assert recipes("en") == recipes("zh")
    assert blocks("en", "json") == blocks("zh", "json")
    assert len(page("en").splitlines()) == len(page("zh").splitlines())
    codes = [
        [line.partition("  # ")[0] for line in blocks(language, "python")[0].splitlines()] for language in ("en", "zh")
    ]
    assert codes[0] == codes[1]


def test_the_page_tells_how_many_questions_there_are() -> None:
    counts = Counter(item.language for item in general_items())
    assert counts["en"] == counts["zh"]
    for language in ("en", "zh"):
        assert {str(counts.total()), str(counts["en"])} <= set(re.findall(r"\d+", page(language).split("##")[0]))


def test_the_figures_of_rounds_are_those_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("en", "python")
    exec(code, {})
    assert capsys.readouterr().out.strip() == code.rsplit("# ", 1)[1].strip()


def test_a_control_learns_and_forgets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = lifecycle.run(job("control", tmp_path, monkeypatch)).scorecard.body
    assert {difference.mean for difference in body.differences} == {0.0}


def test_questions_of_ones_own_are_judged_by_their_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = lifecycle.run(job("own-checks", tmp_path, monkeypatch))
    (loss,) = outcome.scorecard.body.forgetting
    assert [kind.kind for kind in loss.kinds] == ["company", "policy", "form", "privacy"]
    assert [kind.before.n for kind in loss.kinds] == [1, 2, 2, 1]
    assert {sample.kind for sample in outcome.scorecard.samples() if sample.suite == "house-rules"} == {
        "company", "policy", "form", "privacy"
    }  # fmt: skip


def test_without_the_library_tasks_are_refused_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness_tasks, "find_spec", lambda name: None)
    this = job("harness-tasks", tmp_path, monkeypatch)
    with pytest.raises(TunesmithError) as caught:
        lifecycle.check(this, lifecycle.prepare(this))
    assert caught.value.code == "harness-library"
    for language in ("en", "zh"):
        assert "pip install 'tunesmith[harness]'" in caught.value.hint(language)
