"""A figure with its interval, and a difference with its own, as tables show them."""

from __future__ import annotations

from dataclasses import dataclass

from tunesmith.artifacts.scorecard import Difference, Estimate
from tunesmith.metrics.wording import Direction, Words, direction, figure, signed


@dataclass(frozen=True)
class Bar:
    """An interval on a common scale, in percent of its width."""

    low: float
    high: float
    value: float
    zero: float | None = None


@dataclass(frozen=True)
class Cell:
    value: str
    interval: str
    bar: Bar | None = None


@dataclass(frozen=True)
class DifferenceView:
    value: str
    interval: str
    direction: Direction


def cell_of(estimate: Estimate, words: Words, scale: float | None = None) -> Cell:
    """With a bar from 0 to `scale`, where one is given."""
    bar = None if scale is None else _bar(estimate, scale)
    return Cell(figure(estimate.value), words.interval(estimate), bar)


def difference_view(difference: Difference, words: Words) -> DifferenceView:
    return DifferenceView(signed(difference.mean), words.interval_of_difference(difference), direction(difference))


def bar_around_zero(difference: Difference) -> Bar:
    reach = max(abs(difference.low), abs(difference.high), abs(difference.mean), 1e-9) * 1.15
    low, high, value = (50 + 50 * end / reach for end in (difference.low, difference.high, difference.mean))
    return Bar(low, high, value, zero=50.0)


def _bar(estimate: Estimate, scale: float) -> Bar:
    """What lies below 0, as a correlation may, is drawn at 0."""
    ends = (estimate.low, estimate.high, estimate.value)
    low, high, value = (max(0.0, 100 * (estimate.value if end is None else end) / scale) for end in ends)
    return Bar(low, high, value)
