"""The recipes of the page on confidence, run from rows to maps, with every figure computed again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tunesmith import lifecycle
from tunesmith.artifacts.calibration import FILE
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.lifecycle import Job, Outcome
from tunesmith.recipe import Recipe
from tunesmith.recipe.confidence import HELD_OUT, VERBALISED
from tunesmith.runtime import Runtime, Silent
from tunesmith.stats.maps import Temperature, calibrated

PAGE = Path(__file__).parents[2] / "docs" / "en" / "how-to" / "trust-confidence.md"
PLACES = ("is lost", "came broken", "在哪里")
LABELS = ("lost", "broken", "where")


def outcome(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **evaluate: Any) -> Outcome:
    random = np.random.default_rng(0)
    rows = {"tickets.csv": ["text,label"], "questions.jsonl": []}
    for n in range(260):
        # one of seven says nothing of its label, so that no model is always right
        kind, said = random.integers(3), random.integers(3) if n % 7 == 0 else None
        asked = f"parcel {n} {PLACES[kind if said is None else said]}"
        rows["tickets.csv"].append(f"{asked},{LABELS[kind]}")
        rows["questions.jsonl"].append(f'{{"question": "{asked}?", "answer": "{LABELS[kind]}"}}')
    for file, lines in rows.items():
        (folder / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    tree = next(tree for tree in map(yaml.safe_load, blocks) if tree["name"] == name)
    tree["train"] = {"max_steps": 12, "batch_rows": 16, "trackers": [], "precision": "fp32", "learning_rate": 2e-3}
    tree["evaluate"] = {"general_suite": False, "arms": ["base", "tuned"], **tree["evaluate"]}
    for key, value in evaluate.items():
        tree["evaluate"][key] = {**tree["evaluate"].get(key, {}), **value}
    return lifecycle.run(Job(Recipe.model_validate(tree), Runtime(folder / "w", folder / "c"), Silent()))


@pytest.mark.thorough
def test_labels_are_mended_on_validation_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcome("routed", tmp_path, monkeypatch)
    body, samples = found.scorecard.body, list(found.scorecard.samples())
    held = [sample for sample in samples if sample.suite == HELD_OUT]
    validation = {row.id for row in found.dataset.rows("validation")}
    assert {sample.item for sample in held} <= validation
    assert {sample.arm for sample in held} == {"tuned"}
    assert HELD_OUT not in body.num_items
    mending = body.calibration["tuned"]["label"].mending
    assert mending is not None
    assert (mending.rows, mending.num_fitted, mending.before.n) == ("validation", len(held), body.num_items["test"])
    assert body.calibration["base"]["label"].mending is None
    for sample in samples:
        assert sample.probabilities is not None
        assert sum(sample.probabilities.values()) == pytest.approx(1.0)
        assert max(sample.probabilities, key=lambda label: (sample.probabilities or {})[label]) == sample.answer
    assert recheck(found.scorecard.folder).largest < TOLERANCE
    (saved,) = found.scorecard.maps()
    assert (found.scorecard.folder / FILE).is_file()
    assert (saved.model, saved.method) == (found.models["tuned"].key, "temperature")
    assert isinstance(saved.map, Temperature)
    tuned = [s for s in samples if (s.arm, s.suite) == ("tuned", "test")]
    mended = calibrated([list((s.probabilities or {}).values()) for s in tuned], saved.map)
    assert mending.after is not None
    right = np.array([s.scores["accuracy"] for s in tuned])
    assert mending.after.brier == pytest.approx(float(((mended - right) ** 2).mean()))
    assert "What a calibration map makes of confidence" in found.report.html.read_text(encoding="utf-8")


@pytest.mark.thorough
def test_free_answers_have_three_confidences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outcome("answers", tmp_path, monkeypatch, decoding={"max_new_tokens": 12, "num_samples": 3})
    body, samples = found.scorecard.body, list(found.scorecard.samples())
    for arm in ("base", "tuned"):
        unstated = body.unstated[arm].get("agreement", 0)
        assert "agreement" in body.calibration.get(arm, {}) or unstated == body.num_items["test"]
    tables = body.calibration["tuned"]
    assert {"likelihood", "agreement"} <= tables.keys()
    asked = [sample for sample in samples if (sample.arm, sample.suite) == ("tuned", VERBALISED)]
    firsts = {s.item: s for s in samples if (s.arm, s.suite, s.index) == ("tuned", "test", 0)}
    assert {s.item for s in asked} == {item for item, s in firsts.items() if s.answer and s.finish_reason == "stop"}
    said = sum("verbalised" in sample.scores for sample in asked)
    assert body.unstated["tuned"].get("verbalised", 0) == body.num_items["test"] - said
    assert tables["likelihood"].n == len(asked) == sum("likelihood" in s.scores for s in firsts.values())
    assert tables["likelihood"].metric == "exact_match"
    assert recheck(found.scorecard.folder).largest < TOLERANCE
    assert "Accuracy by agreement of samples" in found.report.html.read_text(encoding="utf-8")
