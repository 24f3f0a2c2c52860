"""A model tuned on shuffled labels learns to write labels and not which one is right, and the verdict says so."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from tunesmith import lifecycle
from tunesmith.cli.show import scorecard_lines
from tunesmith.evaluate.gate import Limits, gate
from tunesmith.evaluate.recheck import recheck
from tunesmith.lifecycle import Job, Outcome
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]
TOPICS = {
    "cards": ("bank card", "debit card", "new card", "card reader"),
    "loans": ("mortgage", "loan", "monthly instalment", "interest on credit"),
    "parcels": ("parcel", "courier", "shipment", "tracking page"),
    "weather": ("rain", "storm", "snow", "forecast"),
}
OPENINGS = (
    "Tell me about the",
    "I have a question on the",
    "Please look into the",
    "What happened to the",
    "Explain the",
)
WORDS = ("today", "again", "my", "brother", "office", "quickly", "number", "north", "green", "paper", "window", "since")


def write_rows(file: Path, num: int, seed: int, *, is_shuffled: bool) -> None:
    random = np.random.default_rng(seed)
    labels = [list(TOPICS)[place % len(TOPICS)] for place in range(num)]
    texts = [
        f"{random.choice(OPENINGS)} {random.choice(TOPICS[label])} {' '.join(random.choice(WORDS, 4))} {number}"
        for number, label in enumerate(labels, 1000 * seed)
    ]
    if is_shuffled:
        labels = random.permutation(labels).tolist()
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("text", "label"), *zip(texts, labels, strict=True)])


def run(folder: Path, *, is_shuffled: bool) -> Outcome:
    """The page's recipe, on rows whose true labels a word tells."""
    page = (ROOT / "docs" / "en" / "how-to" / "choose-what-to-compare.md").read_text(encoding="utf-8")
    recipes = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    tree = next(recipe for recipe in recipes if recipe["name"] == "written-freely")
    write_rows(folder / "train.csv", 320, 1, is_shuffled=is_shuffled)
    write_rows(folder / "test.csv", 120, 2, is_shuffled=False)
    sources = [{"path": str(folder / f"{split}.csv"), "split": split} for split in ("train", "test")]
    tree["prepare"] = {"sources": sources, "validation_share": 0.0}
    tree["train"] = {"method": "full", "max_steps": 40, "batch_rows": 32, "learning_rate": 2e-3, "trackers": []}
    tree["evaluate"] |= {"general_suite": False}
    return lifecycle.run(Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Silent()))


@pytest.mark.thorough
def test_shuffled_labels_teach_the_format_only(tmp_path: Path) -> None:
    outcome = run(tmp_path, is_shuffled=True)
    body = outcome.scorecard.body
    (verdict,) = body.verdicts
    assert verdict.word == "format_only"
    assert (verdict.difference.arm, verdict.difference.against) == ("tuned", "base")
    assert verdict.difference.low <= 0  # not better, both scored over the declared labels
    free = next(d for d in body.differences if d.against == "base_free_form" and d.metric == "accuracy")
    assert (free.arm, free.low > 0) == ("tuned_free_form", True)
    told = dict(verdict.reasons)["verdict.reason.format_only"]
    assert (told["mean"], told["low"], told["high"]) == (free.mean, free.low, free.high)
    shares = {
        arm: np.mean([sample.answer in TOPICS for sample in outcome.scorecard.samples() if sample.arm == arm])
        for arm in ("base_free_form", "tuned_free_form")
    }
    assert shares["base_free_form"] < 0.1
    assert shares["tuned_free_form"] > 0.9
    assert recheck(outcome.scorecard.folder).largest < 1e-9
    assert gate(outcome.scorecard, outcome.scorecard, Limits()).passage == "reject"
    assert 'data-verdict="format_only"' in outcome.report.html.read_text(encoding="utf-8")
    assert any("只学会了格式" in line for line in scorecard_lines(body, "zh"))


@pytest.mark.thorough
def test_the_same_recipe_is_better_with_the_true_labels(tmp_path: Path) -> None:
    outcome = run(tmp_path, is_shuffled=False)
    (verdict,) = outcome.scorecard.body.verdicts
    assert verdict.word == "better"
    assert "verdict.reason.format_only" not in dict(verdict.reasons)
    (tuned,) = (arm for arm in outcome.scorecard.body.arms if arm.name == "tuned_free_form")
    assert tuned.metrics["test"]["accuracy"].value > 0.8
