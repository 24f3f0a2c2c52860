"""Readers: one file -> its table, whose rows are read one by one: each a RawRow, or a Rejected with its place and why.

Lines are counted from 1 as editors count them; the rows of a Parquet or Arrow file are counted from 1.
"""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare import strict_json
from tunesmith.prepare.documents import DOCUMENT_READERS
from tunesmith.prepare.encoding import (
    Judged,
    Line,
    blocks_of,
    bytes_to_text,
    decode,
    holds_undecoded_bytes,
    judge,
    lines_of,
    undecoded_to_text,
)
from tunesmith.prepare.files import kind_of, reading, unreadable
from tunesmith.prepare.json_array import array_rows
from tunesmith.prepare.rows import MAX_ROW_BYTES, RawRow, Refused, Table, cut, table_of
from tunesmith.records import Rejected

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]

Rows = Iterator[RawRow | Rejected]
TOO_LARGE: Final = "row-too-large"
_NUM_ROWS_OF_BATCH: Final = 1_000
_ARROW_FILE: Final = b"ARROW1"
_ENDED_LINE: Final = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def read_file(file: Path) -> Table:
    """The table of one data file.

    Raises TunesmithError where the file as a whole cannot be read, some of them only while its rows are read:
    `data-unreadable`, `data-empty`, `data-no-rows`, `data-encoding`, `data-header`, `data-json`, `data-parquet`,
    `data-document`. A row that cannot be read is a Rejected instead.
    """
    return _READERS[kind_of(file)](file)


def read_jsonl(file: Path) -> Table:
    """One object a line, in UTF-8 as the standard of JSON has it (RFC 8259)."""
    if all(block.isspace() for block in blocks_of(file)):
        raise TunesmithError("data-empty", place=Place(str(file)))
    return table_of(str(file), lambda: _jsonl_rows(file))


def read_json(file: Path) -> Table:
    """An array of objects; a file that does not begin with `[` holds one object a line."""
    if not next((block for block in blocks_of(file) if not block.isspace()), b"").lstrip().startswith(b"["):
        return read_jsonl(file)
    judged = judge(file)
    if judged.first_bad_line is not None:
        raise TunesmithError("data-encoding", place=Place(str(file), judged.first_bad_line))
    return table_of(str(file), lambda: array_rows(file, judged.encoding), encoding=judged.encoding)


def read_csv(file: Path) -> Table:
    """Comma-, semicolon- or tab-separated with a header line; the header's most frequent separator counts."""
    judged = judge(file)
    first = next(line for line in lines_of(file) if line.content.strip())
    text = decode(first.content, judged)
    delimiter = max(",;\t", key=text.count)
    first_record = next(_records(file, judged, delimiter), None)
    if first_record is None:
        raise TunesmithError("data-no-rows", place=Place(str(file)))
    header = _header(first_record, file)
    rows = partial(_csv_rows, file, judged, delimiter, header)
    return table_of(str(file), rows, columns=header, encoding=judged.encoding)


def read_parquet(file: Path) -> Table:
    import pyarrow.parquet  # type: ignore[import-untyped]

    def batches() -> Iterator[pyarrow.RecordBatch]:
        with pyarrow.parquet.ParquetFile(file) as opened:
            yield from opened.iter_batches(_NUM_ROWS_OF_BATCH)

    return _batch_table(file, lambda: pyarrow.parquet.read_schema(file), batches)


def read_arrow(file: Path) -> Table:
    """Arrow's file format (also called Feather 2) or its stream format; the file's first bytes tell which."""
    import pyarrow.ipc  # type: ignore[import-untyped]

    def batches() -> Iterator[pyarrow.RecordBatch]:
        with _opened_arrow(file) as opened:
            if isinstance(opened, pyarrow.ipc.RecordBatchFileReader):
                yield from map(_sound, map(opened.get_batch, range(opened.num_record_batches)))
            else:
                yield from map(_sound, opened)

    def schema() -> pyarrow.Schema:
        with _opened_arrow(file) as opened:
            return opened.schema

    return _batch_table(file, schema, batches)


_READERS: Final[dict[str, Callable[[Path], Table]]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".feather": read_arrow,
    **DOCUMENT_READERS,
}


