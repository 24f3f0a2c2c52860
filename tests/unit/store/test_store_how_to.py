"""The page on keeping exchanges does what it says, in both languages."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from store_material import bundle, exchange, feedback
from typer.testing import CliRunner

from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.runtime import utc_now
from tunesmith.store import open_store

ROOT = Path(__file__).parents[3]


def blocks(language: str) -> list[tuple[str, str]]:
    page = (ROOT / "docs" / language / "how-to" / "keep-exchanges.md").read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_both_languages_show_the_same() -> None:
    assert blocks("en") == blocks("zh")


@pytest.mark.thorough
def test_the_commands_run_as_written(here: Path) -> None:
    bundle(here / "bundle")
    with open_store("sqlite:///store.db", clock=utc_now, key_file=Path("store.key")) as store:
        store.record(replace(exchange(1), at=utc_now(), subject="ann@example.com"))
    said = ""
    for kind, content in blocks("en"):
        for line in content.splitlines() if kind == "console" else ():
            done = CliRunner().invoke(app, shlex.split(line.removeprefix("$ tunesmith ")))
            assert done.exit_code == 0, line
            said += done.stdout
    assert "exchanges: 1" in said
    assert "removed from sqlite:///" in said
    assert "1 exchanges, 0 feedback" in said
    assert "withdrew support-bot@1: a person asked to be forgotten" in said


def test_the_python_runs_as_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_store("sqlite:///store.db", clock=utc_now, key_file=Path("store.key")) as store:
        store.record(exchange(1))
        store.add_feedback(feedback(1, exchange(1)))
    (code,) = (content for kind, content in blocks("en") if kind == "python")
    exec(compile(code, "keep-exchanges.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == [
        "2026-03-01 00:01:00+00:00 0123456789abcdef 7",
        f"{exchange(1).id} thumb 1",
    ]
