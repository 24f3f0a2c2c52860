"""A confusion matrix as inline SVG: true classes by row, told ones by column, numbered in the same order.

Drawn at its own size, one unit a pixel: it scrolls where it is wider than the page. A cell's colour is the share of its
row; its count stands in it where there is room, and is its tooltip everywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

HEAD: Final = 20.0
"""Height of the numbers above the columns."""
MATRIX: Final = 780.0
"""The widest that the cells may be together; beyond it they shrink."""
MIN_CELL: Final = 4.0
MAX_CELL: Final = 34.0
CELL_WITH_COUNT: Final = 22.0
MAX_FONT: Final = 11.0
LETTER: Final = 0.6
"""Width of a letter, of its height."""
WIDEST_NAME: Final = 26
"""In letters; a Chinese character is as wide as two."""
WIDEST_NUMBER: Final = 4
"""In letters, with the space around it."""
UNDER_TEXT: Final = (0.08, 0.45)
"""Faintest and strongest colour of a cell with its count, which can be read in the light and in the dark."""
ALONE: Final = (0.2, 0.95)
"""Those of a cell without."""


@dataclass(frozen=True)
class _Grid:
    """Where the cells lie: right of `left`, `cell` wide and high; the names before them are `font` high."""

    left: float
    cell: float
    font: float


def heat_map(
    chart_id: str, title: str, description: str, names: Mapping[str, str], counts: Mapping[str, Mapping[str, int]]
) -> Markup:
    """`names` are the classes in order with what they are called; `counts` of items by true and told class."""
    places = {code: place for place, code in enumerate(names)}
    rows = [code for code in names if code in counts]
    grid = _grid([names[code] for code in rows], len(names))
    parts = [*_row_names(rows, places, names, grid), *_column_numbers(len(names), grid)]
    for row, true in enumerate(rows):
        total = sum(counts[true].values())
        for told, num in counts[true].items():
            spot = (grid.left + places[told] * grid.cell, HEAD + row * grid.cell)
            tooltip = f"{names[true]} → {names[told]}: {num}"
            parts += _cell(spot, grid.cell, num, "hit" if true == told != "" else "miss", num / total, tooltip)
    frame = Markup(
        '<svg class="heat-map" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        ' role="img" aria-labelledby="{id}-title {id}-desc"><title id="{id}-title">{title}</title>'
        '<desc id="{id}-desc">{description}</desc>{parts}</svg>'
    )
    size = {"width": grid.left + len(names) * grid.cell + 2, "height": HEAD + len(rows) * grid.cell + 2}
    return frame.format(**size, id=chart_id, title=title, description=description, parts=Markup("").join(parts))


def _grid(row_names: Sequence[str], num_columns: int) -> _Grid:
    cell = max(MIN_CELL, min(MAX_CELL, MATRIX / num_columns))
    font = min(MAX_FONT, 0.85 * cell)
    letters = max(map(width, map(cut, row_names)), default=0) + WIDEST_NUMBER
    return _Grid(letters * LETTER * font, cell, font)


def _row_names(
    rows: Sequence[str], places: Mapping[str, int], names: Mapping[str, str], grid: _Grid
) -> Iterable[Markup]:
    text = Markup(
        '<text class="y" x="{:.1f}" y="{:.1f}" dy="0.35em" style="font-size:{:.1f}px">{} <tspan>{}</tspan></text>'
    )
    for row, code in enumerate(rows):
        y = HEAD + (row + 0.5) * grid.cell
        yield text.format(grid.left - 5, y, grid.font, cut(names[code]), places[code] + 1)


def _column_numbers(num: int, grid: _Grid) -> Iterable[Markup]:
    every = 1 if grid.cell >= CELL_WITH_COUNT else 5
    for number in range(every, num + 1, every):
        x = grid.left + (number - 0.5) * grid.cell
        yield Markup('<text class="x" x="{:.1f}" y="{:.1f}">{}</text>').format(x, HEAD - 6, number)


def _cell(spot: tuple[float, float], cell: float, num: int, kind: str, share: float, tooltip: str) -> Iterable[Markup]:
    faintest, strongest = UNDER_TEXT if cell >= CELL_WITH_COUNT else ALONE
    strength = faintest + (strongest - faintest) * share
    yield Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{size:.1f}" height="{size:.1f}" fill-opacity="{:.3f}">'
        "<title>{}</title></rect>"
    ).format(kind, *spot, strength, tooltip, size=cell - 1)
    if cell >= CELL_WITH_COUNT:
        x, y = spot[0] + (cell - 1) / 2, spot[1] + (cell - 1) / 2
        yield Markup('<text class="n" x="{:.1f}" y="{:.1f}" dy="0.35em">{}</text>').format(x, y, num)


def width(name: str) -> int:
    """In letters."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in name)


def cut(name: str) -> str:
    """As much of a name as there is room for."""
    if width(name) <= WIDEST_NAME:
        return name
    longest = next(end for end in range(len(name), 0, -1) if width(name[:end]) <= WIDEST_NAME)
    return f"{name[:longest]}…"
