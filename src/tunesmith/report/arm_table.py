"""All arms on the same test items: the figures that matter most beside each other, the others to unfold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tunesmith.artifacts.scorecard import Arm, Difference, ScorecardBody
from tunesmith.metrics.registry import METRICS
from tunesmith.metrics.wording import Words
from tunesmith.report.cells import Cell, DifferenceView, cell_of, difference_view
from tunesmith.report.pairs import BASE, TEST

NUM_MAIN: Final = 3
"""Metrics that stand in the table itself: with more of them it is wider than a page."""
AGAINST: Final = {"tuned_free_form": "base_free_form"}
"""Arms that are held against another one than the base; what is written is compared with what is written."""
NOTED: Final = ("base", "base_changed", "base_free_form", "base_few_shot", "majority", "tuned", "tuned_free_form")
"""Arms that a sentence of the catalogue tells about."""


@dataclass(frozen=True)
class ArmRow:
    code: str
    name: str
    cells: tuple[Cell | None, ...]
    """One for each metric of the table; the first has a bar."""
    difference: DifferenceView | None
    prompt_tokens: str
    answer_tokens: str
    duration: str
    note: str


@dataclass(frozen=True)
class ArmTable:
    metrics: tuple[str, ...]
    """The verdict's metric first, then the others in the order of the registry, a user's own at the end."""
    rows: tuple[ArmRow, ...]
    num_main: int = NUM_MAIN

    @property
    def has_differences(self) -> bool:
        """Whether any arm is held against the base: an encoder says nothing before it has a head."""
        return any(row.difference is not None for row in self.rows)


def arm_table(body: ScorecardBody, words: Words) -> ArmTable:
    """Arms by metrics of the test suite."""
    found = {metric for arm in body.arms for metric in arm.metrics.get(TEST, {})}
    places = {metric: place for place, metric in enumerate(METRICS)}
    others = sorted(found - {body.metric}, key=lambda metric: (places.get(metric, len(places)), metric))
    metrics = [body.metric, *others]
    tests = [arm.metrics[TEST][body.metric] for arm in body.arms if body.metric in arm.metrics.get(TEST, {})]
    scale = max([1.0, *(end for estimate in tests for end in (estimate.value, estimate.high or 0.0))])
    return ArmTable(
        tuple(words.metric(metric) for metric in metrics),
        tuple(_arm_row(arm, metrics, scale, body, words) for arm in body.arms),
    )


def _arm_row(arm: Arm, metrics: Sequence[str], scale: float, body: ScorecardBody, words: Words) -> ArmRow:
    estimates = arm.metrics.get(TEST, {})
    difference = find_difference(body, arm.name, AGAINST.get(arm.name, BASE))
    return ArmRow(
        code=arm.name,
        name=words.arm(arm.name),
        cells=tuple(
            cell_of(estimates[metric], words, scale if metric == body.metric else None) if metric in estimates else None
            for metric in metrics
        ),
        difference=difference_view(difference, words) if difference else None,
        prompt_tokens=_mean_tokens(arm.num_prompt_tokens_mean),
        answer_tokens=_mean_tokens(arm.num_answer_tokens_mean),
        duration=words.duration(arm.seconds),
        note=_note(arm.name, body, words),
    )


def _note(arm: str, body: ScorecardBody, words: Words) -> str:
    if arm == "classic":
        return words(f"report.arm_note.classic.{body.task}")
    return words(f"report.arm_note.{arm}" if arm in NOTED else "report.arm_note.variant")


def _mean_tokens(mean: float | None) -> str:
    return "" if mean is None else f"{mean:,.1f}"


def find_difference(body: ScorecardBody, arm: str, against: str) -> Difference | None:
    """The paired difference on the test suite and the verdict's metric, where it was computed."""
    wanted = (TEST, body.metric, arm, against)
    return next((d for d in body.differences if (d.suite, d.metric, d.arm, d.against) == wanted), None)
