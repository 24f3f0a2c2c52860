"""The page of `tunesmith plan` where its parts do not all go well."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.errors import ExitCode, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent


@pytest.fixture
def crowded(tmp_path: Path, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with one byte of memory."""
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)
    rows = [{"question": f"where is parcel {n}", "answer": f"parcel {n} is on its way"} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = Recipe.model_validate({"name": "small", "prepare": {"sources": str(tmp_path / "rows.jsonl")}})
    this = Job(recipe, replace(runtime, memory_bytes=1), Silent())
    monkeypatch.setattr("tunesmith.cli.app.job", lambda *_: this)


@pytest.mark.thorough
@pytest.mark.usefixtures("crowded")
def test_other_bases_are_told_of_where_the_plan_is_refused_for_memory() -> None:
    told = CliRunner().invoke(app, ["plan", "recipe.yaml", "--base", "builtin:tiny", "--learning-curve", "--json"])
    assert told.exit_code == ExitCode.USAGE
    found = json.loads(told.stdout)
    assert list(found) == ["errors", "bases"]
    assert [error["code"] for error in found["errors"]] == ["too-little-memory-for-all"]
    assert (found["bases"]["advised"], found["bases"]["facts"][0]["fits_memory"]) == (None, False)
    alone = CliRunner().invoke(app, ["plan", "recipe.yaml", "--learning-curve"])
    assert isinstance(alone.exception, TunesmithError)
    assert alone.exception.code == "too-little-memory-for-all"