def _jsonl_rows(file: Path) -> Rows:
    # Bytes are split on \n alone: str.splitlines would also split inside strings, at U+2028.
    name = str(file)
    for line in lines_of(file):
        if line.num_bytes > MAX_ROW_BYTES:
            yield _too_large(line, name)
        elif not line.content.isspace():
            yield _jsonl_row(line.content, Place(name, line.number, byte=line.byte))


def _jsonl_row(line: bytes, place: Place) -> RawRow | Rejected:
    line = line.rstrip(b"\n")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        readable, guess = bytes_to_text(line)
        return Rejected(place, "bad-encoding", guess or f"byte {error.start}", cut(readable))
    try:
        return RawRow(place, strict_json.parse(text))
    except Refused as refused:
        return Rejected(place, refused.reason, refused.detail, cut(text))


def _too_large(line: Line, name: str) -> Rejected:
    place = Place(name, line.number, byte=line.byte)
    return Rejected(place, TOO_LARGE, f"{line.num_bytes} bytes", cut(bytes_to_text(line.content)[0]))


@dataclass(frozen=True, slots=True)
class _Record:
    """One record of a CSV file: its first line and its cells, or what is wrong with that line."""

    line: Line
    cells: list[str]
    problem: str = ""


class _Lines:
    """The lines of a CSV file as text; those of the record that is being read can be gone back to."""

    def __init__(self, lines: Iterator[Line], judged: Judged) -> None:
        self._lines = lines
        self._judged = judged
        self._again: deque[Line] = deque()
        self._num_bytes = 0
        self.taken: list[Line] = []
        """Those read since the record began."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        self._num_bytes += line.num_bytes
        if self._num_bytes > MAX_ROW_BYTES:
            raise csv.Error(f"> {MAX_ROW_BYTES} bytes")
        return decode(line.content, self._judged)

    def forget(self) -> None:
        self.taken.clear()
        self._num_bytes = 0

    def give_up_first(self) -> Line:
        """Go back to the second line of the record."""
        first, *others = self.taken
        self._again.extendleft(reversed(others))
        self.forget()
        return first


def _records(file: Path, judged: Judged, delimiter: str) -> Iterator[_Record]:
    """Parse strictly. Where a record is broken (a quote that never closes), only its first line is given up."""
    csv.field_size_limit(MAX_ROW_BYTES)
    lines = _Lines(_split_at_returns(lines_of(file)), judged)
    more = True
    while more:
        more = False
        try:
            for cells in csv.reader(lines, delimiter=delimiter, strict=True):
                # Excel writes rows of commas below a table
                if "".join(cells).strip() or (len(cells) > 1 and b'"' in lines.taken[0].content):
                    yield _Record(lines.taken[0], cells)
                lines.forget()
        except csv.Error as error:
            line = lines.give_up_first()
            shown = "" if line.num_bytes > MAX_ROW_BYTES else decode(line.content, judged).rstrip("\r\n")
            yield _Record(line, [shown], str(error))
            more = True


def _split_at_returns(lines: Iterator[Line]) -> Iterator[Line]:
    """A carriage return alone ends a line as well, as editors and the csv module have it."""
    num_more = 0
    for line in lines:
        if line.content.find(b"\r", 0, -2) < 0 or line.num_bytes > MAX_ROW_BYTES:
            yield line._replace(number=line.number + num_more) if num_more else line
            continue
        num_more -= 1
        for piece in _ENDED_LINE.finditer(line.content):
            num_more += 1
            content = piece.group()
            yield Line(line.number + num_more, line.byte + piece.start(), content, len(content))


def _header(record: _Record, file: Path) -> tuple[str, ...]:
    place = Place(str(file), record.line.number)
    if record.problem:
        raise TunesmithError("data-header", place=place, problem=record.problem)
    if any(map(holds_undecoded_bytes, record.cells)):
        raise TunesmithError("data-encoding", place=place)
    names = [name.strip() or f"column_{number}" for number, name in enumerate(record.cells, 1)]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise TunesmithError("data-header", place=place, problem=f"{count} x `{name}`")
    return tuple(names)


def _csv_rows(file: Path, judged: Judged, delimiter: str, header: tuple[str, ...]) -> Rows:
    name, is_damaged = str(file), judged.first_bad_line is not None
    records = _records(file, judged, delimiter)
    next(records)
    for record in records:
        line, cells = record.line, record.cells
        place = Place(name, line.number, byte=line.byte)
        if line.num_bytes > MAX_ROW_BYTES:
            yield _too_large(line, name)
        elif is_damaged and any(holds_undecoded_bytes(cell) for cell in cells):
            readable, guess = undecoded_to_text(delimiter.join(cells))
            yield Rejected(place, "bad-encoding", guess, cut(readable))
        elif record.problem:
            yield Rejected(place, "bad-quoting", record.problem, cut(cells[0]))
        elif len(cells) != len(header):
            yield Rejected(place, "column-count", f"{len(cells)} / {len(header)}", cut(delimiter.join(cells)))
        else:
            yield RawRow(place, dict(zip(header, cells, strict=True)))


def _batch_table(
    file: Path, schema: Callable[[], pyarrow.Schema], batches: Callable[[], Iterator[pyarrow.RecordBatch]]
) -> Table:
    """The table of a file of columns, read and turned into rows a batch at a time."""
    with reading(file) as stream:
        if not stream.peek(1):
            raise TunesmithError("data-empty", place=Place(str(file)))
    with _column_errors(file):
        columns = tuple(schema().names)
    name, count = Counter(columns).most_common(1)[0] if columns else ("", 0)
    if count > 1:
        raise TunesmithError("data-header", place=Place(str(file)), problem=f"{count} x `{name}`")

    def rows() -> Rows:
        number = 1
        with _column_errors(file):
            for batch in batches():
                for begin in range(0, batch.num_rows, _NUM_ROWS_OF_BATCH):
                    yield from _batch_rows(batch.slice(begin, _NUM_ROWS_OF_BATCH), str(file), number + begin)
                number += batch.num_rows

    return table_of(str(file), rows, columns=columns, encoding="binary")


def _sound(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """The batch, which points nowhere outside of itself: the library believes a file of this format.

    A text that is not UTF-8 costs only its row, later. Raises ArrowException.
    """
    import pyarrow

    for column in batch.columns:
        try:
            column.validate(full=True)
        except pyarrow.ArrowInvalid as error:
            is_text = pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type)
            if not is_text or "UTF8" not in str(error):
                raise
    return batch


def _batch_rows(batch: pyarrow.RecordBatch, name: str, number: int) -> Rows:
    """The rows of a batch, counted on from `number`; one that Python cannot hold costs only itself."""
    try:
        found = _without_nan(batch).to_pylist()
    except (OverflowError, ValueError) as error:
        if batch.num_rows == 1:
            yield _unheld(error, Place(name, number))
            return
        for place in range(batch.num_rows):
            yield from _batch_rows(batch.slice(place, 1), name, number + place)
        return
    for place, values in enumerate(found):
        yield RawRow(Place(name, number + place), values)


def _without_nan(batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
    """What is not a number is missing: numpy has no other word for it, and `NaN` would be a label or a group."""
    import pyarrow
    import pyarrow.compute as compute  # type: ignore[import-untyped]

    for place, kind in enumerate(batch.schema.types):
        if pyarrow.types.is_float32(kind) or pyarrow.types.is_float64(kind):
            column = batch.column(place)
            batch = batch.set_column(
                place, batch.schema.names[place], compute.if_else(compute.is_nan(column), None, column)
            )
    return batch


def _unheld(error: Exception, place: Place) -> Rejected:
    """Text that is not UTF-8, which the format asks for and nobody checks, or a time beyond Python's."""
    if not isinstance(error, UnicodeDecodeError):
        return Rejected(place, "bad-time", str(error))
    readable, guess = bytes_to_text(error.object)
    return Rejected(place, "bad-encoding", guess or f"byte {error.start}", cut(readable))


@contextmanager
def _opened_arrow(file: Path) -> Iterator[pyarrow.RecordBatchReader | pyarrow.ipc.RecordBatchFileReader]:
    import pyarrow.ipc

    with pyarrow.memory_map(str(file)) as mapped:
        is_file = mapped.read(len(_ARROW_FILE)) == _ARROW_FILE
        mapped.seek(0)
        with pyarrow.ipc.open_file(mapped) if is_file else pyarrow.ipc.open_stream(mapped) as opened:
            yield opened


@contextmanager
def _column_errors(file: Path) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:  # the latter of the names of columns
        raise TunesmithError("data-parquet", place=Place(str(file)), problem=str(error).split("\n")[0]) from error
    except OSError as error:
        raise unreadable(file, error) from error
