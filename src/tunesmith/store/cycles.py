"""Rounds of improvement: what became of each candidate, and why. A round is begun once, and its state only advances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, RowMapping, select

from tunesmith.errors import TunesmithError
from tunesmith.store.open import reading, writing
from tunesmith.store.schema import CYCLES
from tunesmith.store.store import Store

RoundState = Literal[
    "began",
    "prepared",
    "trained",
    "judged",
    "exported",
    "registered",
    "promoted",
    "refused",
    "inconclusive",
]
STATES: Final[tuple[RoundState, ...]] = (
    "began",
    "prepared",
    "trained",
    "judged",
    "exported",
    "registered",
    "promoted",
)
"""In the order in which a round that ends well comes to them."""
ENDS: Final[frozenset[RoundState]] = frozenset({"promoted", "refused", "inconclusive"})


@dataclass(frozen=True, slots=True)
class Round:
    """One candidate: what called for it, what it was judged against, and what became of it."""

    id: str
    """A hash of what it is made of."""
    name: str
    """Of the recipe."""
    state: RoundState
    trigger: Mapping[str, str]
    """What called for it first, such as `{"by": "feedback_rows", "rows": "212"}`."""
    champion: str
    """The version that it is judged against, `name@3`."""
    candidate: str | None
    """Its own version; None before it is registered, and where it is not."""
    passage: str | None
    """The gate's word: `promote`, `reject` or `inconclusive`; None before it is judged."""
    findings: tuple[Mapping[str, Any], ...]
    """The gate's reasons: `code`, `suite` and what there is of `mean`, `low`, `high`, `items`."""
    began_at: datetime
    changed_at: datetime
    products: Mapping[str, str] = field(default_factory=dict)
    """Keys of what was made: `feedback_set`, `fresh`, `dataset`, `model`, `scorecard`, `bundle`."""

    @property
    def has_ended(self) -> bool:
        return self.state in ENDS


def begin_round(store: Store, round: Round) -> Round:
    """The round as it stands in the store: new there, or begun before by whatever called for it first."""
    with _changing(store) as connection:
        found = _found(connection, round.id)
        if found is None:
            connection.execute(CYCLES.insert(), _row(round))
    return found or round


def advance_round(
    store: Store, id: str, state: RoundState, products: Mapping[str, str] | None = None, **changes: Any
) -> Round:
    """The round in a later state, with what else is known by then; one that has come so far already is left alone.

    Raises TunesmithError `round-unknown`.
    """
    with _changing(store) as connection:
        round = _found(connection, id)
        if round is None:
            raise TunesmithError("round-unknown", id=id)
        if round.has_ended or _rank(state) <= _rank(round.state):
            return round
        changes |= {"products": {**round.products, **(products or {})}}
        after = replace(round, state=state, changed_at=store.clock(), **changes)
        connection.execute(CYCLES.update().where(CYCLES.c.id == id).values(_row(after)))
    return after


def rounds(store: Store, name: str | None = None) -> list[Round]:
    """All rounds, or those of one recipe, in the order in which they began."""
    wanted = select(CYCLES).order_by(CYCLES.c.began_at, CYCLES.c.id)
    with reading(store.database) as connection:
        rows = connection.execute(wanted if name is None else wanted.where(CYCLES.c.name == name)).mappings().all()
    return [_round_of(row) for row in rows]


@contextmanager
def _changing(store: Store) -> Iterator[Connection]:
    """One at a time: what two processes begin at once is one round."""
    with writing(store.database) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE cycles IN SHARE ROW EXCLUSIVE MODE")
        yield connection


def _rank(state: RoundState) -> int:
    """An end that is no promotion comes after what a round was judged by."""
    return STATES.index(state) if state in STATES else len(STATES)


def _found(connection: Connection, id: str) -> Round | None:
    wanted = select(CYCLES).where(CYCLES.c.id == id)
    row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else _round_of(row)


def _row(round: Round) -> dict[str, Any]:
    return {**asdict(round), "findings": list(round.findings)}


def _round_of(row: RowMapping) -> Round:
    return Round(**{**row, "findings": tuple(row["findings"])})
