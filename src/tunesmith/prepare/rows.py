"""Rows between file and Example, and the refusal that ends one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, Literal

from tunesmith.artifacts.dataset import Encoding
from tunesmith.errors import Place, TunesmithError
from tunesmith.records import Rejected, Split

ID_COLUMN: Final = "id"
PARENT_COLUMN: Final = "parent_id"
"""A row with this column was made from the row that it names, by content id or by the column `id`."""
# What a reject shows of its row.
MAX_SHOWN_CHARACTERS: Final = 2_000
# A row that is larger is refused without being held in memory.
MAX_ROW_BYTES: Final = 2**24
# The columns of a table that has no header are those of its first rows.
NUM_SAMPLED_ROWS: Final = 1_000


class Refused(Exception):
    """This row cannot be used; `reason` names an entry `reject.<reason>` of the catalogue."""

    def __init__(self, reason: str, detail: str = "", *, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
        self.field = field


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as its file holds it: JSON values by column name."""

    place: Place
    values: Mapping[str, Any]

    def __reduce__(self) -> tuple[type[RawRow], tuple[Place, Mapping[str, Any]]]:
        # rows go to other processes by the thousand, and this is quicker than a state
        return RawRow, (self.place, self.values)

    def text(self) -> str:
        return cut(json.dumps(self.values, ensure_ascii=False, default=str))

    def rejected(self, refused: Refused) -> Rejected:
        place = replace(self.place, field=refused.field or self.place.field)
        return Rejected(place, refused.reason, refused.detail, self.text())


Read = Callable[[], Iterator[RawRow | Rejected]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in order, good and bad, read anew whenever they are iterated; how many there are shows at their end."""

    read: Read

    def __iter__(self) -> Iterator[RawRow | Rejected]:
        return self.read()


@dataclass(frozen=True, slots=True)
class Table:
    """One file, or one split of a Hub dataset."""

    name: str
    rows: Iterable[RawRow | Rejected]
    """Can be iterated again and again; never held in memory as a whole."""
    columns: tuple[str, ...]
    """Those of the header, else every column that one of the first 1,000 rows has, in order of first appearance."""
    encoding: Encoding = "utf-8"
    split: Split | None = None
    """The split that the table itself declares (a Hub dataset's); the recipe's word goes before it."""
    format: Literal["prompt_completion"] | None = None
    """The format of a table whose rows were given one (`prepare.structure`)."""


def table_of(
    name: str,
    read: Read,
    *,
    columns: tuple[str, ...] = (),
    encoding: Encoding = "utf-8",
    split: Split | None = None,
) -> Table:
    """The table of the rows that `read` begins to read. Raises TunesmithError `data-no-rows`."""
    sample = tuple(islice(read(), 1 if columns else NUM_SAMPLED_ROWS))
    if not sample:
        raise TunesmithError("data-no-rows", place=Place(name))
    return Table(name, Rows(read), columns or columns_of(sample), encoding, split)


def cut(text: str) -> str:
    """The beginning of a row, fit to be written as UTF-8: lone surrogates are written as their escapes."""
    return text[:MAX_SHOWN_CHARACTERS].encode("utf-8", "backslashreplace").decode("utf-8")


def columns_of(rows: Iterable[RawRow | Rejected]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, RawRow):
            names.update(dict.fromkeys(row.values))
    return tuple(names)
