"""Errors by kind computed once more from the samples: shared are the rules that name a kind, not the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from tunesmith.artifacts.figures import Estimate
from tunesmith.artifacts.mistakes import ErrorCount
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.evaluate import oracles
from tunesmith.metrics.mistakes import Judge, Mistake, judge_of
from tunesmith.records import Sample

Compared = tuple[str, float | None, float | None]
ByItem = Mapping[str, Sequence[Sample]]
PARTS: Final = ("mean", "low", "high", "p_value", "detectable")


def errors_again(body: ScorecardBody, tests: Mapping[str, ByItem], seed: int) -> Iterator[Compared]:
    """Every count, share and change of a scorecard that has any; `tests` are the samples of the test items by arm and
    item."""
    if not body.errors:
        return
    judge = judge_of(body.task, body.metric, body.labels, (name for arm in body.arms for name in arm.metrics["test"]))
    found = {arm: _mistakes(by_item, judge) for arm, by_item in tests.items()}
    for arm, by_item in found.items():
        kinds = {mistake.kind for mistakes in by_item.values() for mistake in mistakes if mistake}
        said = {count.kind: count for count in body.errors.get(arm, [])}
        yield f"errors {arm} kinds", len(said), len(kinds)
        for kind, count in said.items():
            yield from _of_kind(f"errors {arm} {kind}", count, by_item, _groups(tests[arm]), seed)
    corrected = oracles.holm([change.p_value for change in body.error_changes])
    for change, p_adjusted in zip(body.error_changes, corrected, strict=True):
        name = f"errors {change.arm} - {change.against} {change.metric}"
        after_N, before_N = (_shares(found[arm], change.metric) for arm in (change.arm, change.against))
        again = oracles.paired(before_N, after_N, _groups(tests[change.arm]), seed) | {"p_adjusted": p_adjusted}
        yield f"{name} n", change.n, len(after_N)
        for part, value in change.model_dump(include={*PARTS, "p_adjusted"}).items():
            yield f"{name} {part}", value, again[part]


def _mistakes(by_item: ByItem, judge: Judge) -> dict[str, list[Mistake | None]]:
    return {item: [judge.mistake(sample) for sample in samples] for item, samples in by_item.items()}


def _groups(by_item: ByItem) -> list[str] | None:
    """The group of each item, the item itself where it has none; None where none has."""
    groups = [samples[0].group for samples in by_item.values()]
    return [group or item for group, item in zip(groups, by_item, strict=True)] if any(groups) else None


def _shares(by_item: Mapping[str, Sequence[Mistake | None]], kind: str) -> oracles.Floats:
    return np.array([sum(m is not None and m.kind == kind for m in ms) / len(ms) for ms in by_item.values()])


def _of_kind(
    name: str,
    said: ErrorCount,
    by_item: Mapping[str, Sequence[Mistake | None]],
    groups: list[str] | None,
    seed: int,
) -> Iterator[Compared]:
    found = [mistake for mistakes in by_item.values() for mistake in mistakes if mistake and mistake.kind == said.kind]
    yield f"{name} count", said.count, len(found)
    for part in said.parts:
        alike = [mistake for mistake in found if (mistake.wanted, mistake.told) == (part.wanted, part.told)]
        yield f"{name} {part.wanted} {part.told}", part.count, len(alike)
    wrong = {item for item, mistakes in by_item.items() if any(m and m.kind == said.kind for m in mistakes)}
    named = {*said.worst, *(item for part in said.parts for item in part.items)}
    yield f"{name} items", 0, len(named - wrong)
    yield from estimate_again(f"{name} share", said.share, _shares(by_item, said.kind), groups, seed)


def estimate_again(
    name: str, said: Estimate, values_N: oracles.Floats, groups: list[str] | None, seed: int
) -> Iterator[Compared]:
    """The mean of items with its interval."""
    low, high = oracles.interval_of_mean(values_N, groups, seed)
    yield name, said.value, math.fsum(values_N.tolist()) / len(values_N)
    yield f"{name} low", said.low, low
    yield f"{name} high", said.high, high
    yield f"{name} n", said.n, len(values_N)
