"""Charts as inline SVG, of a run's metric events and of many values at once. No script, colours by CSS class.

A chart draws in a box of `WIDTH` x `HEIGHT` user units; the plot is the box less its margins. Steps run from 0 to the
last one, values between the outermost ticks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts import Event
from tunesmith.metrics.wording import significant

WIDTH: Final = 360.0
HEIGHT: Final = 190.0
LEFT: Final = 46.0
RIGHT: Final = 18.0
TOP: Final = 10.0
BOTTOM: Final = 26.0
MAX_POINTS: Final = 1000
MIN_POINTS_TO_SMOOTH: Final = 40
INSET: Final = 18.0
"""Room at both ends of an axis of categories, for the names of the first and the last."""
MAX_CATEGORY_LABELS: Final = 6
NUM_STYLES: Final = 6
"""Colour and dash patterns that the style sheet holds; more series begin again."""


@dataclass(frozen=True)
class Series:
    """One line: finite values by step, in the order of the steps."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    num_not_finite: int = 0


@dataclass(frozen=True)
class Band:
    """A line with the interval of each of its values."""

    line: Series
    lows: tuple[float, ...]
    highs: tuple[float, ...]


@dataclass(frozen=True)
class Axis:
    """A linear scale from data to user units, with its ticks."""

    ticks: tuple[float, ...]
    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def collect(events: Iterable[Event], metric: str) -> list[Series]:
    """The series of one metric, one for each model that reports it, in order of appearance."""
    points: dict[str, list[tuple[int, float]]] = {}
    for event in events:
        if metric in event.data and event.step is not None:
            points.setdefault(str(event.data["model"]), []).append((event.step, float(event.data[metric])))
    collected = []
    for name, pairs in points.items():
        finite = [pair for pair in pairs if math.isfinite(pair[1])]
        steps, values = tuple(step for step, _ in finite), tuple(value for _, value in finite)
        collected.append(Series(name, steps, values, len(pairs) - len(finite)))
    return [series for series in collected if series.steps]


def smoothed(values_N: Sequence[float], span: float) -> list[float]:
    """Exponential moving average with decay 1 - 2 / (span + 1), start corrected as in Adam (arXiv:1412.6980)."""
    decay = 1 - 2 / (span + 1)
    total, weight, averages = 0.0, 0.0, []
    for value in values_N:
        total = decay * total + (1 - decay) * value
        weight = decay * weight + (1 - decay)
        averages.append(total / weight)
    return averages


