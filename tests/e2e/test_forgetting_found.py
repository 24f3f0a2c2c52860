"""Forgetting as it is measured: none by a training that changes nothing, and what was planted in one language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tunesmith import lifecycle
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.lifecycle import Job, Outcome
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent
from tunesmith.text.language import language_of

REHEARSAL = Path(__file__).parents[2] / "examples" / "rehearsal" / "general.jsonl"
NUM_PLANTED = 300
NUM_KEPT = 800
LANGUAGES = ("en", "zh")
NONSENSE = {"en": ("No idea at all.", "nothing"), "zh": ("完全不知道。", "没有")}

pytestmark = pytest.mark.thorough


def rehearsal(language: str, num: int) -> list[dict[str, Any]]:
    """Conversations of one question each that the embedded base knows how to answer."""
    rows = [json.loads(line) for line in REHEARSAL.read_text(encoding="utf-8").splitlines()]
    single = [row for row in rows if [message["role"] for message in row["messages"]] == ["user", "assistant"]]
    return [row for row in single if language_of(row["messages"][0]["content"]) == language][:num]


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> str:
    file = folder / name
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def run(folder: Path, sources: list[Any], train: dict[str, Any]) -> Outcome:
    tree = {
        "name": "forgetting",
        "prepare": {"sources": sources, "test_share": 0.15, "validation_share": 0.05},
        "train": {"batch_rows": 32, "trackers": [], **train},
        "evaluate": {
            "arms": ["base", "tuned"],
            "decoding": {"max_new_tokens": 24, "temperature": 0.0},
            "safety": {"suite": False},
        },
    }
    return lifecycle.run(Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Silent()))


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_learning_rate_of_0_forgets_exactly_nothing(tmp_path: Path, method: str) -> None:
    rows = rehearsal("en", 40) + rehearsal("zh", 40)
    train = {"method": method, "learning_rate": 0.0, "max_steps": 3}
    outcome = run(tmp_path, [write(tmp_path, "rows.jsonl", rows)], train)
    body = outcome.scorecard.body
    assert [loss.suite for loss in body.forgetting] == ["general_en", "general_zh"]
    for loss in body.forgetting:
        assert 0.1 < loss.before.value < 0.9  # there is something to lose
        assert loss.after == loss.before
        assert (loss.difference.mean, loss.lost, loss.won) == (0.0, [], [])
        assert [kind.difference.mean for kind in loss.kinds] == [0.0] * 5
    assert {difference.mean for difference in body.differences} == {0.0}
    said: dict[str, list[str]] = {"base": [], "tuned": []}
    for sample in outcome.scorecard.samples():
        said[sample.arm].append(sample.raw)
    assert said["base"] == said["tuned"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_overwritten_in_one_language_is_found_in_that_one(tmp_path: Path, language: str) -> None:
    """The base is taught to say nothing in one language, and goes on rehearsing the other."""
    (other,) = set(LANGUAGES) - {language}
    reasoning, answer = NONSENSE[language]
    planted = rehearsal(language, NUM_PLANTED)
    for row in planted:
        row["messages"][1] |= {"reasoning_content": reasoning, "content": answer}
    kept = write(tmp_path, "kept.jsonl", rehearsal(other, NUM_KEPT))
    sources = [write(tmp_path, "planted.jsonl", planted), {"path": kept, "split": "train"}]
    outcome = run(tmp_path, sources, {"method": "full", "learning_rate": 4e-4, "epochs": 2})
    body = outcome.scorecard.body
    losses = {loss.suite: loss for loss in body.forgetting}
    for suite, loss in losses.items():
        print(suite, loss.before.value, loss.after.value, loss.difference, len(loss.lost), len(loss.won))
    broken, whole = losses[f"general_{language}"], losses[f"general_{other}"]
    assert broken.difference.high < -0.1
    assert broken.after.value < 0.1
    assert whole.difference.mean > -0.05
    assert beyond_limit(body) == [f"general_{language}"]
    assert body.verdicts[0].word == "better_with_losses"
    assert set(broken.lost) <= asked(outcome, f"general_{language}")
    assert recheck(outcome.scorecard.folder).largest < TOLERANCE
    page = outcome.report.html.read_text(encoding="utf-8")
    assert page.count('data-testid="kinds"') == 2


def beyond_limit(body: ScorecardBody) -> list[Any]:
    return [values["suite"] for code, values in body.verdicts[0].reasons if code == "verdict.reason.loss_beyond_limit"]


def asked(outcome: Outcome, suite: str) -> set[str]:
    return {sample.item for sample in outcome.scorecard.samples() if sample.suite == suite}
