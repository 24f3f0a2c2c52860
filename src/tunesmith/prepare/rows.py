"""Rows between file and Example, and the refusal that ends one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tunesmith.artifacts.dataset import Encoding
from tunesmith.errors import Place
from tunesmith.records import Rejected, Split

MAX_ROW_CHARACTERS: Final = 2_000


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

    def text(self) -> str:
        return cut(json.dumps(self.values, ensure_ascii=False, default=str))

    def rejected(self, refused: Refused) -> Rejected:
        place = Place(self.place.file, self.place.line, field=refused.field)
        return Rejected(place, refused.reason, refused.detail, self.text())


@dataclass(frozen=True, slots=True)
class Table:
    """One file, or one split of a Hub dataset, as read: its rows in order, good and bad."""

    name: str
    rows: tuple[RawRow | Rejected, ...]
    columns: tuple[str, ...]
    """Every column that some row has, in order of first appearance."""
    encoding: Encoding = "utf-8"
    split: Split | None = None
    """The split that the table itself declares (a Hub dataset's); the recipe's word goes before it."""


def cut(text: str) -> str:
    """The beginning of a row, fit to be written as UTF-8: lone surrogates are written as their escapes."""
    return text[:MAX_ROW_CHARACTERS].encode("utf-8", "backslashreplace").decode("utf-8")


def columns_of(rows: Iterable[RawRow | Rejected]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, RawRow):
            names.update(dict.fromkeys(row.values))
    return tuple(names)
