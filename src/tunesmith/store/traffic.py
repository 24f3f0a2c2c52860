"""What a version answered, and what was said of it, in stretches of time: counted by the database, read when asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select

from tunesmith.records import Exchange, Feedback
from tunesmith.store.feedback_states import Decision, exchanges_named
from tunesmith.store.open import reading
from tunesmith.store.reviews import ReviewRating
from tunesmith.store.rows import feedback_of
from tunesmith.store.schema import EXCHANGES, FEEDBACK, FEEDBACK_STATES, REVIEW_RATINGS
from tunesmith.store.store import Store, between

_OF_FEEDBACK: Final = FEEDBACK.join(EXCHANGES, FEEDBACK.c.exchange == EXCHANGES.c.id)
_OF_DECISIONS: Final = _OF_FEEDBACK.join(FEEDBACK_STATES, FEEDBACK_STATES.c.feedback == FEEDBACK.c.id)
_OF_RATINGS: Final = REVIEW_RATINGS.join(EXCHANGES, REVIEW_RATINGS.c.exchange == EXCHANGES.c.id)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many exchanges lie in a stretch."""

    num: int
    mark: str
    """Another one where exchanges were added or removed; what is kept of one never changes."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """All that was said of the exchanges of a stretch, in the order of its times, and those that it is of."""

    exchanges: list[Exchange]
    feedback: list[Feedback]
    decisions: dict[str, Decision]
    """By the id of the feedback."""
    ratings: list[ReviewRating]


@dataclass(frozen=True)
class Traffic:
    """The exchanges that a version answered. Times are bounds of stretches, [since, until); None leaves an end open."""

    store: Store
    version: str | None = None
    """Key of its bundle; None for every version."""
    since: datetime | None = None
    """What was asked earlier is left out of every stretch."""

    def time_of(self, place: int, since: datetime | None = None) -> datetime | None:
        """When the exchange at this place came, counted from 0 in the order of times; None where there are fewer."""
        in_order = select(EXCHANGES.c.at).where(*self._within(since, None)).order_by(EXCHANGES.c.at)
        with reading(self.store.database) as connection:
            return connection.scalars(in_order.offset(place).limit(1)).one_or_none()

    def tally(self, since: datetime | None, until: datetime | None) -> Tally:
        ends = func.count(), func.min(EXCHANGES.c.id), func.max(EXCHANGES.c.id)
        with reading(self.store.database) as connection:
            num, first, last = connection.execute(select(*ends).where(*self._within(since, until))).one()
        return Tally(num, f"{num} {first} {last}")

    def exchanges(self, since: datetime | None, until: datetime | None) -> Iterator[Exchange]:
        """In the order of their times, read a page at a time."""
        return self.store.exchanges(since=self._from(since), until=until, version=self.version)

    def heard(self, since: datetime | None, until: datetime | None) -> str | None:
        """Another word wherever something was said, rated or decided of these exchanges; None where nothing was."""
        newest = (
            select(func.count(), func.max(FEEDBACK.c.at)).select_from(_OF_FEEDBACK),
            select(func.count(), func.max(FEEDBACK_STATES.c.at)).select_from(_OF_DECISIONS),
            select(func.count(), func.max(REVIEW_RATINGS.c.at)).select_from(_OF_RATINGS),
        )
        with reading(self.store.database) as connection:
            found = [connection.execute(each.where(*self._within(since, until))).one() for each in newest]
        return " ".join(f"{num} {at}" for num, at in found) if any(num for num, _ in found) else None

    def spoken(self, since: datetime | None, until: datetime | None) -> Spoken:
        within, rated = self._within(since, until), REVIEW_RATINGS.c
        said = select(FEEDBACK).select_from(_OF_FEEDBACK).order_by(FEEDBACK.c.at, FEEDBACK.c.id)
        decided = select(FEEDBACK_STATES).select_from(_OF_DECISIONS)
        of_experts = (
            select(REVIEW_RATINGS)
            .select_from(_OF_RATINGS)
            .order_by(rated.at, rated.exchange, rated.rater, rated.dimension)
        )
        with reading(self.store.database) as connection:
            feedback = [feedback_of(row) for row in connection.execute(said.where(*within)).mappings()]
            decisions = [Decision(**row) for row in connection.execute(decided.where(*within)).mappings()]
            ratings = [ReviewRating(**row) for row in connection.execute(of_experts.where(*within)).mappings()]
        wanted = {*(each.exchange for each in feedback), *(each.exchange for each in ratings)}
        named = exchanges_named(self.store, wanted)
        exchanges = sorted(named.values(), key=lambda exchange: (exchange.at, exchange.id))
        return Spoken(exchanges, feedback, {each.feedback: each for each in decisions}, ratings)

    def _within(self, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
        of_version = [] if self.version is None else [EXCHANGES.c.version == self.version]
        return [*of_version, *between(EXCHANGES, self._from(since), until)]

    def _from(self, since: datetime | None) -> datetime | None:
        return max((at for at in (self.since, since) if at is not None), default=None)
