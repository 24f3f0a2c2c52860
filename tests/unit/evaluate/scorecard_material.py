"""Scorecards of a tuned model whose scores a test chooses."""

from __future__ import annotations

from pathlib import Path

from tunesmith.artifacts import Identity, Scorecard, publish
from tunesmith.artifacts.scorecard import (
    BODY,
    KIND,
    SAMPLES,
    Difference,
    Estimate,
    Forgetting,
    ScorecardBody,
    write_samples,
)
from tunesmith.records import Message, Sample, Sampling

Scores = dict[str, list[float]]


def sample(suite: str, number: int, metric: str, score: float, arm: str = "tuned") -> Sample:
    return Sample(
        arm=arm, suite=suite, item=f"{suite}{number}", index=0, prompt=(Message("user", "?"),), reference="", raw="",
        reasoning=None, answer="", scores={metric: score}, sampling=Sampling(), num_tokens=0, finish_reason="stop",
    )  # fmt: skip


def scorecard(folder: Path, scores: Scores, metric: str = "accuracy") -> Scorecard:
    """Of a tuned model with these scores; the base's are all 0."""
    samples = [
        sample(suite, number, metric if suite == "test" else "exact_match", value, arm)
        for suite, values in scores.items()
        for number, score in enumerate(values)
        for arm, value in (("tuned", score), ("base", 0.0))
    ]
    estimate = Estimate(value=0.5, n=1)
    losses = [
        Forgetting(
            suite=suite, arm="tuned", before=estimate, after=estimate, lost=[], won=[],
            difference=Difference(
                suite=suite, metric="exact_match", arm="tuned", against="base", mean=0, low=0, high=0, p_value=1, n=1
            ),
        )
        for suite in scores
        if suite != "test"
    ]  # fmt: skip
    body = ScorecardBody(
        task="labels",
        metric=metric,
        num_items={},
        arms=[],
        differences=[],
        forgetting=losses,
        verdicts=[],
        max_loss=0.05,
    )
    with publish(folder, Identity(KIND, 1, {}, {}, 0, {})) as staging:
        write_samples(staging / SAMPLES, samples)
        (staging / BODY).write_text(body.model_dump_json(), encoding="utf-8")
    return Scorecard.open(folder)


def right(num: int, of: int) -> list[float]:
    return [1.0] * num + [0.0] * (of - num)
