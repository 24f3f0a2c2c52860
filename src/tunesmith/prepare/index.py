"""The rows between reading and writing: their text in a spool on disk, and beside it one small number per question.

What decides about rows (duplicates, clusters, splits) asks for a column at a time, so that memory holds a few bytes a
row however long the rows are.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from tunesmith.artifacts.dataset import example_from_json
from tunesmith.records import Declared, Example
from tunesmith.text.shingles import begins_run

# Shapes: N rows, P pairs, S a selection of rows.
Keys = NDArray[np.uint64]
Rows = NDArray[np.int32]
Mask = NDArray[np.bool_]
Column = NDArray[Any]

NO_KEY: Final = 0
"""The key of what a row does not have; `key_of` never gives it."""
FREE: Final = 0
DECLARED: Final[dict[Declared | None, int]] = {None: FREE, "train": 1, "validation": 2, "test": 3, "rehearsal": 5}
"""Codes of the column `declared`."""
TRAINING: Final = tuple(DECLARED[declared] for declared in (None, "train", "rehearsal"))
"""Codes of rows that are trained on unless they are drawn."""
BENCHMARK: Final = 4
"""Code of a row of a named benchmark: compared with, never published."""
DTYPES: Final[dict[str, str]] = {
    "offset": "<u8",
    "source": "<u4",
    "declared": "u1",
    "id": "<u8",
    "prompt": "<u8",
    "whole": "<u8",
    "answer": "<u8",
    "group": "<u8",
    "own_name": "<u8",
    "parent": "<u8",
    "label": "<i4",
    "language": "u1",
    "format": "u1",
    "time": "<f8",
    "day": "<i4",
    "prompt_characters": "<u4",
    "reasoning_characters": "<i4",
    "answer_characters": "<u4",
}
OPENINGS: Final = {"row": "<i4", "key": "<u8"}
"""Columns of what stands before an earlier answer of a row (`duplicates.opening_keys`)."""
_READ_BYTES: Final = 1 << 20
_CONTENT_ID: Final = re.compile("[0-9a-f]{16}")


def key_of(text: str) -> int:
    """64 bits of SHA-256, never 0. Two of a million different texts agree with a chance of 3 in 10**8."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "little") or 1


def name_key(name: str) -> int:
    """The key of what a row is called: of a content id the id itself, of any other name its hash."""
    return int(name, 16) if _CONTENT_ID.fullmatch(name) else key_of(name)


