"""What was removed for good, and the removal itself: a person's exchanges, and what others wrote of that person.

A tombstone is put up before anything is removed, and says nothing of the content: the id of an exchange is random, that
of a row, which is a hash of its text, is hidden behind the key of the pseudonyms.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, Table, delete, or_, select

from tunesmith.store.open import reading, shred, writing
from tunesmith.store.schema import (
    CYCLES,
    EXCHANGES,
    FEEDBACK,
    FEEDBACK_STATES,
    REVIEW_RATINGS,
    TOMBSTONES,
)
from tunesmith.store.store import PAGE_ROWS, Store
from tunesmith.text.needles import Needles

Kind = Literal["exchange", "feedback", "row", "artifact", "taught", "blanked"]
"""`taught` is an artifact of rows that a model may have learned the person's from; it has a tombstone of both kinds.
`blanked` is a file of raw rows: the hash of what datasets were read from, and that of what was left of it."""
REASON: Final = "forgotten"
_CHUNK: Final = 500
"""Ids in one statement: SQLite takes so many parameters in any version."""


@dataclass(frozen=True, slots=True)
class Held:
    """What of the store holds a person."""

    exchanges: tuple[str, ...]
    """The person's own, and those whose texts tell of the person."""
    feedback: tuple[str, ...]
    """On those exchanges, and other feedback whose text tells of the person."""
    ratings: tuple[tuple[str, str, str], ...]
    """(exchange, rater, dimension) of reviews of other exchanges whose words tell of the person."""
    rounds: tuple[str, ...]
    """Rounds of improvement whose findings quote the person."""

    @property
    def is_empty(self) -> bool:
        return not (self.exchanges or self.feedback or self.ratings or self.rounds)


@dataclass(frozen=True, slots=True)
class Tombstone:
    kind: Kind
    id: str
    at: datetime
    reason: str


def held(store: Store, subject: str | None, needles: Needles) -> Held:
    """What holds a person: by the `user` of requests, as it is or as a pseudonym, and by words in any text."""
    store.flush()
    subjects = set() if subject is None else {subject, store.pseudonymiser.subject(subject)}
    exchanges = [
        row["id"]
        for row in _pages(store, EXCHANGES, ("id",))
        if row["subject"] in subjects or _tells(needles, row["subject"], row["prompt"], row["answer"], row["label"])
    ]
    own = set(exchanges)
    decided = {row["feedback"]: row for row in _pages(store, FEEDBACK_STATES, ("feedback",))}
    feedback = [
        row["id"]
        for row in _pages(store, FEEDBACK, ("id",))
        if own & {row["exchange"], row["preferred"]}
        or _tells(needles, row["text"], *_words_of(decided.get(row["id"], {})))
    ]
    ratings = [
        (row["exchange"], row["rater"], row["dimension"])
        for row in _pages(store, REVIEW_RATINGS, ("exchange", "rater", "dimension"))
        if row["exchange"] not in own and _tells(needles, row["text"])
    ]
    rounds = [row["id"] for row in _pages(store, CYCLES, ("id",)) if _tells(needles, row["trigger"], row["findings"])]
    return Held(tuple(exchanges), tuple(feedback), tuple(ratings), tuple(rounds))


def _words_of(decision: Mapping[str, Any]) -> tuple[object, object]:
    return decision.get("text"), decision.get("reason")


def _tells(needles: Needles, *values: object) -> bool:
    return any(
        needles.found_in(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        for value in values
        if value is not None
    )


def _pages(store: Store, table: Table, key: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """All rows of a table, a page at a time, so that no transaction stays open while they are looked at."""
    columns = [table.c[name] for name in key]
    offset = 0
    while True:
        page = select(table).order_by(*columns).limit(PAGE_ROWS).offset(offset)
        with reading(store.database) as connection:
            rows = connection.execute(page).mappings().all()
        yield from ({str(name): value for name, value in row.items()} for row in rows)
        if len(rows) < PAGE_ROWS:
            return
        offset += PAGE_ROWS


def bury(store: Store, kind: Kind, ids: Iterable[str]) -> None:
    """Put up a tombstone for each; one that stands stays as it is. The id of a row is hidden first."""
    hidden = [store.pseudonymiser.row(id) for id in ids] if kind == "row" else list(ids)
    at = store.clock()
    with writing(store.database) as connection:
        known = set(connection.scalars(select(TOMBSTONES.c.id).where(TOMBSTONES.c.kind == kind)))
        new = [{"kind": kind, "id": id, "at": at, "reason": REASON} for id in dict.fromkeys(hidden) if id not in known]
        if new:
            connection.execute(TOMBSTONES.insert(), new)


def tombstone(store: Store, kind: Kind, id: str) -> Tombstone | None:
    """The one of an id; None where it was not removed for good."""
    shown = store.pseudonymiser.row(id) if kind == "row" else id
    wanted = select(TOMBSTONES).where(TOMBSTONES.c.kind == kind, TOMBSTONES.c.id == shown)
    with reading(store.database) as connection:
        row = connection.execute(wanted).mappings().one_or_none()
    return None if row is None else Tombstone(**row)


def tombstones(store: Store, kind: Kind | None = None) -> list[Tombstone]:
    """All of them, or those of one kind, the oldest first."""
    every = select(TOMBSTONES).order_by(TOMBSTONES.c.at, TOMBSTONES.c.kind, TOMBSTONES.c.id)
    wanted = every if kind is None else every.where(TOMBSTONES.c.kind == kind)
    with reading(store.database) as connection:
        return [Tombstone(**row) for row in connection.execute(wanted).mappings()]


def remove(store: Store, found: Held) -> None:
    """Remove it in one transaction, behind tombstones, and leave none of its bytes in the files.

    What is said of an exchange goes with it. Raises RunFailed `store-busy` where another process reads for too long:
    the rows are gone then, their bytes perhaps not.
    """
    bury(store, "exchange", found.exchanges)
    bury(store, "feedback", found.feedback)
    with writing(store.database) as connection:
        for ids in _chunks(found.feedback):
            connection.execute(delete(FEEDBACK).where(FEEDBACK.c.id.in_(ids)))
        for ids in _chunks(found.exchanges):
            said = or_(FEEDBACK.c.exchange.in_(ids), FEEDBACK.c.preferred.in_(ids))
            connection.execute(delete(FEEDBACK).where(said))
            connection.execute(delete(EXCHANGES).where(EXCHANGES.c.id.in_(ids)))
        _remove_words(connection, found)
    shred(store.database, is_thorough=True)


def _remove_words(connection: Connection, found: Held) -> None:
    for exchange, rater, dimension in found.ratings:
        rating = REVIEW_RATINGS.c
        connection.execute(
            delete(REVIEW_RATINGS).where(
                rating.exchange == exchange, rating.rater == rater, rating.dimension == dimension
            )
        )
    for id in found.rounds:
        of_id = CYCLES.c.id == id
        connection.execute(CYCLES.update().where(of_id).values(trigger={"by": REASON}, findings=[]))


def _chunks(ids: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
