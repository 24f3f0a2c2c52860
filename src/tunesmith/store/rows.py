"""Rows of the tables and the records they stand for. A column is named like its field."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from sqlalchemy import Connection, RowMapping, select

from tunesmith.errors import TunesmithError
from tunesmith.records import Exchange, Feedback, Message
from tunesmith.store.schema import EXCHANGES, FEEDBACK

_TOLD_CHARACTERS: Final = 64


def insert_exchange(connection: Connection, exchange: Exchange) -> None:
    connection.execute(EXCHANGES.insert(), asdict(exchange))


def insert_feedback(connection: Connection, feedback: Feedback) -> None:
    """Raises TunesmithError `exchange-unknown`."""
    wanted = {feedback.exchange, feedback.preferred} - {None}
    found = connection.scalars(select(EXCHANGES.c.id).where(EXCHANGES.c.id.in_(wanted))).all()
    for missing in wanted - set(found):
        raise TunesmithError("exchange-unknown", id=str(missing)[:_TOLD_CHARACTERS])
    connection.execute(FEEDBACK.insert(), asdict(feedback))


def exchange_of(row: RowMapping) -> Exchange:
    told = {
        "prompt": tuple(Message(**message) for message in row["prompt"]),
        "answer": row["answer"] and Message(**row["answer"]),
        "guarded": tuple(row["guarded"]),
    }
    return Exchange(**{**row, **told})


def feedback_of(row: RowMapping) -> Feedback:
    return Feedback(**row)
