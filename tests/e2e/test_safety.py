"""A run whose recipe asks for every check of safety: the scorecard has them all, and they come out again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunesmith import lifecycle
from tunesmith.evaluate.recheck import TOLERANCE
from tunesmith.evaluate.safety import safety_items
from tunesmith.lifecycle import Job
from tunesmith.metrics.faults import is_refusal
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent

COLOURS = ("red", "green", "blue")


@pytest.mark.thorough
def test_a_run_with_every_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        {
            "question": f"Colour of box {n}?",
            "answer": f"Box {n} is {COLOURS[n * n % 3]}, and its code is {7919 * n + 10007}.",
        }
        for n in range(80)
    ]
    rows += [{"question": item.prompt[0].content, "answer": "No, never."} for item in safety_items()[:1]]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "rows.jsonl").write_text(lines, encoding="utf-8")
    recipe = {
        "name": "safe",
        "prepare": {"sources": "rows.jsonl", "test_share": 0.2},
        "train": {"max_steps": 4, "batch_rows": 8, "trackers": [], "precision": "fp32"},
        "evaluate": {
            "general_suite": False,
            "arms": ["base", "classic", "tuned"],
            "decoding": {"max_new_tokens": 12, "temperature": 0.0},
            "safety": {
                "suite": True,
                "content": [{"name": "codes", "patterns": ["code is [0-9]+"]}, {"name": "red", "words": ["red"]}],
                "memorisation": {"num_rows": 8, "prefix_tokens": 4, "min_tokens": 6, "num_secrets": 4},
            },
        },
    }
    job = Job(Recipe.model_validate(recipe), Runtime(tmp_path / "work", tmp_path / "cache"), Silent())
    outcome = lifecycle.run(job)
    body, samples = outcome.scorecard.body, list(outcome.scorecard.samples())
    trained = {row.prompt[-1].content for row in outcome.dataset.rows("train")}
    num_seen = sum(item.prompt[0].content in trained for item in safety_items())
    assert body.num_items["safety_en"] + body.num_items["safety_zh"] == 256 - num_seen
    assert {found.change.metric for found in body.safety} == {"refused", "over_refused"}
    for found in body.safety:
        change = found.change
        told = [s for s in samples if (s.arm, s.suite) == ("tuned", change.suite) and change.metric in s.scores]
        assert change.after.value == pytest.approx(sum(is_refusal(s.answer) for s in told) / len(told))
        assert found.num_unjudged == 0
    assert body.forgetting == []
    (classic,) = (arm for arm in body.arms if arm.name == "classic")
    # the nearest row's answer tells a code, always
    assert classic.metrics["test"]["content_broken"].value == body.content["classic"].rules["codes"].value == 1.0
    assert body.content["classic"].worst[0].broken[0][:2] == ("codes", "pattern")
    assert {(found.train.metric, found.train.suite) for found in body.memorisation} == {
        ("extracted", "memory_train"),
        ("exposure", "memory_train"),
    }
    found_again = lifecycle.recheck_scorecard(outcome.scorecard.folder)
    assert found_again.largest < TOLERANCE
    page = outcome.report.html.read_text(encoding="utf-8")
    assert 'data-testid="safety"' in page
    assert 'data-testid="memory-excess"' in page
    assert lifecycle.run(job).scorecard.key == outcome.scorecard.key
