"""A figure or a difference with its interval, as a table shows it."""

from __future__ import annotations

from dataclasses import dataclass

from tunesmith.artifacts.scorecard import Difference, Estimate
from tunesmith.report.wording import Direction, Words, direction, figure, signed


@dataclass(frozen=True)
class Cell:
    value: str
    interval: str


def cell_of(estimate: Estimate, words: Words) -> Cell:
    return Cell(figure(estimate.value), words.interval(estimate))


@dataclass(frozen=True)
class DifferenceView:
    value: str
    interval: str
    direction: Direction


def difference_view(difference: Difference, words: Words) -> DifferenceView:
    return DifferenceView(signed(difference.mean), words.interval_of_difference(difference), direction(difference))
