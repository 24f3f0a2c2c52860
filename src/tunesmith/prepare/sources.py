"""From a source of the recipe to its tables, to what decides their content, and to its share of the training rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.figures import with_figures
from tunesmith.prepare.files import files_of, hash_readable
from tunesmith.prepare.hub import hash_hub, read_hub
from tunesmith.prepare.read import read_file
from tunesmith.prepare.rows import RawRow, Rows, Table
from tunesmith.prepare.structure import structured
from tunesmith.recipe import Source
from tunesmith.recipe.prepare import Join
from tunesmith.records import Rejected


def tables_of(source: Source) -> Iterator[Table]:
    """The tables of a source in order: one a file, or one a split of a Hub dataset.

    They are joined, have their figures found and their rows given a prompt and an answer where the source says so.
    Raises TunesmithError for what cannot be read (see `files_of`, `read_file`, `read_hub`, `joined`, `with_figures`,
    `structured`).
    """
    second = _Second(source.join) if source.join is not None else None
    for table in read_hub(source) if source.hub is not None else map(read_file, files_of(str(source.path))):
        if second is not None:
            table = second.joined(table)
        if source.figures is not None:
            table = with_figures(table, source.figures)
        yield structured(table, source.structure) if source.structure else table


def inputs_of(source: Source) -> dict[str, str]:
    """The content hash (64 hex digits) of everything that a source is read from, by name."""
    if source.hub is not None:
        inputs = {f"hub:{source.hub}:{source.config}:{source.hub_split}": hash_hub(source)}
    else:
        inputs = {str(file): hash_readable(file) for file in files_of(str(source.path))}
    if source.join is not None:
        inputs |= {str(file): hash_readable(file) for file in files_of(source.join.path)}
    return inputs


class _Second:
    """The second table of a join, in memory by its key. Keys are compared as text, so that 7 and "7" are one.

    Raises TunesmithError `join-column` (it lacks the key or a named column), `join-repeated` (a key stands twice) and
    `join-row` (a row of it cannot be read).
    """

    def __init__(self, join: Join) -> None:
        self._on = join.on
        self._rows: dict[str, Mapping[str, Any]] = {}
        self._columns: dict[str, None] = {}
        for table in map(read_file, files_of(join.path)):
            self._check_columns(table, (join.on, *join.columns))
            names = join.columns or tuple(name for name in table.columns if name != join.on)
            self._columns.update(dict.fromkeys(names))
            for row in table.rows:
                self._add(row, names)

    def joined(self, table: Table) -> Table:
        """The table with the columns of the second; a row whose key stands nowhere stays as it is.

        Raises TunesmithError `join-column` when it lacks the key, `join-twice` when both have a column of one name.
        """
        self._check_columns(table, (self._on,))
        twice = ", ".join(name for name in self._columns if name in table.columns)
        if twice:
            raise TunesmithError("join-twice", place=Place(table.name), columns=twice)
        columns = (*table.columns, *self._columns)
        return Table(table.name, Rows(partial(self._walk, table.rows)), columns, table.encoding, table.split)

    def _walk(self, rows: Iterable[RawRow | Rejected]) -> Iterator[RawRow | Rejected]:
        for row in rows:
            if isinstance(row, RawRow) and (key := self._key(row)):
                row = RawRow(row.place, {**row.values, **self._rows.get(key, {})})
            yield row

    def _add(self, row: RawRow | Rejected, names: Sequence[str]) -> None:
        if isinstance(row, Rejected):
            raise TunesmithError("join-row", place=row.place, reason=row.reason, detail=row.detail)
        key = self._key(row)
        if not key:
            return
        if key in self._rows:
            raise TunesmithError("join-repeated", place=row.place, column=self._on, key=key)
        self._rows[key] = {name: row.values[name] for name in names if name in row.values}

    def _key(self, row: RawRow) -> str:
        """Empty for a row without one, which belongs to none of the other table."""
        key = row.values.get(self._on)
        return "" if key is None else str(key)

    def _check_columns(self, table: Table, needed: Sequence[str]) -> None:
        missing = ", ".join(name for name in needed if name not in table.columns)
        if missing:
            found = ", ".join(table.columns)
            raise TunesmithError("join-column", place=Place(table.name), missing=missing, columns=found)


def rows_by_share(available: Sequence[int], shares: Sequence[float | None]) -> tuple[int, ...]:
    """How many of its available training rows each source gives, so that all stated shares hold at once.

    Sources without a share make up the rest between them, in proportion to what they have. The total N is the largest
    that no source is too small for: N = min(available_i / share_i). The recipe sees to it that the shares make at most
    1, and exactly 1 where every training source has one.
    """
    stated = sum(share for share in shares if share is not None)
    if stated == 0:
        return tuple(available)
    open_rows = sum(rows for rows, share in zip(available, shares, strict=True) if share is None)
    limits = [rows / share for rows, share in zip(available, shares, strict=True) if share is not None]
    total = min([*limits, open_rows / (1 - stated)] if open_rows else limits)
    of_open = (1 - stated) * total / open_rows if open_rows else 0.0
    # rounded down, but not by what binary fractions lose: 0.29 * 100 is 28.999999999999996
    return tuple(
        int((rows * of_open if share is None else share * total) + 1e-6)
        for rows, share in zip(available, shares, strict=True)
    )


def take_share(ids: Sequence[str], num_rows: int, seed: int) -> list[int]:
    """Which rows of a source are taken, as places in `ids` in their order: those with the smallest `share_rank`."""
    ranked = sorted(range(len(ids)), key=lambda place: (share_rank(ids[place], seed), place))
    return sorted(ranked[:num_rows])


def share_rank(id: str, seed: int) -> int:
    """A row's place in the draw, a number below 2^64 that depends on its id and the seed alone."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{id}".encode()).digest()[:8], "big")
