"""A model behind an API beside the run's own, from rows to report: timed to its first token, and how sure it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from piece_server import Token, answering, streaming

from tunesmith import lifecycle
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.lifecycle import Job
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent

pytestmark = pytest.mark.thorough
COLOURS = ("red", "green", "blue")


def job(folder: Path, source: str, url: str, **evaluate: Any) -> Job:
    tree = {
        "name": "beside-an-api",
        "prepare": {"sources": str(folder / source), "test_share": 0.3},
        "train": {"max_steps": 2, "batch_rows": 8, "trackers": [], "precision": "fp32"},
        "evaluate": {
            "arms": ["base", "tuned"],
            "general_suite": False,
            "decoding": {"max_new_tokens": 8, "temperature": 0.0},
            "endpoints": {"large": {"url": url, "model": "large-model"}},
            "metrics": ["first_token_seconds"] if source.endswith("jsonl") else [],
            **evaluate,
        },
    }
    return Job(Recipe.model_validate(tree), Runtime(folder / "work", folder / "cache"), Silent())


def guesses(body: dict[str, Any]) -> Sequence[Token]:
    """Knows the colour of every other box, and is no surer of those."""
    messages = body["messages"]
    if "100" in messages[-1]["content"]:
        return [("90", -0.1)]
    text = next(message["content"] for message in messages if message["role"] == "user")
    number = int(text.split()[3].rstrip("?,"))
    colour = COLOURS[number % 3 if number % 2 else (number + 1) % 3]
    return [(colour[:2], -0.01 * (number % 7)), (colour[2:], -0.1)]


def test_free_answers(tmp_path: Path) -> None:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Colour of box {n}?"},
                {"role": "assistant", "content": COLOURS[n % 3]},
            ]
        }
        for n in range(90)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with streaming(answering(guesses)) as server:
        this = job(tmp_path, "rows.jsonl", server.url, confidence=["likelihood", "verbalised"])
        outcome = lifecycle.run(this)
        num_asked = len(server.bodies)
    body = outcome.scorecard.body
    assert num_asked == 2 * body.num_items["test"]
    large = next(arm for arm in body.arms if arm.name == "large")
    assert large.metrics["test"]["first_token_seconds"].value > 0
    tables = body.calibration["large"]
    assert tables.keys() == {"likelihood", "verbalised"}
    assert (tables["verbalised"].confidence, tables["verbalised"].n) == (pytest.approx(0.9), body.num_items["test"])
    assert "large" not in body.unstated
    asked = [s for s in outcome.scorecard.samples() if (s.arm, s.suite) == ("large", "verbalised")]
    assert len(asked) == body.num_items["test"]
    assert recheck(outcome.scorecard.folder).largest < TOLERANCE
    page = outcome.report.html.read_text(encoding="utf-8")
    assert page.count('data-testid="reliability-diagram"') >= 2


def test_labels(tmp_path: Path) -> None:
    rows = ["text,label", *(f"Colour of box {n},{COLOURS[n % 3]}" for n in range(90))]
    (tmp_path / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    with streaming(answering(guesses)) as server:
        outcome = lifecycle.run(job(tmp_path, "rows.csv", server.url))
    body = outcome.scorecard.body
    table = body.calibration["large"]["label"]
    assert table.n == body.num_items["test"] == len(server.bodies)
    assert 0 < table.accuracy < 1
    assert table.confidence == pytest.approx(0.88, abs=0.05)
    assert recheck(outcome.scorecard.folder).largest < TOLERANCE