class Columns:
    """Arrays of equal length on disk, written by appending, read one at a time."""

    def __init__(self, folder: Path, dtypes: Mapping[str, str]) -> None:
        folder.mkdir(parents=True)
        # text: a column is opened hundreds of times, and paths are slow to put together
        self._files = {name: str(folder / name) for name in dtypes}
        self._dtypes = dtypes
        self.num_rows = 0

    def append(self, **values: Sequence[Any] | Column) -> None:
        """Add rows: as many values to every column."""
        (num_rows,) = {len(column) for column in values.values()}
        if num_rows:
            for name, dtype in self._dtypes.items():
                with open(self._files[name], "ab") as stream:
                    stream.write(np.ascontiguousarray(values[name], dtype=dtype).data)
        self.num_rows += num_rows

    def __getitem__(self, name: str) -> Column:
        """A whole column, read anew."""
        return np.fromfile(self._files[name], self._dtypes[name]) if self.num_rows else np.empty(0, self._dtypes[name])

    def replace(self, name: str, values: Column) -> None:
        """Write a whole column anew."""
        np.ascontiguousarray(values, dtype=self._dtypes[name]).tofile(self._files[name])


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring bytes of a file of lines, and the rows wanted of them (counted within the span; None: all)."""

    file: str
    begin: int
    end: int
    rows: tuple[int, ...] | None = None


def lines_of(span: Span) -> Iterator[bytes]:
    """The wanted lines of a span that begins and ends between lines."""
    with open(span.file, "rb") as stream:
        stream.seek(span.begin)
        lines = stream.read(span.end - span.begin).split(b"\n")
    yield from lines[:-1] if span.rows is None else (lines[row] for row in span.rows)


def examples_of(span: Span) -> Iterator[Example]:
    return (example_from_json(json.loads(line)) for line in lines_of(span))


def question_of(line: bytes) -> str:
    """What user and assistant say before the last answer of a written row; a system message is no part of it."""
    return question_in(from_json(line))


def question_in(row: Mapping[str, Any]) -> str:
    """`question_of` a row that is parsed."""
    return "\n".join(message["content"] for message in row["messages"][:-1] if message["role"] != "system")


def text_of(line: bytes) -> str:
    """All that a written row says, its thinking included."""
    texts = [
        message.get(part, "") for message in from_json(line)["messages"] for part in ("reasoning_content", "content")
    ]
    return "\n".join(texts)


def spans_of(file: Path, num_bytes: int = _READ_BYTES) -> Iterator[Span]:
    """A file of lines in spans of about so many bytes."""
    begin, size = 0, file.stat().st_size
    with file.open("rb") as stream:
        while begin < size:
            stream.seek(min(begin + num_bytes, size) - 1)
            stream.readline()
            end = stream.tell()
            yield Span(str(file), begin, end)
            begin = end


class Spool:
    """Rows as the lines that will be published, in one file, with their columns."""

    def __init__(self, folder: Path) -> None:
        self.columns = Columns(folder / "columns", DTYPES)
        self.file = folder / "rows.jsonl"
        self._stream = self.file.open("wb")
        self._num_bytes = 0

    def __len__(self) -> int:
        return self.columns.num_rows

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def append(self, lines: Sequence[bytes], columns: Mapping[str, Sequence[Any] | Column]) -> None:
        """Add rows: their lines with the ends, and every column but `offset`."""
        if not lines:
            return
        lengths = np.fromiter(map(len, lines), dtype=np.uint64, count=len(lines))
        ends = self._num_bytes + np.cumsum(lengths)
        self.columns.append(offset=ends - lengths, **columns)
        self._stream.writelines(lines)
        self._num_bytes = int(ends[-1])

    def replace(self, rows_S: Rows, lines: Iterable[bytes], columns: Mapping[str, Sequence[Any]]) -> None:
        """Put other lines, with their ends, and other values of some columns in the place of the chosen rows."""
        if not len(rows_S):
            return
        self.flush()
        is_new_N: Mask = np.zeros(len(self), dtype=bool)
        is_new_N[rows_S] = True
        lengths_N = np.diff(self.bounds())
        fresh, waiting = iter(lines), self.file.with_name("waiting.jsonl")
        with waiting.open("wb") as stream:
            for part, span in self.spans(np.arange(len(self), dtype=np.int32)):
                for row, line in zip(part.tolist(), lines_of(span), strict=True):
                    written = next(fresh) if is_new_N[row] else line + b"\n"
                    lengths_N[row] = len(written)
                    stream.write(written)
        self._stream.close()
        waiting.replace(self.file)
        self._stream = self.file.open("ab")
        self._num_bytes = int(lengths_N.sum())
        self.columns.replace("offset", np.cumsum(lengths_N) - lengths_N)
        for name, values in columns.items():
            column = self[name]
            column[rows_S] = np.array(values, dtype=DTYPES[name])
            self.columns.replace(name, column)

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self._stream.close()

    def bounds(self) -> Column:
        """(N + 1,): where each row begins, and where the last one ends."""
        return np.append(self["offset"], np.uint64(self._num_bytes))

    def spans(self, rows_S: Rows, num_bytes: int = _READ_BYTES) -> Iterator[tuple[Rows, Span]]:
        """The chosen rows, ascending, in spans of about so many bytes; with each span, the rows it holds."""
        bounds = self.bounds()
        begin = 0
        while begin < len(rows_S):
            first = rows_S[begin]
            limit = np.searchsorted(bounds, bounds[first] + np.uint64(num_bytes))
            end = max(begin + 1, int(np.searchsorted(rows_S, limit - 1)))
            part = rows_S[begin:end]
            span = Span(str(self.file), int(bounds[first]), int(bounds[part[-1] + 1]), tuple((part - first).tolist()))
            yield part, span
            begin = end

    def written(self, rows_S: Rows) -> Iterator[dict[str, Any]]:
        """The chosen rows, ascending, as JSON values."""
        for _, span in self.spans(rows_S):
            yield from map(from_json, lines_of(span))

    def copy(self, rows_S: Rows, out: Path) -> None:
        """Write the lines of the chosen rows, ascending, to a file."""
        with out.open("wb") as stream:
            for _, span in self.spans(rows_S):
                stream.writelines(line + b"\n" for line in lines_of(span))


def read_lines(file: str, places: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """The bytes from each begin to its end."""
    descriptor = os.open(file, os.O_RDONLY)
    try:
        for begin, end in places:
            yield os.pread(descriptor, end - begin, begin)
    finally:
        os.close(descriptor)


def first_of_equal(keys_N: Keys) -> Rows:
    """(N,): for each row the first row with its key; a row without one (`NO_KEY`) stands for itself."""
    order = np.argsort(keys_N, kind="stable")
    is_first = begins_run(keys_N[order])
    firsts = order[is_first].astype(np.int32)
    first_N = np.empty(len(keys_N), dtype=np.int32)
    first_N[order] = firsts[np.cumsum(is_first) - 1]
    alone = np.flatnonzero(keys_N == NO_KEY)
    first_N[alone] = alone
    return first_N


def found_in(keys_N: Keys, rows_S: Rows) -> Rows:
    """(N,): for each row the first of the chosen rows that has its key, or -1."""
    rows_S = rows_S[keys_N[rows_S] != NO_KEY]
    return look_up(keys_N, keys_N[rows_S], rows_S)


def look_up(wanted_N: Keys, keys_S: Keys, values_S: Rows) -> Rows:
    """(N,): the value of the first equal key, or -1."""
    if not len(keys_S):
        return np.full(len(wanted_N), -1, dtype=np.int32)
    order = np.argsort(keys_S, kind="stable")
    ordered = keys_S[order]
    places = np.minimum(np.searchsorted(ordered, wanted_N), len(ordered) - 1)
    return np.where(ordered[places] == wanted_N, values_S[order[places]], -1).astype(np.int32)


class Forest:
    """Which rows belong together: union-find over all of them, 4 bytes each; the smallest row stands for its set."""

    def __init__(self, num_rows: int) -> None:
        self._parent_N = np.arange(num_rows, dtype=np.int32)

    def roots(self) -> Rows:
        """(N,): the row that stands for each row's set."""
        while True:
            above = self._parent_N[self._parent_N]
            if np.array_equal(above, self._parent_N):
                return above
            self._parent_N = above

    def join(self, one_P: Rows, other_P: Rows) -> None:
        """Put the two rows of each pair into one set."""
        while True:
            roots = self.roots()
            one_root, other_root = roots[one_P], roots[other_P]
            apart = one_root != other_root
            if not apart.any():
                return
            one_root, other_root = one_root[apart], other_root[apart]
            np.minimum.at(self._parent_N, np.maximum(one_root, other_root), np.minimum(one_root, other_root))

    def join_equal(self, keys_N: Keys, rows_S: Rows) -> None:
        """Put chosen rows with equal keys into one set."""
        first_S = first_of_equal(keys_N[rows_S])
        self.join(rows_S, rows_S[first_S])


def training_rows(spool: Spool, kept_N: Mask) -> Rows:
    """The kept rows that are in no declared held-out split."""
    return np.flatnonzero(kept_N & np.isin(spool["declared"], TRAINING)).astype(np.int32)
