"""Served answers that experts are to rate, and what they said of them.

A draw is made once for each period and stays as it was: a sample that could be drawn anew until it pleases would be no
sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from tunesmith.errors import TunesmithError
from tunesmith.store.open import reading, writing
from tunesmith.store.schema import EXCHANGES, REVIEW_RATINGS, REVIEWS
from tunesmith.store.store import Store

RANDOM: Final = "random"
"""Why an answer was drawn: by lot from all of the period."""
UNSURE: Final = "unsure"
_OF_EXCHANGES: Final = REVIEWS.join(EXCHANGES, REVIEWS.c.exchange == EXCHANGES.c.id)
_NUM_AT_ONCE: Final = 200
_TOLD_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Review:
    """A served answer that was drawn for a period."""

    exchange: str
    period: str
    """Such as `2026-03-02`, the day on which it begins."""
    why: str
    """`random`, `unsure`, or `slice:value` of one of `evaluate.slices`."""
    drawn_at: datetime


@dataclass(frozen=True, slots=True)
class ReviewRating:
    """What an expert said of a served answer; a later word on the same takes the place of an earlier one."""

    exchange: str
    rater: str
    dimension: str
    """One of `records.DIMENSIONS`, or `records.CORRECTION`."""
    value: int | None
    """1 (worst) to 5; None where the expert could not tell, and of a correction."""
    text: str | None
    """The comment, or the right answer."""
    at: datetime


def add_reviews(store: Store, drawn: Sequence[Review], model: str | None = None) -> bool:
    """Keep the draw of a period; False, and nothing is kept, where the period has one already.

    A store that several models record in has a draw of each: `model` is whose answers were drawn.

    Of two processes that draw at once the first one's stays.
    """
    periods = {review.period for review in drawn}
    same = select(REVIEWS.c.period).select_from(_OF_EXCHANGES).where(REVIEWS.c.period.in_(periods), *_of(model))
    with writing(store.database) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE reviews IN SHARE ROW EXCLUSIVE MODE")
        if connection.execute(same).first():
            return False
        if drawn:
            connection.execute(REVIEWS.insert(), [asdict(review) for review in drawn])
    return True


def reviews_of(store: Store, period: str | None = None, model: str | None = None) -> list[Review]:
    """What was drawn, of all periods and models or of one, in the order of periods and ids."""
    of_period = [] if period is None else [REVIEWS.c.period == period]
    wanted = select(REVIEWS).select_from(_OF_EXCHANGES).where(*of_period, *_of(model))
    with reading(store.database) as connection:
        rows = connection.execute(wanted.order_by(REVIEWS.c.period, REVIEWS.c.exchange)).mappings()
        return [Review(**row) for row in rows]


def _of(model: str | None) -> list[ColumnElement[bool]]:
    return [] if model is None else [EXCHANGES.c.model == model]


def rate_reviews(store: Store, ratings: Sequence[ReviewRating]) -> None:
    """Keep all of them or none. Raises TunesmithError `review-unknown` for an answer that was never drawn."""
    newest = {(rating.exchange, rating.rater, rating.dimension): rating for rating in ratings}
    given = list(newest.values())
    with writing(store.database) as connection:
        for begin in range(0, len(given), _NUM_AT_ONCE):
            _put(connection, given[begin : begin + _NUM_AT_ONCE])


def review_ratings(store: Store) -> list[ReviewRating]:
    """All that experts said, in the order of its times."""
    table = REVIEW_RATINGS.c
    wanted = select(REVIEW_RATINGS).order_by(table.at, table.exchange, table.rater, table.dimension)
    with reading(store.database) as connection:
        return [ReviewRating(**row) for row in connection.execute(wanted).mappings()]


def _put(connection: Connection, ratings: Sequence[ReviewRating]) -> None:
    ids = [rating.exchange for rating in ratings]
    known = set(connection.scalars(select(REVIEWS.c.exchange).where(REVIEWS.c.exchange.in_(ids))))
    missing = next((id for id in ids if id not in known), None)
    if missing is not None:
        raise TunesmithError("review-unknown", id=missing[:_TOLD_CHARACTERS])
    table = REVIEW_RATINGS.c
    same = [
        and_(table.exchange == one.exchange, table.rater == one.rater, table.dimension == one.dimension)
        for one in ratings
    ]
    connection.execute(delete(REVIEW_RATINGS).where(or_(*same)))
    connection.execute(REVIEW_RATINGS.insert(), [asdict(rating) for rating in ratings])
