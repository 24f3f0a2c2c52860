"""`scorecard.json` keeps its shape: what its first version wrote is read for good, and what is newer is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tools.make_reference import scorecard_schema
from tunesmith.artifacts import Identity, Scorecard, publish
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, SCORECARD_VERSION, ScorecardBody
from tunesmith.errors import TunesmithError

SCHEMA = Path(__file__).parents[3] / "docs" / "scorecard.schema.json"
ESTIMATE = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 50}
DIFFERENCE = {
    **{"suite": "test", "metric": "accuracy", "arm": "tuned", "against": "base", "mean": 0.2, "low": 0.1, "high": 0.3},
    **{"p_value": 0.01, "n": 50, "p_adjusted": 0.02, "detectable": 0.1},
}
BIN = {"n": 5, "confidence": 0.5, "accuracy": 0.6, "low": 0.2, "high": 0.9}
POINT = {"confidence": 0.7, "coverage": 0.5, "n": 25, "accuracy": 0.96, "low": 0.8, "high": 0.99}
SURE = {"n": 25, "ece": 0.1, "ece_of_calibrated": 0.08, "p_value": 0.3, "brier": 0.2, "log_loss": 0.6}
MENDING = {
    **{"method": "platt", "reason": "best", "rows": "half_of_test", "num_fitted": 25, "log_losses": {"none": 0.7}},
    **{"before": SURE, "after": None, "wanted_accuracy": 0.95, "abstain": POINT},
}
CALIBRATION = {
    **{
        "metric": "accuracy",
        "n": 50,
        "accuracy": 0.5,
        "confidence": 0.6,
        "ece": 0.1,
        "ece_of_calibrated": 0.08,
        "p_value": 0.3,
    },
    **{"rms_debiased": 0.1, "brier": 0.2, "bins": [BIN], "risk": {"1.0": 0.5}, "risk_area": 0.2},
    **{"curve": [POINT], "mending": MENDING},
}
DETAILS = {
    "faults": {"empty": 2},
    "failed": {"own": 1},
    "bounds": {"all_wrong": 0.4, "all_right": None},
    "classes": {"退款": {"precision": 0.5, "recall": 0.5, "f1": 0.5, "num_items": 4}},
    "confusion": {"退款": {"": 2, "退款": 2}},
    "terms": {"利率": {"expected": 3, "found": 1}},
}
ARM = {
    **{"name": "tuned", "metrics": {"test": {"accuracy": ESTIMATE}}, "num_prompt_tokens_mean": 12.5},
    **{"num_answer_tokens_mean": None, "seconds": 3.5, "details": DETAILS},
}
FORGETTING = {
    **{"suite": "general_en", "arm": "tuned", "before": ESTIMATE, "after": ESTIMATE, "difference": DIFFERENCE},
    **{"lost": ["a"], "won": []},
}
WEAK = {
    **{"kind": "label", "value": "退款", "inside": ESTIMATE, "outside": ESTIMATE, "p_value": 0.01},
    **{"num_train_rows": 3, "worst": ["a"]},
}
FIRST = {
    "version": 1,
    "task": "labels",
    "metric": "accuracy",
    "num_items": {"test": 50},
    "arms": [ARM],
    "differences": [DIFFERENCE],
    "forgetting": [FORGETTING],
    "verdicts": [
        {
            **{"word": "format_only", "arm": "tuned", "metric": "accuracy", "difference": DIFFERENCE},
            "reasons": [["verdict.reason.no_gain", {"mean": 0.2, "n": 50, "suite": "test"}]],
        }
    ],
    "max_loss": 0.05,
    "margin": 0.02,
    "labels": ["退款"],
    "calibration": {"tuned": {"label": CALIBRATION}},
    "unstated": {"tuned": {"verbalised": 4}},
    "slices": {"language": {"zh": {"tuned": ESTIMATE}}},
    "weak_slices": [WEAK],
}
"""As version 1 wrote it."""


def written(folder: Path, body: dict[str, Any]) -> Path:
    with publish(folder, Identity(KIND, 1, {}, {}, 0, {})) as staging:
        (staging / BODY).write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
        (staging / SAMPLES).write_text("", encoding="utf-8")
    return folder


def holds(found: Any, told: Any) -> bool:
    """Whether everything that was told is found again, beside what may be new."""
    if isinstance(told, dict):
        return all(key in found and holds(found[key], value) for key, value in told.items())
    if isinstance(told, list):
        return len(found) == len(told) and all(map(holds, found, told))
    return bool(found == told)


def test_the_first_version_is_read_whole(tmp_path: Path) -> None:
    body = Scorecard.open(written(tmp_path / "card", FIRST)).body
    assert holds(body.model_dump(mode="json"), FIRST)
    unnamed = {key: value for key, value in FIRST.items() if key != "version"}
    assert Scorecard.open(written(tmp_path / "unnamed", unnamed)).body == body


def test_a_newer_one_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = written(tmp_path / "card", {**FIRST, "version": SCORECARD_VERSION + 1, "from_tomorrow": []})
    with pytest.raises(TunesmithError) as caught:
        Scorecard.open(folder)
    assert caught.value.code == "scorecard-newer"
    assert (caught.value.place.file, caught.value.place.field) == (str(folder / BODY), "version")  # type: ignore[union-attr]
    for language in ("en", "zh"):
        assert str(SCORECARD_VERSION + 1) in caught.value.message(language)
        assert "pip install --upgrade tunesmith" in caught.value.hint(language)


def test_the_schema_in_the_documents_is_that_of_the_body() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == scorecard_schema(), "run `make reference`"


def test_what_is_written_keeps_to_the_schema() -> None:
    schema = Draft202012Validator(json.loads(scorecard_schema()))
    body = json.loads(ScorecardBody.model_validate(FIRST).model_dump_json())
    assert list(schema.iter_errors(body)) == []
    assert list(schema.iter_errors({**body, "surplus": 1})) != []
    assert list(schema.iter_errors({key: value for key, value in body.items() if key != "version"})) != []
    assert body["version"] == SCORECARD_VERSION
