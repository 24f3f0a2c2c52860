"""Tables to rows of prompt and answer, by the patterns, types and units that the recipe declares."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from string import Formatter
from typing import Any, Final

from tunesmith.errors import Place
from tunesmith.prepare.format_readers import text_of, truth_of
from tunesmith.prepare.formats import missing_column
from tunesmith.prepare.rows import RawRow, Refused, Rows, Table
from tunesmith.recipe.structured import Field, Structure
from tunesmith.records import Rejected
from tunesmith.text.numbers import WRITTEN_NUMBER, plain_number
from tunesmith.text.quantities import PLAIN, Unit, fold, read_quantity

_DATE: Final = re.compile(r"(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2})|年(\d{1,2})月(\d{1,2})日|(\d{2})(\d{2}))(?:[T ].*)?")
_TEXT: Final = Field()

Value = str | Decimal | bool | None


def structured(table: Table, structures: Iterable[Structure]) -> Table:
    """The table with the columns `prompt` and `completion`, its own kept beside them; each structure makes a row.

    Raises TunesmithError `column-missing`, `column-absent`. While rows are read, those whose cells are not of the
    declared types become Rejected: `missing-field`, `not-a-number`, `bad-unit`, `bad-time`, `bad-label`, `not-text`.
    """
    writers = [Writer(structure) for structure in structures]
    for writer in writers:
        for name in writer.names:
            column = writer.field(name).column or name
            if column not in table.columns and column.partition(".")[0] not in table.columns:
                raise missing_column(f"structure {name}", column, table.columns, Place(table.name))
    columns = ("prompt", "completion", *(name for name in table.columns if name not in ("prompt", "completion")))
    return replace(table, rows=Rows(lambda: _rows(table.rows, writers)), columns=columns, format="prompt_completion")


def _rows(rows: Iterable[RawRow | Rejected], writers: Iterable[Writer]) -> Iterator[RawRow | Rejected]:
    for row in rows:
        if isinstance(row, Rejected):
            yield row
            continue
        for writer in writers:
            try:
                yield writer.write(row)
            except Refused as refused:
                yield row.rejected(refused)


@dataclass(frozen=True, slots=True)
class _Typed:
    """A value and how it is said."""

    value: Value
    said: str
    unit: str | None = None


class Writer:
    """Turns rows into prompt and answer after one structure."""

    def __init__(self, structure: Structure) -> None:
        self._fields = structure.fields
        self._prompt = list(Formatter().parse(structure.prompt))
        self._keys = structure.answer if isinstance(structure.answer, tuple) else ()
        self._answer = list(Formatter().parse(structure.answer)) if isinstance(structure.answer, str) else []
        patterns = [name for _, name, _, _ in (*self._prompt, *self._answer) if name is not None]
        self.names = tuple(dict.fromkeys((*patterns, *self._keys)))
        units = {unit for field in self._fields.values() for unit in (field.unit, field.to_unit) if unit}
        self._units = {unit: Unit.of(unit) for unit in units}

    def field(self, name: str) -> Field:
        return self._fields.get(name, _TEXT)

    def write(self, row: RawRow) -> RawRow:
        """Raises Refused."""
        typed = {name: self._typed(row.values, name) for name in self.names}
        answer = _object({key: typed[key] for key in self._keys}) if self._keys else _filled(self._answer, typed)
        return replace(row, values={**row.values, "prompt": _filled(self._prompt, typed), "completion": answer})

    def _typed(self, values: Mapping[str, Any], name: str) -> _Typed | None:
        """None for an empty cell that may be empty."""
        field = self.field(name)
        column = field.column or name
        text = text_of(_cell(values, column), column).strip()
        if not text:
            if field.optional:
                return None
            raise Refused("missing-field", column, field=column)
        match field.type:
            case "number" | "integer":
                return self._number(text, field, column)
            case "date":
                said = _date(text, column)
                return _Typed(said, said)
            case "boolean":
                truth = truth_of(text)
                if truth is None:
                    raise Refused("bad-label", text, field=column)
                return _Typed(truth, json.dumps(truth))
        return _Typed(text, text)

    def _number(self, text: str, field: Field, column: str) -> _Typed:
        unit = self._units[field.unit] if field.unit else PLAIN
        value = read_quantity(text, unit)
        if value is None:
            reason = "bad-unit" if re.search(WRITTEN_NUMBER, fold(text)) else "not-a-number"
            raise Refused(reason, text, field=column)
        if field.to_unit:
            said = self._units[field.to_unit]
            if said.name != unit.name:
                raise Refused("bad-unit", f"{field.unit} -> {field.to_unit}", field=column)
            value, unit = value * unit.scale / said.scale, said
        if field.type == "integer" and value != value.to_integral_value():
            raise Refused("not-a-number", text, field=column)
        return _Typed(value, unit.write(plain_number(value)), unit.written or None)


def _cell(values: Mapping[str, Any], column: str) -> Any:
    """The value of a column; in a nested row dots lead inside."""
    if column in values:
        return values[column]
    found: Any = values
    for name in column.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _date(text: str, column: str) -> str:
    """A day as ISO 8601 has it."""
    found = _DATE.fullmatch(text)
    year, month, day = [int(number) for number in found.groups() if number] if found else (0, 0, 0)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise Refused("bad-time", text[:40], field=column) from None


def _filled(
    pattern: Iterable[tuple[str, str | None, str | None, str | None]], typed: Mapping[str, _Typed | None]
) -> str:
    pieces = []
    for literal, name, _, _ in pattern:
        pieces.append(literal)
        if name is not None:
            found = typed[name]
            if found is None:
                raise Refused("missing-field", name, field=name)
            pieces.append(found.said)
    return "".join(pieces)


def _object(typed: Mapping[str, _Typed | None]) -> str:
    return json.dumps({name: _json(found) for name, found in typed.items()}, ensure_ascii=False)


def _json(found: _Typed | None) -> object:
    """A number with a unit is an object of both."""
    if found is None or not isinstance(found.value, Decimal):
        return found and found.value
    number = int(found.value) if found.value == found.value.to_integral_value() else float(found.value)
    return number if found.unit is None else {"value": number, "unit": found.unit}
