"""Everything that a scorecard says of confidence comes out again from its samples; whatever is changed is found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confidence_material import LABELS, labelled

from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.calibration import FILE, CalibrationFile
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, ScorecardBody, write_samples
from tunesmith.errors import RunFailed
from tunesmith.evaluate import arms
from tunesmith.evaluate.confidence import Judging, Mended, judge_confidence
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.evaluate.sureness import with_agreement
from tunesmith.recipe.confidence import HELD_OUT, VERBALISED, Confidence
from tunesmith.records import Message, Sample

pytestmark = pytest.mark.thorough
SEED = 3


def published(folder: Path, samples: Sequence[Sample], body: dict[str, Any], maps: dict[str, Any]) -> Path:
    with publish(folder, Identity(KIND, 1, {}, {}, SEED, {})) as staging:
        write_samples(staging / SAMPLES, samples)
        (staging / BODY).write_text(json.dumps(body), encoding="utf-8")
        if maps["maps"]:
            (staging / FILE).write_text(json.dumps(maps), encoding="utf-8")
    return folder


def card(samples: list[Sample], asides: list[Sample], **section: object) -> tuple[list[Sample], Any, Any]:
    held = {"tuned": [sample for sample in asides if sample.suite == HELD_OUT]}
    asked = {"tuned": ["likelihood", "verbalised", "agreement"]} if not samples[0].probabilities else {}
    judging = Judging("accuracy", asked, Confidence.model_validate(section), SEED, {"tuned": "key"})  # type: ignore[arg-type]
    found: Mended = judge_confidence({"tuned": samples}, held, judging)
    body = ScorecardBody(
        task="labels", metric="accuracy", num_items={}, arms=[], differences=[], forgetting=[], verdicts=[],
        max_loss=0.05, calibration=found.tables, unstated=found.unstated,
    )  # fmt: skip
    maps = CalibrationFile(maps=found.maps)
    return [*samples, *asides], body.model_dump(mode="json"), maps.model_dump(mode="json")


def free(num: int) -> tuple[list[Sample], list[Sample]]:
    """Three samples an item, what the first is worth by likelihood, and what was said when asked."""
    rng = np.random.default_rng(5)
    samples: list[Sample] = []
    asked = []
    for number in range(num):
        item = Item(f"i{number}", "test", (Message("user", "?"),), Message("assistant", "yes"), ("yes",))
        ease = rng.random()
        told = [
            replace(
                arms.text_sample("tuned", item, Message("assistant", "Yes." if rng.random() < ease else "no")), index=n
            )
            for n in range(3)
        ]
        percent = int(rng.integers(101))
        stated = {"verbalised": percent / 100} if number % 7 else {}
        scores = {**told[0].scores, "likelihood": float(np.clip(ease + rng.normal(0, 0.2), 0, 1)), **stated}
        samples += [replace(told[0], scores=scores), *told[1:]]
        reply = f"{percent}%" if number % 7 else "surely"
        asked.append(replace(told[0], suite=VERBALISED, answer=reply, raw=reply, scores=stated))
    return list(with_agreement(arms.Answers(tuple(samples), None, 1.0)).samples), asked


@pytest.mark.parametrize(
    ("settings", "num_held", "grouped", "method"),
    [
        ({}, 400, False, "temperature"),
        ({"map": "platt"}, 300, False, "platt"),
        ({"map": "isotonic"}, 0, False, "isotonic"),
        ({}, 0, True, "temperature"),
        ({}, 20, False, None),
    ],
)
def test_labels_come_out_again(
    settings: dict[str, str], num_held: int, grouped: bool, method: str | None, tmp_path: Path
) -> None:
    held = labelled(num_held, 2, 3.0, HELD_OUT, grouped=grouped) if num_held else []
    samples, body, maps = card(labelled(450, 1, 3.0, grouped=grouped), held, **settings)
    found = recheck(published(tmp_path / "card", samples, body, maps))
    assert body["calibration"]["tuned"]["label"]["mending"]["method"] == method
    assert [one["method"] for one in maps["maps"]] == ([method] if method else [])
    assert (found.largest < TOLERANCE, found.unchecked) == (True, ())
    assert found.num_figures > 170


def test_free_answers_come_out_again(tmp_path: Path) -> None:
    samples, body, maps = card(*free(500))
    assert body["calibration"]["tuned"].keys() == {"likelihood", "verbalised", "agreement"}
    assert body["unstated"] == {"tuned": {"verbalised": 72}}
    found = recheck(published(tmp_path / "card", samples, body, maps))
    assert (found.largest < TOLERANCE, found.num_samples) == (True, 2000)
    told = [
        replace(s, scores={**s.scores, "agreement": 0.9}) if s.scores.get("agreement") == 1.0 else s for s in samples
    ]
    with pytest.raises(RunFailed, match="recheck-differs"):
        recheck(published(tmp_path / "other", told, body, maps))


def test_the_surest_labels_come_out_again(tmp_path: Path) -> None:
    """Where confidence is 1 to the last digits, the two ways of computing it still agree."""
    shown = labelled(400, 11, 30.0)
    samples, body, maps = card(shown, labelled(400, 12, 30.0, HELD_OUT), map="isotonic")
    assert sum(s.scores["confidence"] > 1 - 1e-12 for s in shown) > 50
    assert recheck(published(tmp_path / "card", samples, body, maps)).largest < TOLERANCE
    unknown = [
        replace(s, reference="nothing") if n % 9 == 0 else s for n, s in enumerate(labelled(400, 13, 3.0, HELD_OUT))
    ]
    samples, body, maps = card(shown, unknown, map="temperature")
    assert recheck(published(tmp_path / "unknown", samples, body, maps)).largest < TOLERANCE
    assert set(LABELS) == set(shown[0].probabilities or ())


CHANGED = [
    ("curve", 4, "low"),
    ("mending", "num_fitted"),
    ("mending", "before", "log_loss"),
    ("mending", "after", "brier"),
    ("mending", "log_losses", "isotonic"),
    ("mending", "abstain", "accuracy"),
]


@pytest.fixture(scope="module")
def whole() -> tuple[list[Sample], Any, Any]:
    return card(labelled(300, 1, 3.0), labelled(300, 2, 3.0, HELD_OUT), wanted_accuracy=0.8)


@pytest.mark.parametrize("path", CHANGED, ids=lambda path: ".".join(map(str, path)))
def test_a_figure_that_is_off_by_a_millionth_is_named(
    whole: tuple[list[Sample], Any, Any], path: tuple[Any, ...], tmp_path: Path
) -> None:
    samples, body, maps = whole
    told = json.loads(json.dumps(body))
    place = told["calibration"]["tuned"]["label"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] += 1 if path[-1] == "num_fitted" else 1e-6
    with pytest.raises(RunFailed) as caught:
        recheck(published(tmp_path / "card", samples, told, maps))
    assert caught.value.code == "recheck-differs"


def test_a_map_that_was_changed_or_lost_is_found(whole: tuple[list[Sample], Any, Any], tmp_path: Path) -> None:
    samples, body, maps = whole
    assert recheck(published(tmp_path / "card", samples, body, maps)).largest < TOLERANCE
    told = json.loads(json.dumps(maps))
    told["maps"][0]["parameters"]["temperature"] += 1e-6
    for place, changed in enumerate((told, {"version": 1, "maps": []})):
        with pytest.raises(RunFailed) as caught:
            recheck(published(tmp_path / f"card{place}", samples, body, changed))
        assert caught.value.code == "recheck-differs"
