"""Weak slices come out again from the samples of a scorecard; whatever is changed is found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, ScorecardBody, write_samples
from tunesmith.errors import RunFailed
from tunesmith.evaluate import arms, slices, summary
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.recheck import TOLERANCE, Recheck, recheck
from tunesmith.records import Message, Sample
from tunesmith.text.language import language_of

SEED = 4


def material(metric: str, *, grouped: bool) -> tuple[list[Sample], dict[str, Any]]:
    """Questions in Chinese, those with one phrase and those of one shop go worse than others; some have no score."""
    rng = np.random.default_rng(1)
    items, samples = [], []
    for number in range(400):
        is_chinese, is_abroad, shop = rng.random(3) < (0.3, 0.3, 0.4)
        text = f"把钱退给我 {number}" if is_chinese else f"send {'money abroad' if is_abroad else 'it home'} {number}"
        item = Item(
            f"i{number}", "test", (Message("user", text),), Message("assistant", "x"), ("x",),
            language=language_of(text), columns={"shop": "one" if shop else "two"},
            group=f"g{number // 2}" if grouped else None,
        )  # fmt: skip
        chance = 0.9 - 0.5 * is_chinese - 0.5 * is_abroad - 0.3 * shop
        goes_well = float(rng.random() < max(chance, 0.05))
        score = goes_well if metric == "exact_match" else 5.0 - 4.0 * goes_well + float(rng.random())
        told = arms.text_sample("tuned", item, Message("assistant", "x"))
        items.append(item)
        samples.append(replace(told, scores={metric: score} if number % 25 else {}))
    judged = summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)
    body = ScorecardBody(
        task="text", metric=metric, num_items={"test": 400}, arms=[], differences=[], forgetting=[], verdicts=[],
        max_loss=0.05, weak_slices=slices.weak(items, [], judged, metric, SEED),
    )  # fmt: skip
    return samples, body.model_dump(mode="json")


def checked(folder: Path, samples: list[Sample], body: dict[str, Any]) -> Recheck:
    with publish(folder, Identity(KIND, 1, {}, {}, SEED, {})) as staging:
        write_samples(staging / SAMPLES, samples)
        (staging / BODY).write_text(json.dumps(body), encoding="utf-8")
    return recheck(folder)


@pytest.mark.parametrize(("metric", "grouped"), [("exact_match", False), ("exact_match", True), ("mae", False)])
def test_weak_slices_come_out_again(tmp_path: Path, metric: str, grouped: bool) -> None:
    samples, body = material(metric, grouped=grouped)
    kinds = {slice["kind"] for slice in body["weak_slices"]}
    assert {"language", "shop"} <= kinds
    found = checked(tmp_path / "card", samples, body)
    assert found.largest < TOLERANCE
    assert found.num_figures == 1 + 10 * sum(slice["kind"] != "shop" for slice in body["weak_slices"])
    assert found.unchecked == ("p-values and training rows of weak slices", "weak slices by shop")


def test_what_was_changed_is_found(tmp_path: Path) -> None:
    samples, body = material("exact_match", grouped=False)
    place = next(n for n, slice in enumerate(body["weak_slices"]) if slice["kind"] != "shop")
    for number, (part, end, by) in enumerate(
        [("inside", "value", 1e-6), ("inside", "low", 1e-6), ("outside", "high", 1e-6), ("outside", "n", 1)]
    ):
        told = json.loads(json.dumps(body))
        told["weak_slices"][place][part][end] += by
        with pytest.raises(RunFailed, match="recheck-differs"):
            checked(tmp_path / f"card{number}", samples, told)
    told = json.loads(json.dumps(body))
    told["weak_slices"][place]["worst"].reverse()
    with pytest.raises(RunFailed, match="recheck-differs"):
        checked(tmp_path / "worst", samples, told)
