"""Errors by kind and bias are recomputed from the samples; a figure that is off is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, ScorecardBody, write_samples
from tunesmith.evaluate import arms, summary
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.measure import Wanted
from tunesmith.evaluate.mistakes import error_changes, errors_by_kind
from tunesmith.evaluate.protected import model_bias
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.evaluate.recheck_bias import Scores, bias_again
from tunesmith.evaluate.recheck_mistakes import errors_again
from tunesmith.evaluate.swaps import SwapSheet, swap_sheet
from tunesmith.metrics.mistakes import judge_of
from tunesmith.recipe.protected import Protected
from tunesmith.records import Message, Sample

LABELS = ["loan", "refusal", "call"]
SEED = 5
SAID = ("She asks for money", "He asks for money", "她想借钱", "他想借钱")
Judged = dict[str, summary.Judged]


def items_of(num: int, *, grouped: bool) -> list[Item]:
    random = np.random.default_rng(0)
    found = []
    for n in range(num):
        label = LABELS[random.integers(3)]
        found.append(
            Item(
                f"i{n}", "test", (Message("user", f"{SAID[n % 4]} {n}"),), Message("assistant", label), (label,),
                label=label, group=f"g{n // 4}" if grouped else None, language="en" if n % 4 < 2 else "zh",
            )
        )  # fmt: skip
    return found


def judged_of(arm: str, items: list[Item], share: float, num_samples: int = 1) -> summary.Judged:
    random = np.random.default_rng(len(arm))
    said = (*LABELS, "", "who knows")
    samples: list[Sample] = []
    for one in items:
        for index in range(num_samples):
            told = one.label if random.random() < share else said[random.integers(len(said))]
            samples.append(replace(arms.label_sample(arm, one, one.prompt, told or ""), index=index))
    return summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)


def card(*, grouped: bool, num_samples: int = 1) -> tuple[ScorecardBody, list[Sample]]:
    items = items_of(80, grouped=grouped)
    sheet = swap_sheet(("gender",), items, "labels", SEED)
    swapped = [one.item for one in sheet.items["gender"]]
    tests = {arm: judged_of(arm, items, share, num_samples) for arm, share in (("base", 0.4), ("tuned", 0.7))}
    sheet.judged["gender"] = {arm: judged_of(arm, swapped, 0.5, num_samples) for arm in tests}
    judge = judge_of("labels", "accuracy", LABELS, ["accuracy"])
    body = ScorecardBody(
        task="labels",
        metric="accuracy",
        num_items={"test": 80},
        arms=[summary.arm_of(arm, {"test": (one, items)}, LABELS, SEED) for arm, one in tests.items()],
        differences=[],
        forgetting=[],
        verdicts=[],
        max_loss=0.05,
        labels=LABELS,
        errors={arm: errors_by_kind(one, items, judge, SEED) for arm, one in tests.items()},
        error_changes=error_changes(tests, "base", ["tuned"], items, judge, SEED),
        bias=model_bias(
            Protected(groups=("gender", "label"), swap=("gender",)),
            sheet,
            tests,
            items,
            Wanted("labels", "accuracy", (), LABELS),
            SEED,
        ),
    )
    return body, samples_of(tests, sheet)


def samples_of(tests: Judged, sheet: SwapSheet) -> list[Sample]:
    return [sample for one in tests.values() for sample in one.answers.samples] + sheet.samples()


def published(folder: Path, body: ScorecardBody, samples: list[Sample]) -> Path:
    with publish(folder, Identity(KIND, 1, {}, {}, SEED, {})) as staging:
        write_samples(staging / SAMPLES, samples)
        (staging / BODY).write_text(body.model_dump_json(), encoding="utf-8")
    return folder


@pytest.mark.thorough
@pytest.mark.parametrize(("grouped", "num_samples"), [(False, 1), (True, 1), (False, 2)])
def test_all_of_it_comes_out_again(tmp_path: Path, grouped: bool, num_samples: int) -> None:
    body, samples = card(grouped=grouped, num_samples=num_samples)
    found = recheck(published(tmp_path / "card", body, samples))
    assert found.largest < TOLERANCE
    assert found.unchecked == ()
    assert body.bias is not None
    assert len(body.bias.gaps) > 10
    assert len(body.bias.swaps) == 6
    assert found.num_figures > 300


Told = tuple[Any, dict[tuple[str, str], Scores]]


@pytest.fixture(scope="module")
def told() -> Told:
    """The scorecard as JSON, and what its samples say by arm and suite."""
    body, samples = card(grouped=False)
    by_item: dict[tuple[str, str], dict[str, list[Sample]]] = {}
    for sample in samples:
        by_item.setdefault((sample.arm, sample.suite), {}).setdefault(sample.item, []).append(sample)
    scores = {
        key: Scores(items, {item: of_item[0].scores["accuracy"] for item, of_item in items.items()})
        for key, items in by_item.items()
    }
    return body.model_dump(mode="json"), scores


def largest(tree: Any, scores: dict[tuple[str, str], Scores]) -> float:
    """The largest difference of a figure that comes out again."""
    body = ScorecardBody.model_validate(tree)
    tests = {arm: found.samples for (arm, suite), found in scores.items() if suite == "test"}
    pairs = [*errors_again(body, tests, SEED), *bias_again(body, scores, SEED, [])]
    return max(abs((said or 0.0) - (found or 0.0)) for _, said, found in pairs)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path",
    [
        ("errors", "tuned", 0, "count"),
        ("errors", "tuned", 0, "share", "low"),
        ("errors", "base", 0, "parts", 0, "count"),
        ("error_changes", 0, "high"),
        ("error_changes", 1, "p_adjusted"),
        ("bias", "gaps", 0, "difference"),
        ("bias", "gaps", 3, "low"),
        ("bias", "gaps", 2, "p_value"),
        ("bias", "gaps", 1, "inside", "value"),
        ("bias", "gaps", 5, "p_adjusted"),
        ("bias", "swaps", 0, "changed", "high"),
        ("bias", "swaps", 2, "difference", "mean"),
        ("bias", "swaps", 1, "difference", "p_adjusted"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_a_figure_that_is_off_is_seen(told: Told, path: tuple[Any, ...]) -> None:
    tree = json.loads(json.dumps(told[0]))
    place = tree
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] += 1 if path[-1] == "count" else 1e-6
    assert largest(tree, told[1]) > 0.9e-6


@pytest.mark.thorough
def test_as_it_was_all_of_it_comes_out_again(told: Told) -> None:
    assert largest(*told) < TOLERANCE


@pytest.mark.thorough
def test_an_item_that_was_right_is_no_example(told: Told) -> None:
    tree = json.loads(json.dumps(told[0]))
    accuracy = told[1]["tuned", "test"].values
    tree["errors"]["tuned"][0]["worst"][0] = next(item for item, value in accuracy.items() if value == 1.0)
    assert largest(tree, told[1]) == 1.0
