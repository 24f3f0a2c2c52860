"""What the how-to page on ratings shows is what happens."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from rating_material import grades, rated_scorecard
from typer.testing import CliRunner

from tunesmith.artifacts.ratings import append_ratings, ratings_file
from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.evaluate.rating import RatingPlan, rating_tasks
from tunesmith.recipe import Recipe

ROOT = Path(__file__).parents[3]


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "rate-answers.md").read_text(encoding="utf-8")


def blocks(language: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page(language), re.DOTALL)


def commands() -> list[list[str]]:
    return [shlex.split(line.removeprefix("$ ")) for block in blocks("en", "console") for line in block.splitlines()]


@pytest.fixture(autouse=True)
def fresh_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)


def test_both_languages_show_the_same() -> None:
    assert blocks("en", "console") == blocks("zh", "console") != []
    assert len(page("en").splitlines()) == len(page("zh").splitlines())
    english, chinese = (
        [Recipe.model_validate(yaml.safe_load(block)).evaluate.judge for block in blocks(language, "yaml")]
        for language in ("en", "zh")
    )
    assert english[0] == chinese[0]
    assert [len(judge.rubric) for judge in (english[1], chinese[1]) if judge is not None] == [2, 2]


@pytest.mark.thorough
def test_the_commands_do_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scorecard = rated_scorecard(tmp_path / "card")
    append_ratings(ratings_file(tmp_path, "anna"), grades(scorecard, "anna", lambda task: 4))
    asked = rating_tasks(scorecard.samples(), RatingPlan(("base", "tuned"), False, "bo", 50))
    for program, *words in commands():
        assert program == "tunesmith"
        OPTIONS.json = False
        told = CliRunner().invoke(app, [word.replace("runs/desk-1a2b3c4d", "card") for word in words])
        if "--html" in words:
            head = re.search(r'"returned": (\{[^}]*\})', Path("bo.html").read_text(encoding="utf-8"))
            assert head is not None
            ratings = [
                {"task": n, "shown": task.shown, "dimension": name, "value": 2}
                for n, task in enumerate(asked)
                for name in task.dimensions
            ]
            Path("ratings-bo.json").write_text(json.dumps({**json.loads(head[1]), "ratings": ratings}))
        if any(word in words for word in ("--html", "--import", "--results")):
            assert told.exit_code == 0, told.stdout
        else:  # there is no terminal here
            assert "rate-terminal" in str(told.exception)
    found = json.loads(told.stdout)["ratings"]
    assert [one["raters"] for one in found] == [{"anna": 12, "bo": 36}]
