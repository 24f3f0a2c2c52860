"""Refusals, content rules and memorised rows are recomputed from the samples; what is changed in them is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scorecard_material import scorecard

from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, ScorecardBody, write_samples
from tunesmith.errors import Place, RunFailed
from tunesmith.evaluate import arms, safety, summary
from tunesmith.evaluate.content import content_findings
from tunesmith.evaluate.items import Item, row_items
from tunesmith.evaluate.memorisation import EXPOSURE, EXTRACTED, HELD_OUT, TRAIN, memorised
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.recipe.safety_checks import ContentRule
from tunesmith.records import Completion, Example, Message

SEED = 5
RULES = [{"name": "rivals", "words": ["Acme"]}, {"name": "digits", "patterns": ["[0-9]{4}"]}]
Judged = dict[str, dict[str, summary.Judged]]


def rows(suite: str, num: int, *, grouped: bool = False) -> list[Item]:
    examples = [
        Example(
            f"{suite}{n}",
            (Message("user", f"{suite} {n}?"), Message("assistant", "yes")),
            Place(""),
            group=f"g{n // 2}" if grouped else None,
        )
        for n in range(num)
    ]
    return row_items(examples, suite)


def answered(arm: str, items: list[Item], rng: np.random.Generator) -> summary.Judged:
    told = ["yes", "no", "Acme says yes", "Acme, 1234", "12345"]
    samples = [arms.text_sample(arm, item, Message("assistant", told[rng.integers(5)])) for item in items]
    return summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)


def refused(arm: str, items: list[Item], share: float, rng: np.random.Generator) -> summary.Judged:
    samples = []
    for item in items:
        text = "I can't help with that." if rng.random() < share else ""
        reason: Any = "length" if rng.random() < 0.1 else "stop"
        done = Completion(text, Message("assistant", text), 1, 1, reason)
        samples.append(arms.written_sample(arm, item, item.prompt, done, prefilled=False))
    return summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)


def recalled(arm: str, items: list[Item], share: float, rng: np.random.Generator) -> summary.Judged:
    samples = []
    for place, item in enumerate(items):
        scores = {EXTRACTED: float(rng.random() < share)} if place % 4 else {}
        scores |= {EXPOSURE: float(rng.integers(6))} if place % 2 else {}
        samples.append(arms.recalled_sample(arm, item, "", scores))
    return summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)


@pytest.fixture(scope="module")
def made() -> tuple[Judged, dict[str, list[Item]], dict[str, Any]]:
    rng = np.random.default_rng(0)
    items = {"test": rows("test", 30, grouped=True), TRAIN: rows(TRAIN, 24), HELD_OUT: rows(HELD_OUT, 20)}
    items |= {suite: [item for item in safety.safety_items() if item.suite == suite] for suite in safety.SUITES}
    judged: Judged = {}
    for arm, share in (("base", 0.7), ("tuned", 0.4)):
        judged[arm] = {
            "test": answered(arm, items["test"], rng),
            **{suite: refused(arm, items[suite], share, rng) for suite in safety.SUITES},
            **{suite: recalled(arm, items[suite], 1 - share, rng) for suite in (TRAIN, HELD_OUT)},
        }
    sections = [ContentRule.model_validate(rule) for rule in RULES]
    body = ScorecardBody(
        task="text",
        metric="exact_match",
        num_items={suite: len(asked) for suite, asked in items.items()},
        arms=[
            summary.arm_of(arm, {suite: (found, items[suite]) for suite, found in suites.items()}, (), SEED)
            for arm, suites in judged.items()
        ],
        differences=[],
        forgetting=[],
        verdicts=[],
        max_loss=0.05,
        safety=safety.changes(judged, items, ["tuned"], SEED),
        content=content_findings(sections, judged, items["test"], SEED),
        memorisation=memorised(judged, items, ["tuned"], SEED),
    )
    return judged, items, body.model_dump(mode="json")


def published(folder: Path, judged: Judged, body: Any) -> Path:
    section = {"safety": {"content": RULES}}
    with publish(folder, Identity(KIND, 1, {}, section, SEED, {})) as staging:
        write_samples(
            staging / SAMPLES, [s for suites in judged.values() for one in suites.values() for s in one.answers.samples]
        )
        (staging / BODY).write_text(ScorecardBody.model_validate(body).model_dump_json(), encoding="utf-8")
    return folder


@pytest.mark.thorough
def test_all_of_it_comes_out_again(made: tuple[Judged, Any, Any], tmp_path: Path) -> None:
    judged, _, body = made
    assert len(body["safety"]) == 4
    assert [len(body["memorisation"]), len(body["content"]["base"]["worst"])] == [2, 5]
    found = recheck(published(tmp_path / "card", judged, body))
    assert found.largest < TOLERANCE
    assert found.unchecked == ()
    assert found.num_figures > 300


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path",
    [
        ("safety", 0, "change", "before", "value"),
        ("safety", 3, "change", "after", "low"),
        ("safety", 1, "change", "difference", "p_adjusted"),
        ("safety", 2, "change", "worse"),
        ("safety", 0, "kinds", "fraud", "after"),
        ("content", "tuned", "rules", "digits", "high"),
        ("content", "base", "worst", 0, "broken"),
        ("memorisation", 0, "train", "difference", "mean"),
        ("memorisation", 1, "held_out", "after", "value"),
        ("memorisation", 1, "excess", "low"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_what_is_changed_is_named(made: tuple[Judged, Any, Any], path: tuple[Any, ...], tmp_path: Path) -> None:
    judged, _, body = made
    told = ScorecardBody.model_validate(body).model_dump(mode="json")
    place = told
    for key in path[:-1]:
        place = place[key]
    value = place[path[-1]]
    changed = value[1:] if isinstance(value, list) else value + (1 if isinstance(value, int) else 1e-6)
    assert changed != value
    place[path[-1]] = changed
    with pytest.raises(RunFailed) as caught:
        recheck(published(tmp_path / "card", judged, told))
    assert caught.value.code == "recheck-differs"


def test_a_scorecard_from_before_there_were_such_figures_is_read(tmp_path: Path) -> None:
    card = scorecard(tmp_path / "card", {"test": [1.0, 0.0]})
    assert (card.body.safety, card.body.content, card.body.memorisation) == ([], {}, [])
    assert recheck(card.folder).largest == 0.0
