"""What experts look at: served answers of one period, drawn by lot, for doubt and by slice, and what the lot tells.

Only those drawn at random stand for all of them. The others are chosen because they are likely to be bad, so they are
learned from and never counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Final

from tunesmith.recipe.feedback import Review as ReviewSection
from tunesmith.recipe.span import begin_of, length_of
from tunesmith.records import DIMENSIONS, Exchange
from tunesmith.stats.intervals import Interval, bootstrap_bca, wilson
from tunesmith.store import Review, ReviewRating
from tunesmith.store.reviews import RANDOM, UNSURE

WEEK: Final = "7d"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, [begin, end)."""

    begin: datetime
    end: datetime

    @property
    def name(self) -> str:
        """The day on which it begins, with the hour where it is not midnight."""
        return f"{self.begin:%Y-%m-%d}" if self.begin.hour == 0 else f"{self.begin:%Y-%m-%dT%H}"


def last_period(window: str | int, now: datetime) -> Period:
    """The newest one that is over: `7d`, `12h`. A window by number of exchanges has no time, and a week is taken."""
    length = length_of(window if isinstance(window, str) else WEEK)
    end = begin_of(now, length)
    return Period(end - length, end)


Slice = Callable[[Exchange], str]
"""The value that an exchange has in one of `evaluate.slices`; empty where it has none."""


def draw(
    exchanges: Iterable[Exchange],
    section: ReviewSection,
    slices: Mapping[str, Slice],
    *,
    period: Period,
    seed: int,
    now: datetime,
) -> list[Review]:
    """Which answers of a period experts are to rate; each at most once, and the lot is drawn from all of them first."""
    confidence: dict[str, float] = {}
    by_value: dict[str, list[str]] = {}
    ids = []
    for exchange in exchanges:
        if exchange.answer is None or not exchange.prompt or exchange.finish_reason == "cancelled":
            continue
        ids.append(exchange.id)
        if exchange.confidence is not None:
            confidence[exchange.id] = exchange.confidence
        for name, value_of in slices.items():
            if value := value_of(exchange):
                by_value.setdefault(f"{name}:{value}", []).append(exchange.id)
    lot = Random(f"{seed} {period.name}")
    why = dict.fromkeys(lot.sample(sorted(ids), min(section.num_random, len(ids))), RANDOM)
    doubtful = sorted((id for id in confidence if id not in why), key=lambda id: (confidence[id], id))
    why |= dict.fromkeys(doubtful[: section.num_unsure], UNSURE)
    for value, of_value in sorted(by_value.items()):
        rest = sorted(id for id in of_value if id not in why)
        why |= dict.fromkeys(lot.sample(rest, min(section.num_per_slice, len(rest))), value)
    return [Review(id, period.name, reason, now) for id, reason in why.items()]


@dataclass(frozen=True, slots=True)
class Grade:
    """What the answers drawn at random are worth in one dimension."""

    dimension: str
    num_rated: int
    """Answers that anybody graded; several graders count as their mean."""
    mean: float
    mean_interval: Interval
    """BCa bootstrap over answers."""
    num_good: int
    """Whose mean grade is `min_rating` or better."""
    good_interval: Interval
    """Of their share: Wilson."""

    @property
    def share_good(self) -> float:
        return self.num_good / self.num_rated


@dataclass(frozen=True, slots=True)
class Quality:
    """The picture that one period's lot gives of everything that was served in it."""

    period: str
    num_random: int
    num_drawn: int
    """With those drawn for doubt and by slice."""
    num_not_told: int
    """Grades of random answers that an expert could not give."""
    grades: tuple[Grade, ...]


def quality(reviews: Sequence[Review], ratings: Iterable[ReviewRating], min_rating: int, seed: int) -> Quality:
    """Of one period. Answers that nobody rated are left out: the interval holds if they were left by accident."""
    lot = {review.exchange for review in reviews if review.why == RANDOM}
    of_lot = [rating for rating in ratings if rating.exchange in lot and rating.dimension in DIMENSIONS]
    grades = []
    for dimension in DIMENSIONS:
        given: dict[str, list[int]] = {}
        for rating in of_lot:
            if rating.dimension == dimension and rating.value is not None:
                given.setdefault(rating.exchange, []).append(rating.value)
        if given:
            grades.append(_grade(dimension, [sum(each) / len(each) for each in given.values()], min_rating, seed))
    not_told = sum(rating.value is None for rating in of_lot)
    return Quality(reviews[0].period if reviews else "", len(lot), len(reviews), not_told, tuple(grades))


def _grade(dimension: str, means: Sequence[float], min_rating: int, seed: int) -> Grade:
    num_good = sum(mean >= min_rating for mean in means)
    return Grade(
        dimension=dimension,
        num_rated=len(means),
        mean=sum(means) / len(means),
        mean_interval=bootstrap_bca(means, seed=seed),
        num_good=num_good,
        good_interval=wilson(num_good, len(means)),
    )
