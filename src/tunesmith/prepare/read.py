"""Readers: one file -> its rows in order, each a RawRow or a Rejected with file, line and reason.

Lines are counted from 1 as editors count them; the rows of a Parquet file are counted from 1.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare import strict_json
from tunesmith.prepare.encoding import (
    bytes_to_text,
    decode_file,
    holds_undecoded_bytes,
    read_bytes,
    undecoded_to_text,
)
from tunesmith.prepare.rows import RawRow, Refused, Table, columns_of, cut
from tunesmith.records import Rejected

Rows = Iterator[RawRow | Rejected]
# One cell may hold a whole document; the standard limit is 131,072 characters.
_MAX_CELL_CHARACTERS: Final = 2**26
_JSON_SPACE: Final = re.compile(r"[ \t\n\r]*")


def read_file(file: Path) -> Table:
    """Read one data file whole.

    Raises TunesmithError where the file as a whole cannot be read: `data-unreadable`, `data-empty`, `data-no-rows`,
    `data-encoding`, `data-header`, `data-json`, `data-parquet`. A row that cannot be read is a Rejected instead.
    """
    table = _READERS[file.suffix.lower()](file)
    if not table.rows:
        raise TunesmithError("data-no-rows", place=Place(str(file)))
    return table


def read_jsonl(file: Path) -> Table:
    return _jsonl_table(read_bytes(file), file)


def read_json(file: Path) -> Table:
    """An array of objects; a file that does not begin with `[` holds one object a line."""
    content = read_bytes(file)
    if not content.lstrip().startswith(b"["):
        return _jsonl_table(content, file)
    text, encoding = decode_file(content, file)
    if holds_undecoded_bytes(text):
        line = next(number for number, line in enumerate(text.split("\n"), 1) if holds_undecoded_bytes(line))
        raise TunesmithError("data-encoding", place=Place(str(file), line))
    rows = tuple(_array_rows(text, file))
    return Table(str(file), rows, columns_of(rows), encoding)


def read_csv(file: Path) -> Table:
    """Comma-, semicolon- or tab-separated with a header line; the header's most frequent separator counts."""
    text, encoding = decode_file(read_bytes(file), file)
    lines = list(io.StringIO(text, newline=""))
    first = next(number for number, line in enumerate(lines) if line.strip())
    delimiter = max(",;\t", key=lines[first].count)
    records = _records(lines, delimiter, first)
    header = _header(next(records), file)
    rows = tuple(_csv_rows(records, header, delimiter, file))
    return Table(str(file), rows, header, encoding)


def read_parquet(file: Path) -> Table:
    import polars

    if file.stat().st_size == 0:
        raise TunesmithError("data-empty", place=Place(str(file)))
    try:
        frame = polars.read_parquet(file)
    except (polars.exceptions.PolarsError, OSError) as error:
        raise TunesmithError("data-parquet", place=Place(str(file)), problem=str(error).split("\n")[0]) from error
    rows = tuple(RawRow(Place(str(file), number), row) for number, row in enumerate(frame.iter_rows(named=True), 1))
    return Table(str(file), rows, tuple(frame.columns), "binary")


_READERS: Final[dict[str, Callable[[Path], Table]]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
}


def _jsonl_table(content: bytes, file: Path) -> Table:
    # Bytes are split on \n alone: str.splitlines would also split inside strings, at U+2028.
    lines = enumerate(content.split(b"\n"), 1)
    rows = tuple(_jsonl_row(line, Place(str(file), number)) for number, line in lines if line.strip())
    return Table(str(file), rows, columns_of(rows))


def _jsonl_row(line: bytes, place: Place) -> RawRow | Rejected:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        readable, guess = bytes_to_text(line)
        return Rejected(place, "bad-encoding", guess or f"byte {error.start}", cut(readable))
    try:
        return RawRow(place, strict_json.parse(text))
    except Refused as refused:
        return Rejected(place, refused.reason, refused.detail, cut(text))


def _array_rows(text: str, file: Path) -> Rows:
    """The elements of a JSON array one by one, so that each has its line and a bad one does not spoil the rest."""
    position = _after_space(text, text.index("[") + 1)
    line, counted_to = 1, 0
    if text[position : position + 1] != "]":
        while True:
            line, counted_to = line + text.count("\n", counted_to, position), position
            place = Place(str(file), line)
            value, end = _scan(text, position, place)
            yield (
                RawRow(place, value)
                if isinstance(value, dict)
                else Rejected(place, value.reason, value.detail, cut(text[position:end]))
            )
            position = _after_space(text, end)
            if text[position : position + 1] != ",":
                break
            position = _after_space(text, position + 1)
    if text[position : position + 1] != "]" or _after_space(text, position + 1) != len(text):
        line = text.count("\n", 0, position) + 1
        raise TunesmithError("data-json", place=Place(str(file), line), problem=cut(text[position : position + 40]))


def _scan(text: str, position: int, place: Place) -> tuple[dict[str, Any] | Refused, int]:
    try:
        return strict_json.scan(text, position)
    except json.JSONDecodeError as error:
        raise TunesmithError(
            "data-json", place=Place(place.file, error.lineno, error.colno), problem=error.msg
        ) from error
    except (RecursionError, ValueError) as error:
        raise TunesmithError("data-json", place=place, problem=str(error)) from error


def _after_space(text: str, position: int) -> int:
    match = _JSON_SPACE.match(text, position)
    return match.end() if match else position


@dataclass(frozen=True, slots=True)
class _Record:
    """One record of a CSV file: its first line, counted from 0, and its cells, or what is wrong with that line."""

    begin: int
    cells: list[str]
    problem: str = ""


def _records(lines: list[str], delimiter: str, start: int) -> Iterator[_Record]:
    """Parse strictly. Where a record is broken (a quote that never closes), only its first line is given up."""
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    while start < len(lines):
        remaining = (lines[index] for index in range(start, len(lines)))
        reader = csv.reader(remaining, delimiter=delimiter, strict=True)
        begin = start
        try:
            for cells in reader:
                if len(cells) > 1 or "".join(cells).strip():
                    yield _Record(begin, cells)
                begin = start + reader.line_num
            return
        except csv.Error as error:
            yield _Record(begin, [lines[begin].rstrip("\r\n")], str(error))
            start = begin + 1


def _header(record: _Record, file: Path) -> tuple[str, ...]:
    place = Place(str(file), record.begin + 1)
    if record.problem:
        raise TunesmithError("data-header", place=place, problem=record.problem)
    names = [name.strip() or f"column_{number}" for number, name in enumerate(record.cells, 1)]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise TunesmithError("data-header", place=place, problem=f"{count} x `{name}`")
    return tuple(names)


def _csv_rows(records: Iterator[_Record], header: tuple[str, ...], delimiter: str, file: Path) -> Rows:
    for record in records:
        place, cells = Place(str(file), record.begin + 1), record.cells
        if any(holds_undecoded_bytes(cell) for cell in cells):
            readable, guess = undecoded_to_text(delimiter.join(cells))
            yield Rejected(place, "bad-encoding", guess, cut(readable))
        elif record.problem:
            yield Rejected(place, "bad-quoting", record.problem, cut(cells[0]))
        elif len(cells) != len(header):
            yield Rejected(place, "column-count", f"{len(cells)} / {len(header)}", cut(delimiter.join(cells)))
        else:
            yield RawRow(place, dict(zip(header, cells, strict=True)))
