"""What people decided of feedback: that it holds, what is right instead, or that it is to be left aside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, delete, select

from tunesmith.errors import TunesmithError
from tunesmith.records import Exchange
from tunesmith.store.open import reading, writing
from tunesmith.store.rows import exchange_of
from tunesmith.store.schema import EXCHANGES, FEEDBACK, FEEDBACK_STATES
from tunesmith.store.store import Store

State = Literal["accepted", "corrected", "dismissed"]
NUM_AT_ONCE: Final = 500
"""Ids of one statement: databases limit its parameters."""
_TOLD_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decided of a piece of feedback; a later decision takes the place of an earlier one."""

    feedback: str
    state: State
    who: str
    at: datetime
    reason: str | None = None
    text: str | None = None
    """Of `corrected`: the right answer."""


def decide(store: Store, decisions: Sequence[Decision]) -> None:
    """Keep all of them or none. Raises TunesmithError `feedback-unknown`, and what `writing` raises."""
    newest = {decision.feedback: decision for decision in decisions}
    ids = list(newest)
    with writing(store.database) as connection:
        for begin in range(0, len(ids), NUM_AT_ONCE):
            _put(connection, [newest[id] for id in ids[begin : begin + NUM_AT_ONCE]])


def decisions_of(store: Store) -> dict[str, Decision]:
    """The decision on each piece of feedback that has one, by its id."""
    with reading(store.database) as connection:
        rows = connection.execute(select(FEEDBACK_STATES)).mappings().all()
    return {row["feedback"]: Decision(**row) for row in rows}


def exchanges_named(store: Store, ids: Iterable[str]) -> dict[str, Exchange]:
    """Those of these exchanges that the store holds, by id."""
    wanted = sorted(set(ids))
    found: dict[str, Exchange] = {}
    for begin in range(0, len(wanted), NUM_AT_ONCE):
        of_these = select(EXCHANGES).where(EXCHANGES.c.id.in_(wanted[begin : begin + NUM_AT_ONCE]))
        with reading(store.database) as connection:
            rows = connection.execute(of_these).mappings().all()
        found |= {row["id"]: exchange_of(row) for row in rows}
    return found


def latest_exchanges(store: Store, num: int) -> list[Exchange]:
    """At most so many, the newest first."""
    newest = select(EXCHANGES).order_by(EXCHANGES.c.at.desc(), EXCHANGES.c.id.desc()).limit(num)
    with reading(store.database) as connection:
        return [exchange_of(row) for row in connection.execute(newest).mappings()]


def _put(connection: Connection, decisions: Sequence[Decision]) -> None:
    ids = [decision.feedback for decision in decisions]
    known = set(connection.scalars(select(FEEDBACK.c.id).where(FEEDBACK.c.id.in_(ids))))
    missing = next((id for id in ids if id not in known), None)
    if missing is not None:
        raise TunesmithError("feedback-unknown", id=missing[:_TOLD_CHARACTERS])
    connection.execute(delete(FEEDBACK_STATES).where(FEEDBACK_STATES.c.feedback.in_(ids)))
    connection.execute(FEEDBACK_STATES.insert(), [asdict(decision) for decision in decisions])
