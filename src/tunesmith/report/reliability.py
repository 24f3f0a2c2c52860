"""Reliability diagrams: of answers of like confidence the share that is right, as inline SVG and in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts.calibration import CalibrationBin, CalibrationTable
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.metrics.wording import Words, count, figure, percent
from tunesmith.report.charts import LEFT, RIGHT, TOP, WIDTH, Axis, frame, grid_line, step_label, tick_label
from tunesmith.report.mending import sure_name

TALL: Final = 272.0
"""Height of a whole diagram: the plot, and below it how many answers each bin holds."""
FOOT: Final = 200.0
"""Where the plot ends."""
COUNTS: Final = (216.0, 246.0)
"""Top and foot of the columns."""
COLUMN: Final = 5.0
"""Width of a column: those of the surest answers stand close together."""
TICKS: Final = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)


@dataclass(frozen=True)
class Diagram:
    """One arm's confidence of one kind, as stated or as a map made it."""

    name: str
    rows: str
    """Of which answers, and whether a map was applied."""
    svg: Markup
    bins: tuple[tuple[str, str, str, str], ...]
    """Mean confidence, share right with its interval, and number of answers."""


def diagrams(body: ScorecardBody, words: Words) -> tuple[tuple[Diagram, ...], ...]:
    """Rows of diagrams: all that stand alone, then each pair of before and after its map, on the same answers."""
    found: list[tuple[Diagram, ...]] = []
    for arm, tables in body.calibration.items():
        for kind, table in tables.items():
            name, first = sure_name(arm, kind, words), sum(map(len, found))
            shown = enumerate(_shown(table, words), first)
            found.append(tuple(_diagram(f"reliability{place}", name, *one, words) for place, one in shown))
    alone = tuple(diagram for row in found if len(row) == 1 for diagram in row)
    return tuple(row for row in (alone, *(row for row in found if len(row) > 1)) if row)


def _shown(table: CalibrationTable, words: Words) -> list[tuple[str, Sequence[CalibrationBin]]]:
    """What is drawn of a table, and of which answers it is."""
    mending = table.mending
    if mending is None or mending.after is None or not mending.after.bins:
        return [(words("report.reliability.all", n=count(table.n)), table.bins)] if table.bins else []
    n, method = count(mending.after.n), words(f"report.mending.method.{mending.method}")
    return [
        (words("report.reliability.before", n=n), mending.before.bins),
        (words("report.reliability.after", n=n, method=method), mending.after.bins),
    ]


def _diagram(chart_id: str, name: str, rows: str, bins: Sequence[CalibrationBin], words: Words) -> Diagram:
    title = words("report.reliability.title", name=name, rows=rows)
    description = "; ".join(
        words(
            "report.reliability.bin",
            confidence=percent(one.confidence),
            accuracy=percent(one.accuracy),
            interval=words.between(percent(one.low), percent(one.high)),
            n=count(one.n),
        )
        for one in bins
    )
    told = tuple(
        (figure(one.confidence), figure(one.accuracy), words.between(figure(one.low), figure(one.high)), count(one.n))
        for one in bins
    )
    return Diagram(name, rows, reliability_chart(chart_id, title, description, bins), told)


def reliability_chart(chart_id: str, title: str, description: str, bins: Sequence[CalibrationBin]) -> Markup:
    """Share right over mean confidence, a point with its interval for each bin, of at least one; a dashed line where
    both are equal, and below, in columns, how many answers each bin holds.
    """
    x_axis = Axis(TICKS, 0, 100, LEFT, WIDTH - RIGHT)
    y_axis = Axis(TICKS, 0, 100, FOOT, TOP)
    parts = [grid_line(x_axis, y_axis.place(tick), f"{tick_label(tick)}%") for tick in y_axis.ticks]
    diagonal = Markup('<line class="diagonal" x1="{:.2f}" y1="{:.2f}" x2="{:.2f}" y2="{:.2f}"/>')
    parts.append(diagonal.format(x_axis.start, y_axis.start, x_axis.end, y_axis.end))
    places = [(x_axis.place(100 * one.confidence), y_axis.place(100 * one.accuracy)) for one in bins]
    line = Markup('<polyline class="line s0" points="{}"/>')
    parts.append(line.format(" ".join(f"{x:.2f},{y:.2f}" for x, y in places)))
    point = Markup(
        '<line class="whisker s0" x1="{x:.2f}" x2="{x:.2f}" y1="{low:.2f}" y2="{high:.2f}"/>'
        '<circle class="dot s0" cx="{x:.2f}" cy="{y:.2f}" r="3"/>'
    )
    for (x, y), one in zip(places, bins, strict=True):
        parts.append(point.format(x=x, y=y, low=y_axis.place(100 * one.low), high=y_axis.place(100 * one.high)))
    parts += _columns(bins, x_axis)
    parts += [step_label(x_axis.place(tick), f"{tick_label(tick)}%", TALL) for tick in x_axis.ticks]
    return frame(chart_id, title, description, parts, TALL)


def _columns(bins: Sequence[CalibrationBin], x_axis: Axis) -> Iterable[Markup]:
    top, foot = COUNTS
    most = max(one.n for one in bins)
    y_axis = Axis((0.0, most), 0, most, foot, top)
    yield from (grid_line(x_axis, y_axis.place(tick), tick_label(tick)) for tick in y_axis.ticks)
    column = Markup('<rect class="column" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>')
    for one in bins:
        high = y_axis.place(one.n)
        yield column.format(x_axis.place(100 * one.confidence) - COLUMN / 2, high, COLUMN, foot - high)
