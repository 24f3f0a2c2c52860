"""The page on exporting in fewer bits: recipe, commands and code do what it says, in both languages alike."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tunesmith.artifacts.bundle import Form
from tunesmith.chat import load_chat
from tunesmith.export.gguf import write_gguf
from tunesmith.export.int8 import write_int8
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.model.base import find_base
from tunesmith.recipe import Recipe

ROOT = Path(__file__).parents[3]


def blocks(language: str, kind: str) -> list[str]:
    text = (ROOT / "docs" / language / "how-to" / "export-in-fewer-bits.md").read_text(encoding="utf-8")
    found: list[str] = re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)
    return found


def commands() -> list[str]:
    return [line.removeprefix("$ ") for block in blocks("en", "console") for line in block.splitlines()]


def test_both_languages_say_the_same() -> None:
    for kind in ("yaml", "console", "python"):
        assert blocks("en", kind) == blocks("zh", kind)
    tables = []
    for language in ("en", "zh"):
        text = (ROOT / "docs" / language / "how-to" / "export-in-fewer-bits.md").read_text(encoding="utf-8")
        tables.append(re.findall(r"^\| `([a-z-]+)`|(\d[\d.]* (?:MB|%))", text, re.MULTILINE))
    assert tables[0] == tables[1]
    codes = {code for code, _ in tables[0] if code}
    assert codes == {
        key.removeprefix("error.") for key in CATALOGUE if key.startswith(("error.form-", "error.gguf-", "error.int8-"))
    } - {"form-adapter", "form-base", "form-virtual"}  # of every form


def recipe() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(blocks("en", "yaml")[0])
    return told


def test_the_recipe_is_one() -> None:
    assert Recipe.model_validate(recipe()).export.forms == ("merged", "int8", "gguf")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Form]]:
    """The two forms of the recipe's base, in folders of their names."""
    folder, base = tmp_path_factory.mktemp("bundle"), find_base(recipe()["model"]["base"])
    gguf = write_gguf(base.folder, load_chat(base.folder), folder / "gguf", name=recipe()["name"])
    return folder, [write_int8(base.folder, folder / "int8"), gguf]


@pytest.mark.thorough
def test_the_commands_are_those_that_the_forms_name(bundle: tuple[Path, list[Form]]) -> None:
    named = [command for form in bundle[1] for command in form.use.values()]
    assert named == [command for command in commands() if not command.startswith("tunesmith ")]


def ran(folder: Path, words: list[str]) -> str:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.thorough
def test_transformers_answers_by_the_command(bundle: tuple[Path, list[Form]]) -> None:
    words = shlex.split(bundle[1][0].use["transformers"])
    assert words[0] == "python"
    assert "'role': 'assistant'" in ran(bundle[0], [sys.executable, *words[1:]])


@pytest.mark.thorough
@pytest.mark.parametrize("number", [0, 1])
def test_the_code_runs(bundle: tuple[Path, list[Form]], number: int) -> None:
    written = ran(bundle[0], [sys.executable, "-c", blocks("en", "python")[number]])
    assert written.strip()
    if number == 1:
        assert written.split() == ["qwen2", "74"]
