"""The page on schedules and optimisers: its recipes are sound, the same in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tunesmith.recipe import Recipe, Train
from tunesmith.recipe.tree import parse_yaml
from tunesmith.train.schedule import make_schedule

ROOT = Path(__file__).parents[3]


def recipes(language: str) -> dict[str, dict[str, Any]]:
    text = (ROOT / "docs" / language / "how-to" / "choose-the-optimiser.md").read_text(encoding="utf-8")
    found: list[Any] = [parse_yaml(block, "page", [])[0] for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {recipe["name"]: recipe for recipe in found}


def trainings(name: str) -> dict[str, Train]:
    recipe = Recipe.model_validate(recipes("en")[name])
    return {"tuned": recipe.train, **recipe.variants}


def test_both_languages_have_the_same_recipes() -> None:
    assert recipes("en") == recipes("zh")


@pytest.mark.parametrize(
    ("name", "middle", "last"),
    [
        ("tuned", 1.1e-3, 2e-4),
        ("line", 1e-3, 0.0),
        ("stairs", 1e-3, 5e-4),
        ("halving", 1e-3, 5e-4),
        ("square", 5e-4, 0.0),
        ("plateau", 2e-3, 0.0),
        ("flat", 2e-3, 2e-3),
    ],
)
def test_the_rates_of_the_page(name: str, middle: float, last: float) -> None:
    """2,000 steps of two epochs; the middle and the end lie one and two epochs behind warm-up."""
    section = trainings("schedules")[name]
    assert section.learning_rate is not None
    num_warmup = 10 if name == "tuned" else 106
    num_steps = 2000 + num_warmup
    rate = make_schedule(section.schedule, section.learning_rate, num_steps, section.warmup, steps_per_epoch=1000)
    assert rate(num_warmup - 1) == pytest.approx(2e-3)
    assert rate(num_warmup + 1000) == pytest.approx(middle, rel=1e-3)
    assert rate(num_steps) == pytest.approx(last, abs=1e-9)
