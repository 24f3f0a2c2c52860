"""The pages on publishing and deploying: both languages show the same, and what they show is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml
from typer.main import get_command

from tunesmith.cli.app import app
from tunesmith.recipe import Recipe

ROOT = Path(__file__).parents[3]
PAGES = ("publish-on-the-hub.md", "deploy-with-docker.md")


def blocks(language: str, page: str, kind: str) -> list[str]:
    text = (ROOT / "docs" / language / "how-to" / page).read_text(encoding="utf-8")
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_show_the_same(page: str) -> None:
    for kind in ("yaml", "sh"):
        assert blocks("en", page, kind) == blocks("zh", page, kind)


def test_the_recipe_is_one_and_fills_the_card() -> None:
    (text,) = blocks("en", PAGES[0], "yaml")
    made = Recipe.model_validate(yaml.safe_load(text))
    assert [source.licence for source in made.prepare.sources] == ["CC-BY-4.0", "Apache-2.0"]
    assert all(made.export.card.model_dump().values())
    assert made.export.licence == "Apache-2.0"


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_ours_is_one_with_its_options(page: str) -> None:
    """`tunesmith VERB` in code and in sentences, its options known to the parser."""
    verbs = get_command(app)
    assert isinstance(verbs, typer.core.TyperGroup)
    text = (ROOT / "docs" / "en" / "how-to" / page).read_text(encoding="utf-8")
    found = re.findall(r"(?:^|`| )tunesmith (push|loadtest)\b([^\n`|]*)", text, re.MULTILINE)
    assert found
    for verb, rest in found:
        known = {
            option
            for parameter in verbs.commands[verb].params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        given = {word for word in shlex.split(rest) if word.startswith("--")}
        assert given <= known, f"{verb}: {given - known}"
