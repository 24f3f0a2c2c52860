"""What the how-to page on the data card says is what the card does."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from data_material import make_card, rows

from tunesmith.metrics.wording import Language
from tunesmith.prepare import prepare
from tunesmith.prepare.bias import TIME_COLUMNS
from tunesmith.recipe import Recipe
from tunesmith.report import Card, data_bias, data_card
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[3]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def text_of(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "read-the-data-card.md").read_text(encoding="utf-8")


def recipe_of(language: str) -> dict[str, Any]:
    (block,) = re.findall(r"```yaml\n(.*?)```", text_of(language), re.DOTALL)
    recipe: dict[str, Any] = yaml.safe_load(block)
    return recipe


def test_both_languages_show_one_recipe_and_as_much_else() -> None:
    assert recipe_of("en") == recipe_of("zh")
    for mark in ("\n## ", "\n|", "```"):
        assert text_of("en").count(mark) == text_of("zh").count(mark)


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    """Of the dataset that the page prepares."""
    folder = tmp_path_factory.mktemp("desk")
    made = [{**row, "customer": f"c{number % 60}"} for number, row in enumerate(rows())]
    (folder / "desk.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made[:200]), encoding="utf-8")
    with (folder / "shop.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(made[0]))
        writer.writeheader()
        writer.writerows(made[200:])
    section = Recipe.model_validate(recipe_of("en")).prepare
    sources = tuple(source.model_copy(update={"path": str(folder / str(source.path))}) for source in section.sources)
    dataset = prepare(
        section.model_copy(update={"sources": sources}),
        seed=0,
        runtime=Runtime(folder, folder / "cache"),
        progress=Silent(),
        out=folder / "dataset",
    )
    return make_card(dataset)


@pytest.mark.thorough
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sections_of_the_card_are_those_of_the_page(card: Card, language: Language, tmp_path: Path) -> None:
    page = data_card(card, language=language, out=tmp_path).html.read_text(encoding="utf-8")
    named = re.findall(r"^\| (.*?) \|", text_of(language).split("\n## ")[1], re.MULTILINE)[1:]
    headings = re.findall(r"<h2>(?!<)(.*?)</h2>", page)
    assert [name for name in named if "---" not in name] == headings


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_limits_on_the_page_are_those_of_the_source(language: Language) -> None:
    table = text_of(language).split("\n## ")[3]
    said = {float(number) for number in re.findall(r"\d+(?:\.\d+)?", table)}
    limits = {100 * data_bias.LARGE_DIFFERENCE, 100 * data_bias.LARGE_GROUP, data_bias.NO_TIE, data_bias.UNLIKELY}
    assert limits | {data_bias.UNEVEN, data_bias.FEW_ROWS} <= said
    assert {"date", "created_at", "日期"} <= TIME_COLUMNS
