"""Trials as lines through parallel axes (Inselberg 1985), inline SVG: one axis a setting, the value at the right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tunesmith.metrics.wording import significant

AXIS_GAP: Final = 150.0
SIDE: Final = 70.0
"""Room at both sides for the names."""
HEIGHT: Final = 300.0
TOP: Final = 26.0
BOTTOM: Final = 12.0
MAX_LETTERS: Final = 22


@dataclass(frozen=True)
class ParallelAxis:
    """One axis: numbers by their size, or choices in order."""

    name: str
    places: Mapping[int, float]
    """By trial, from 0 at the bottom to 1."""
    labels: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Strand:
    """One trial's line; `css_class` says how strongly it is drawn."""

    trial: int
    css_class: str
    tooltip: str


def number_axis(name: str, values: Mapping[int, float], *, log: bool, turned: bool = False) -> ParallelAxis:
    """Of numbers, by their logarithm where they were drawn by factors; with `turned` small ones lie high."""
    scaled = {trial: math.log(value) if log else value for trial, value in values.items()}
    low, high = min(scaled.values()), max(scaled.values())
    width = high - low or 1.0
    places = {trial: (value - low) / width if high > low else 0.5 for trial, value in scaled.items()}
    ends = sorted({min(values.values()), max(values.values())})
    labels = [(index if len(ends) > 1 else 0.5, significant(value, 3)) for index, value in enumerate(ends)]
    if turned:
        places = {trial: 1 - place for trial, place in places.items()}
        labels = [(1 - place, label) for place, label in labels]
    return ParallelAxis(name, places, tuple(labels))


def choice_axis(name: str, values: Mapping[int, str], choices: Sequence[str]) -> ParallelAxis:
    """Of choices, evenly spaced in their order."""
    last = max(1, len(choices) - 1)
    place_of = {choice: place / last if len(choices) > 1 else 0.5 for place, choice in enumerate(choices)}
    labels = tuple(
        (place, choice if len(choice) <= MAX_LETTERS else f"{choice[:MAX_LETTERS]}…")
        for choice, place in place_of.items()
    )
    return ParallelAxis(name, {trial: place_of[value] for trial, value in values.items()}, labels)


def parallel_chart(
    chart_id: str, title: str, description: str, axes: Sequence[ParallelAxis], strands: Sequence[Strand]
) -> Markup:
    """Lines in the order given, the last on top; each trial has a place on every axis."""
    xs = [SIDE + AXIS_GAP * number for number in range(len(axes))]
    parts = [_strand(axes, xs, strand) for strand in strands]
    parts += [_axis(axis, x) for axis, x in zip(axes, xs, strict=True)]
    frame = Markup(
        '<svg class="chart parallel" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        ' role="img" aria-labelledby="{id}-title {id}-desc"><title id="{id}-title">{title}</title>'
        '<desc id="{id}-desc">{description}</desc>{parts}</svg>'
    )
    width = xs[-1] + SIDE + 60
    return frame.format(
        width=width, height=HEIGHT, id=chart_id, title=title, description=description, parts=Markup("").join(parts)
    )


def _y(place: float) -> float:
    return HEIGHT - BOTTOM - 10 - place * (HEIGHT - BOTTOM - TOP - 20)


def _axis(axis: ParallelAxis, x: float) -> Markup:
    line = Markup('<line class="axis" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>')
    head = Markup('<text class="x" x="{:.1f}" y="14">{}</text>').format(x, axis.name)
    text = Markup('<text class="tick" x="{:.1f}" y="{:.1f}" dy="0.35em">{}</text>')
    labels = Markup("").join(text.format(x + 5, _y(place), label) for place, label in axis.labels)
    return line.format(x, x, _y(0) + 6, _y(1) - 6) + head + labels


def _strand(axes: Sequence[ParallelAxis], xs: Sequence[float], strand: Strand) -> Markup:
    points = " ".join(f"{x:.1f},{_y(axis.places[strand.trial]):.1f}" for axis, x in zip(axes, xs, strict=True))
    line = Markup('<polyline class="strand {}" points="{}"><title>{}</title></polyline>')
    return line.format(strand.css_class, points, strand.tooltip)
