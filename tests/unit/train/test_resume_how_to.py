"""The page on resuming: its recipe is sound in both languages, and may change where the page says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tunesmith.recipe import Recipe
from tunesmith.train.drive import MAX_UNREAD_STEPS

ROOT = Path(__file__).parents[3]


def page(language: str) -> str:
    return (ROOT / "docs" / language / "how-to" / "resume-exactly.md").read_text(encoding="utf-8")


def recipe(language: str, **train: Any) -> Recipe:
    (block,) = re.findall(r"```yaml\n(.*?)```", page(language), re.DOTALL)
    told = yaml.safe_load(block)
    return Recipe.model_validate({**told, "train": {**told["train"], **train}})


@pytest.mark.parametrize(
    ("change", "goes_on"),
    [
        ({"checkpoint_every": 5}, True),
        ({"trackers": []}, True),
        ({"samples": {"num_rows": 1}}, True),
        ({"evaluate_every": 10}, False),
        ({"stop": {"patience": 4}}, False),
        ({"stop": {"patience": 3, "rising_loss": 2}}, False),
        ({"micro_batch_tokens": 512}, False),
    ],
)
def test_some_settings_may_change_on_the_way(change: dict[str, Any], goes_on: bool) -> None:
    same = recipe("en").fingerprint() == recipe("en", **change).fingerprint()
    assert same == goes_on
    assert recipe("zh") == recipe("en")


def test_a_bad_step_is_found_as_soon_as_the_page_says() -> None:
    assert MAX_UNREAD_STEPS == 10
    assert "At most ten steps later" in page("en")
    assert "最多再过十步" in page("zh")
