"""What one part of a criterion finds, and its way into the report."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from tunesmith.artifacts.dataset import place_of
from tunesmith.artifacts.quality import Criterion, FaultyRow, Part
from tunesmith.prepare.index import Mask, Rows, Spool
from tunesmith.records import Rejected

# Shapes: N rows of the spool, F faulty rows.
Say = Callable[[int, Mapping[str, Any]], str]
"""From a place in `Found.rows_F` and the written row to what was found and what was wanted."""
NUM_WORST: Final = 10
_SAID_CHARACTERS: Final = 200
_ROWS_AT_ONCE: Final = 4_096


@dataclass(frozen=True, slots=True)
class Found:
    """The faulty rows of one part."""

    judged: int
    rows_F: Rows
    """Worst first."""
    say: Say
    against_F: Rows | None = None
    """The row that each contradicts."""
    num_more: int = 0
    """Faulty rows beside those: rejected ones, or those that a sample stands for."""
    rejects: Sequence[Rejected] = ()
    """The first of the rejected ones."""

    @property
    def faulty(self) -> int:
        return len(self.rows_F) + self.num_more


def criterion(parts: Mapping[str, Found], spool: Spool, others: Mapping[str, Part] = MappingProxyType({})) -> Criterion:
    """One number out of the parts that judged anything; `others` are parts that are not about rows."""
    scored = {name: part_of(found.judged, found.faulty) for name, found in parts.items() if found.judged} | {**others}
    worst = [row for name, found in parts.items() for row in _worst(name, found, spool)]
    score = round(math.prod(part.score for part in scored.values()), 6) if scored else None
    return Criterion(score=score, parts=scored, worst=worst)


def say_nothing(place: int, row: Mapping[str, Any]) -> str:
    """For parts whose faulty rows are all among the rejected ones."""
    return ""


def part_of(judged: int, faulty: int) -> Part:
    """`judged` is at least 1."""
    return Part(score=round(1 - faulty / judged, 6), judged=judged, faulty=faulty)


def mask_of(rows: Rows, num_rows: int) -> Mask:
    """(N,): which rows are among those."""
    mask_N: Mask = np.zeros(num_rows, dtype=bool)
    mask_N[rows] = True
    return mask_N


def all_faulty(name: str, found: Found, spool: Spool) -> Iterator[FaultyRow]:
    """Every faulty row that was kept, in the order in which they were read."""
    order = np.argsort(found.rows_F, kind="stable")
    for begin in range(0, len(order), _ROWS_AT_ONCE):
        yield from _faulty(name, found, spool, order[begin : begin + _ROWS_AT_ONCE].tolist())


def _worst(name: str, found: Found, spool: Spool) -> Iterator[FaultyRow]:
    for reject in found.rejects[:NUM_WORST]:
        yield FaultyRow(part=name, id=None, place=str(reject.place), detail=reject.reason)
    chosen = range(min(len(found.rows_F), NUM_WORST - len(found.rejects[:NUM_WORST])))
    in_order = sorted(chosen, key=lambda place: int(found.rows_F[place]))
    rows = dict(zip(in_order, _faulty(name, found, spool, in_order), strict=True))
    yield from (rows[place] for place in chosen)


def _faulty(name: str, found: Found, spool: Spool, chosen: list[int]) -> Iterator[FaultyRow]:
    """The chosen places of `found.rows_F`, whose rows ascend."""
    against = [] if found.against_F is None else found.against_F[chosen].tolist()
    distinct = sorted(set(against))
    contradicted = spool.written(np.array(distinct, dtype=np.int32))
    places = {row: str(place_of(written)) for row, written in zip(distinct, contradicted, strict=True)}
    for number, (place, row) in enumerate(zip(chosen, spool.written(found.rows_F[chosen]), strict=True)):
        yield FaultyRow(
            part=name,
            id=row["id"],
            place=str(place_of(row)),
            detail=found.say(place, row)[:_SAID_CHARACTERS],
            against=places[against[number]] if against else None,
        )
