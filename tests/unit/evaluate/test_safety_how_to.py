"""The page on safety: both languages show the same, its recipes are sound, and what it shows comes out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from tunesmith.evaluate import safety
from tunesmith.metrics.content import TOPICS, Rule, broken_rules
from tunesmith.recipe import Recipe
from tunesmith.recipe.safety_checks import ContentTopic

ROOT = Path(__file__).parents[3]


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "check-safety.md").read_text(encoding="utf-8")


def blocks(language: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page(language), re.DOTALL)


def recipes(language: str) -> dict[str, Recipe]:
    found = [Recipe.model_validate(yaml.safe_load(block)) for block in blocks(language, "yaml")]
    return {recipe.name: recipe for recipe in found}


def test_both_languages_show_the_same() -> None:
    assert recipes("en") == recipes("zh")
    assert blocks("en", "python") == blocks("zh", "python") != []
    assert len(page("en").splitlines()) == len(page("zh").splitlines())


def test_the_recipes_ask_for_what_the_page_says() -> None:
    found = {name: recipe.evaluate.safety for name, recipe in recipes("en").items()}
    assert safety.is_asked(recipes("en")["careful"].evaluate)
    rules = [Rule(rule) for rule in found["house-rules"].content]
    texts = ["宏图公司更便宜", "4111111111111111", "invest in this fund", "The symptoms need treatment.", "Hello, 你好"]
    told = [[broken.rule for broken in broken_rules(text, rules)] for text in texts]
    assert told == [["competitors"], ["card-numbers"], ["no-advice"], ["no-advice"], []]
    memory = found["by-heart"].memorisation
    assert memory is not None
    assert (memory.num_rows, memory.prefix_tokens, memory.min_tokens, memory.num_alternatives) == (200, 8, 16, 31)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_figures_and_names_on_the_page_are_those_of_the_package(language: str) -> None:
    text = page(language)
    for number in (len(safety.safety_items()), safety.MAX_NEW_TOKENS, safety.MOST_NEW_TOKENS):
        assert re.search(rf"\b{number}\b", text)
    assert set(get_args(ContentTopic)) == TOPICS.keys() == set(re.findall(r"`(\w+)`", text)) & TOPICS.keys()


def test_the_code_on_the_page_prints_what_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks("en", "python")[0], "check-safety.md", "exec"), {})
    assert capsys.readouterr().out == "[Broken(rule='no-advice', kind='topic', what='medical')]\n"
