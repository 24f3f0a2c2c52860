"""A figure with its interval, as a table shows it."""

from __future__ import annotations

from dataclasses import dataclass

from tunesmith.artifacts.scorecard import Estimate
from tunesmith.report.wording import Words, figure


@dataclass(frozen=True)
class Cell:
    value: str
    interval: str


def cell_of(estimate: Estimate, words: Words) -> Cell:
    return Cell(figure(estimate.value), words.interval(estimate))
