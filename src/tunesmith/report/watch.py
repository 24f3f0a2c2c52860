"""How the trainings went in words, and what the models answered on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tunesmith.artifacts import Event, TunedModel
from tunesmith.metrics.wording import Words, count
from tunesmith.report.pairs import shorten
from tunesmith.runtime import Level
from tunesmith.train.health import Finding, health

MAX_STEPS_SHOWN: Final = 6
"""Steps side by side, the first and the last among them."""


@dataclass(frozen=True)
class FindingView:
    code: str
    level: Level
    text: str
    change: str


@dataclass(frozen=True)
class SampleView:
    """One prompt and what the model in training answered to it."""

    prompt: str
    reference: str
    answers: tuple[str, ...]
    """One for each step that is shown."""


@dataclass(frozen=True)
class SamplesView:
    """The samples of one model, side by side."""

    arm: str
    steps: tuple[str, ...]
    rows: tuple[SampleView, ...]


@dataclass(frozen=True)
class WatchView:
    findings: tuple[FindingView, ...]
    samples: tuple[SamplesView, ...]


def watch_view(models: Mapping[str, TunedModel], words: Words) -> WatchView:
    found = [finding for name, model in models.items() for finding in health(model.metrics(name))]
    samples = [_samples(name, events, words) for name, model in models.items() if (events := model.samples(name))]
    return WatchView(tuple(_finding(finding, words) for finding in found), tuple(samples))


def _finding(finding: Finding, words: Words) -> FindingView:
    told = {**finding.parameters, "model": words.arm(finding.model)}
    key = f"health.{finding.code}"
    return FindingView(finding.code, finding.level, words(key, **told), words(f"{key}.change", **told))


def _samples(name: str, events: Sequence[Event], words: Words) -> SamplesView:
    """The answers to each prompt at a few steps, spread evenly; one that was cut off ends with dots."""
    steps = _spread(sorted({event.step or 0 for event in events}))
    by_item: dict[int, dict[int, Event]] = {}
    for event in events:
        by_item.setdefault(event.data["item"], {})[event.step or 0] = event
    rows = []
    for answers in by_item.values():
        data = next(iter(answers.values())).data
        texts = tuple(_answer(answers[step], words) if step in answers else "" for step in steps)
        rows.append(SampleView(shorten(data["prompt"], words), shorten(data["reference"] or "", words), texts))
    return SamplesView(words.arm(name), tuple(count(step) for step in steps), tuple(rows))


def _spread(steps: Sequence[int]) -> list[int]:
    if len(steps) <= MAX_STEPS_SHOWN:
        return list(steps)
    last = MAX_STEPS_SHOWN - 1
    return [steps[round(place * (len(steps) - 1) / last)] for place in range(MAX_STEPS_SHOWN)]


def _answer(event: Event, words: Words) -> str:
    """The thinking before it, where there is any."""
    parts = [f"({thinking})"] if (thinking := event.data["reasoning"]) else []
    text = " ".join([*parts, event.data["answer"]])
    return shorten(f"{text} …" if event.data["finish_reason"] == "length" else text, words)
