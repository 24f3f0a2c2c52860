"""Key figures of texts: the numbers that declared patterns find become columns of the row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from tunesmith.errors import Place
from tunesmith.prepare.formats import missing_column
from tunesmith.prepare.rows import RawRow, Rows, Table
from tunesmith.recipe.structured import Figures
from tunesmith.records import Rejected
from tunesmith.text.numbers import plain_number
from tunesmith.text.quantities import FigurePattern, Unit, fold

Patterns = Mapping[str, Sequence[FigurePattern]]


def with_figures(table: Table, figures: Figures) -> Table:
    """The table with one column a figure: its number in the declared unit, in plain digits; absent where none is found.

    Of several matches the first one in the text counts. Raises TunesmithError `column-missing`, `column-absent`.
    """
    if figures.column not in table.columns:
        raise missing_column("figures.column", figures.column, table.columns, Place(table.name))
    patterns = {
        name: [FigurePattern(pattern, Unit.of(figure.unit or "")) for pattern in figure.patterns]
        for name, figure in figures.find.items()
    }
    columns = tuple(dict.fromkeys((*table.columns, *patterns)))
    return replace(table, rows=Rows(lambda: _rows(table.rows, figures.column, patterns)), columns=columns)


def _rows(rows: Iterable[RawRow | Rejected], column: str, patterns: Patterns) -> Iterator[RawRow | Rejected]:
    for row in rows:
        text = row.values.get(column) if isinstance(row, RawRow) else None
        if isinstance(row, RawRow) and isinstance(text, str):
            row = replace(row, values={**row.values, **find_figures(text, patterns)})
        yield row


def find_figures(text: str, patterns: Patterns) -> dict[str, str]:
    """By name the figures that a text holds."""
    folded = fold(text)
    found = {name: [hit for one in several if (hit := one.find(folded))] for name, several in patterns.items()}
    return {name: plain_number(min(hits)[1]) for name, hits in found.items() if hits}
