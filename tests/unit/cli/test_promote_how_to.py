"""The page on promoting does what it says, in both languages; so do the verbs on what is not there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from store_material import bundle
from typer.testing import CliRunner

from tunesmith.cli.app import app
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.errors import TunesmithError
from tunesmith.runtime import utc_now
from tunesmith.store import add_version, open_store, set_alias, withdraw

ROOT = Path(__file__).parents[3]


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / language / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    return re.findall(r"^```\w+\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)
    monkeypatch.chdir(tmp_path)
    with open_store("sqlite:///store.db", clock=utc_now, key_file=Path("store.key")) as store:
        for seed in range(2):
            add_version(store, bundle(tmp_path / f"bundle-{seed}", seed=seed), who="ann")
        set_alias(store, "champion", "support-bot@1", who="ann")
    return tmp_path


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("page", ["promote-and-roll-back", "improve-a-served-model"])
def test_both_languages_show_the_same(page: str) -> None:
    assert blocks(page, "en") == blocks(page, "zh")


@pytest.mark.thorough
def test_the_commands_run_as_written(here: Path) -> None:
    said = [
        run(*shlex.split(line.removeprefix("$ tunesmith ")))
        for line in blocks("promote-and-roll-back", "en")[0].splitlines()
    ]
    assert [line.splitlines()[0] for line in said[:3]] == [
        "champion is support-bot@2 now; it was support-bot@1",
        "champion is support-bot@1 now; it was support-bot@2",
        "champion is support-bot@2 now; it was support-bot@1",
    ]
    assert said[3].count("pointed champion") == 4


@pytest.mark.thorough
def test_a_withdrawn_champion_is_left_and_not_come_back_to(here: Path) -> None:
    run("promote", "support-bot@2")
    with open_store("sqlite:///store.db", clock=utc_now, key_file=Path("store.key")) as store:
        withdraw(store, "support-bot@2", who="ann", reason="leaks")
    assert "champion is support-bot@1" in run("rollback")
    for arguments in (["promote", "support-bot@2"], ["rollback"]):
        assert CliRunner().invoke(app, arguments).exit_code != 0


@pytest.mark.thorough
def test_the_store_that_the_recipe_names_is_the_one_that_is_asked(here: Path) -> None:
    """`watch` and `monitor` ask it too; in that of the workspace there is another champion."""
    url = f"sqlite:///{here}/served.db"
    recipe = f"name: support-bot\nprepare: {{sources: rows.jsonl}}\nserve: {{store: '{url}'}}\n"
    (here / "recipe.yaml").write_text(recipe, encoding="utf-8")
    with open_store(url, clock=utc_now, key_file=Path("store.key")) as store:
        add_version(store, bundle(here / "served", seed=7), name="served", who="ann")
    assert "served@1" in run("history", "recipe.yaml")
    assert "served@1" not in run("history", "recipe.yaml", "--store", f"sqlite:///{here}/store.db")
    with pytest.raises(TunesmithError, match="improve-no-champion"):
        CliRunner().invoke(app, ["improve", "recipe.yaml"], catch_exceptions=False)


def test_without_a_store_there_is_no_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "nothing yet" in run("history")