def thin_out(series: Series, max_points: int = MAX_POINTS) -> Series:
    """At most `max_points` points: of each stretch of steps the lowest and the highest, so that no spike is lost."""
    length = len(series.steps)
    if length <= max_points:
        return series
    num_stretches = max_points // 2
    kept: set[int] = set()
    for stretch in range(num_stretches):
        places = range(stretch * length // num_stretches, (stretch + 1) * length // num_stretches)
        kept |= {min(places, key=series.values.__getitem__), max(places, key=series.values.__getitem__)}
    chosen = sorted(kept)
    steps, values = tuple(series.steps[i] for i in chosen), tuple(series.values[i] for i in chosen)
    return Series(series.name, steps, values, series.num_not_finite)


def round_ticks(low: float, high: float, num_wanted: int = 4) -> tuple[float, ...]:
    """Multiples of 1, 2, 2.5 or 5 times a power of ten that enclose [low, high], about `num_wanted` intervals."""
    if low == high:
        margin = abs(low) / 2 or 0.5
        low, high = low - margin, high + margin
    rough = (high - low) / num_wanted
    power = 10.0 ** math.floor(math.log10(rough))
    width = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = math.floor(low / width + 1e-9), math.ceil(high / width - 1e-9)
    num_digits = 2 - math.floor(math.log10(width))
    return tuple(round(place * width, num_digits) for place in range(first, last + 1))


def line_chart(chart_id: str, title: str, description: str, lines: Sequence[Series], smooth: bool) -> Markup:
    """An accessible SVG: grid, ticks, one line a series; with `smooth` the raw line light and its average over it."""
    x_axis, y_axis = _axes(lines)
    parts = [grid_line(x_axis, y_axis.place(tick), tick_label(tick)) for tick in y_axis.ticks]
    parts += [step_label(x_axis.place(tick), tick_label(tick)) for tick in x_axis.ticks]
    for number, series in enumerate(lines):
        parts += _lines(series, number % NUM_STYLES, smooth, (x_axis, y_axis))
    return frame(chart_id, title, description, parts)


def frame(chart_id: str, title: str, description: str, parts: Iterable[Markup], height: float = HEIGHT) -> Markup:
    """A whole chart: its parts, which lie in `WIDTH` x `height`, with a name and what they show in words."""
    svg = Markup(
        '<svg class="chart" viewBox="0 0 {width:.0f} {height:.0f}" role="img"'
        ' aria-labelledby="{id}-title {id}-desc"><title id="{id}-title">{title}</title>'
        '<desc id="{id}-desc">{description}</desc>{parts}</svg>'
    )
    return svg.format(
        width=WIDTH, height=height, id=chart_id, title=title, description=description, parts=Markup("").join(parts)
    )


def category_chart(
    chart_id: str, title: str, description: str, lines: Sequence[Series], categories: Sequence[str]
) -> Markup:
    """Percentages over categories in order; step n of a series stands over category n, of at least two."""
    ticks = round_ticks(0, max(value for series in lines for value in series.values))
    y_axis = Axis(ticks, ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    x_axis = Axis((), 0, len(categories) - 1, LEFT + INSET, WIDTH - RIGHT - INSET)
    whole_width = Axis((), 0, 1, LEFT, WIDTH - RIGHT)
    parts = [grid_line(whole_width, y_axis.place(tick), f"{tick_label(tick)}%") for tick in y_axis.ticks]
    every = math.ceil(len(categories) / MAX_CATEGORY_LABELS)
    parts += [step_label(x_axis.place(place), name) for place, name in enumerate(categories) if place % every == 0]
    for number, series in enumerate(lines):
        parts += _lines(series, number % NUM_STYLES, False, (x_axis, y_axis))
    return frame(chart_id, title, description, parts)


def band_chart(chart_id: str, title: str, description: str, bands: Sequence[Band]) -> Markup:
    """Percentages over percentages from 0 to 100, the intervals of each line as a band behind it."""
    y_ticks = tuple(tick for tick in round_ticks(min(min(b.lows) for b in bands), 100) if 0 <= tick <= 100)
    x_axis = Axis((0, 20, 40, 60, 80, 100), 0, 100, LEFT, WIDTH - RIGHT)
    y_axis = Axis(y_ticks, y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    parts = [grid_line(x_axis, y_axis.place(tick), f"{tick_label(tick)}%") for tick in y_axis.ticks]
    parts += [step_label(x_axis.place(tick), f"{tick_label(tick)}%") for tick in x_axis.ticks]
    for number, band in enumerate(bands):
        style, steps = number % NUM_STYLES, band.line.steps
        edge = [*zip(steps, band.highs, strict=True), *reversed(list(zip(steps, band.lows, strict=True)))]
        points = " ".join(f"{x_axis.place(step):.2f},{y_axis.place(value):.2f}" for step, value in edge)
        parts.append(Markup('<polygon class="band s{}" points="{}"/>').format(style, points))
        parts += _lines(band.line, style, False, (x_axis, y_axis))
    return frame(chart_id, title, description, parts)


def histogram(chart_id: str, title: str, description: str, values_N: Sequence[int], num_bins: int = 24) -> Markup:
    """How often values from 0 on fall into bins of equal width; at least one value."""
    x_ticks = round_ticks(0, max(1, *values_N), 5)
    width = x_ticks[-1] / num_bins
    counts = [0] * num_bins
    for value in values_N:
        counts[min(num_bins - 1, int(value / width))] += 1
    y_ticks = round_ticks(0, max(counts))
    x_axis = Axis(x_ticks, 0, x_ticks[-1], LEFT, WIDTH - RIGHT)
    y_axis = Axis(y_ticks, y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    parts = [grid_line(x_axis, y_axis.place(tick), tick_label(tick)) for tick in y_axis.ticks if tick.is_integer()]
    parts += [step_label(x_axis.place(tick), tick_label(tick)) for tick in x_axis.ticks]
    bar = Markup('<rect class="column" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>')
    step = (x_axis.end - x_axis.start) / num_bins
    for place, number in enumerate(counts):
        if number:
            top = y_axis.place(number)
            parts.append(bar.format(x_axis.start + place * step + 0.75, top, step - 1.5, y_axis.start - top))
    return frame(chart_id, title, description, parts)


def share_histogram(
    chart_id: str, title: str, description: str, groups: Sequence[Sequence[float]], num_bins: int = 20
) -> Markup:
    """Which share of each group falls into bins of equal width that hold all values and 0: one stepped line a group.

    No group is empty.
    """
    everything = [value for values in groups for value in values]
    x_ticks = round_ticks(min(0.0, *everything), max(0.0, *everything), 5)
    width = (x_ticks[-1] - x_ticks[0]) / num_bins
    shares = [_shares(values, x_ticks[0], width, num_bins) for values in groups]
    y_ticks = round_ticks(0, max(max(of_group) for of_group in shares))
    x_axis = Axis(x_ticks, x_ticks[0], x_ticks[-1], LEFT, WIDTH - RIGHT)
    y_axis = Axis(y_ticks, y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    parts = [grid_line(x_axis, y_axis.place(tick), f"{tick_label(tick)}%") for tick in y_axis.ticks]
    parts += [step_label(x_axis.place(tick), tick_label(tick)) for tick in x_axis.ticks]
    edges = [x_axis.place(x_ticks[0] + place * width) for place in range(num_bins + 1)]
    for number, of_group in enumerate(shares):
        heights = [y_axis.place(share) for share in of_group]
        steps = [f"{x:.2f},{y:.2f}" for place, y in enumerate(heights) for x in edges[place : place + 2]]
        line = Markup('<polyline class="line s{}" points="{}"/>')
        parts.append(line.format(number % NUM_STYLES, " ".join(steps)))
    return frame(chart_id, title, description, parts)


def _shares(values: Sequence[float], low: float, width: float, num_bins: int) -> list[float]:
    """In percent, by bin; what lies on an edge counts above it, at the upper end below it."""
    counts = [0] * num_bins
    for value in values:
        counts[min(num_bins - 1, int((value - low) / width))] += 1
    return [100 * number / len(values) for number in counts]


def tick_label(tick: float) -> str:
    """Short and exact: 12k for 12,000."""
    return f"{significant(tick / 1000, 6)}k" if abs(tick) >= 10_000 else significant(tick, 6)


def _axes(lines: Sequence[Series]) -> tuple[Axis, Axis]:
    values = [value for series in lines for value in series.values]
    y_ticks = round_ticks(min(values), max(values))
    last_step = max(1, *(series.steps[-1] for series in lines))
    x_ticks = tuple(tick for tick in round_ticks(0, last_step, 5) if tick <= last_step and tick.is_integer())
    x_axis = Axis(x_ticks, 0, last_step, LEFT, WIDTH - RIGHT)
    return x_axis, Axis(y_ticks, y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)


def grid_line(x_axis: Axis, y: float, label: str) -> Markup:
    """A line across the plot with its label before it."""
    line = Markup('<line class="grid" x1="{:.2f}" x2="{:.2f}" y1="{:.2f}" y2="{:.2f}"/>')
    text = Markup('<text class="y" x="{:.2f}" y="{:.2f}" dy="0.35em">{}</text>')
    return line.format(x_axis.start, x_axis.end, y, y) + text.format(x_axis.start - 6, y, label)


def step_label(x: float, label: str, height: float = HEIGHT) -> Markup:
    """A label at the foot of a chart of this height."""
    return Markup('<text class="x" x="{:.2f}" y="{:.2f}">{}</text>').format(x, height - 8, label)


def _lines(series: Series, style: int, smooth: bool, axes: tuple[Axis, Axis]) -> list[Markup]:
    if smooth and len(series.steps) >= MIN_POINTS_TO_SMOOTH:
        average = smoothed(series.values, span=len(series.values) / 20)
        calm = Series(series.name, series.steps, tuple(average))
        return [_polyline(series, f"raw s{style}", axes), _polyline(calm, f"line s{style}", axes)]
    return [_polyline(series, f"line s{style}", axes), *_dots(series, style, axes)]


def _polyline(series: Series, css_class: str, axes: tuple[Axis, Axis]) -> Markup:
    points = " ".join(f"{x:.2f},{y:.2f}" for x, y in _places(thin_out(series), axes))
    return Markup('<polyline class="{}" points="{}"/>').format(css_class, points)


def _dots(series: Series, style: int, axes: tuple[Axis, Axis]) -> list[Markup]:
    """A mark at each value of a short series, so that a lone point can be seen too."""
    if len(series.steps) >= MIN_POINTS_TO_SMOOTH:
        return []
    dot = Markup('<circle class="dot s{}" cx="{:.2f}" cy="{:.2f}" r="2.5"/>')
    return [dot.format(style, x, y) for x, y in _places(series, axes)]


def _places(series: Series, axes: tuple[Axis, Axis]) -> list[tuple[float, float]]:
    x_axis, y_axis = axes
    return [(x_axis.place(step), y_axis.place(value)) for step, value in zip(series.steps, series.values, strict=True)]
