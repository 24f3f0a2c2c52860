"""Feedback and reviews of a recipe's model: what joins the store, the base's rows and those who look at answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tunesmith.artifacts import Dataset, is_whole, write_whole
from tunesmith.artifacts.feedback_set import FeedbackSet
from tunesmith.artifacts.ratings import ratings_file
from tunesmith.errors import TunesmithError
from tunesmith.evaluate.rating import RatingPlan, RatingTask
from tunesmith.feedback.inbox import right_answer
from tunesmith.feedback.review import Quality, Slice, draw, last_period, quality
from tunesmith.feedback.run import identity, make_feedback_set
from tunesmith.feedback.said import of_model, read_said
from tunesmith.lifecycle import Job, prepare
from tunesmith.metrics.wording import Language
from tunesmith.records import CORRECTION, Exchange, Rating, Sample, Sampling
from tunesmith.report.pack import rating_page, read_pack
from tunesmith.store import (
    Review,
    ReviewRating,
    Store,
    add_reviews,
    exchanges_named,
    rate_reviews,
    review_ratings,
    reviews_of,
)
from tunesmith.text.language import language_of

SLICES: Final[Mapping[str, Slice]] = {
    "language": lambda exchange: language_of(exchange.prompt[-1].content),
    "label": lambda exchange: exchange.label or "",
}
"""Those of `evaluate.slices` that an answer in service has."""


def feedback_set(job: Job, store: Store, dataset: Dataset | None = None) -> FeedbackSet:
    """What was said of the recipe's model up to now as rows, made once for the same words and decisions.

    `dataset` is the champion's; without one, that of the recipe. Raises RunFailed `store-unavailable`.
    """
    base = prepare(job) if dataset is None else dataset
    everything, section, seed = read_said(store), job.recipe.feedback, job.recipe.seed
    said = of_model(everything, job.recipe.name)
    if num_others := len(everything.pieces) - len(said.pieces):
        job.progress.say("say.feedback.other-models", count=num_others, model=job.recipe.name)
    out = job.artifact(identity(said, base, section, seed))
    return FeedbackSet.open(out) if is_whole(out) else make_feedback_set(said, base, section, seed=seed, out=out)


@dataclass(frozen=True)
class Queue:
    """What experts are asked about one period."""

    period: str
    reviews: list[Review]
    exchanges: Mapping[str, Exchange]

    def plan(self, rater: str, seed: int) -> RatingPlan:
        """The period stands where a scorecard has the names of arms, which raters are not told."""
        return RatingPlan((self.period,), False, rater, max(1, len(self.reviews)), seed)

    def tasks(self, plan: RatingPlan) -> list[RatingTask]:
        """Every drawn answer once, in an order of the rater's own that tells nothing of why it was drawn."""
        ids = sorted(review.exchange for review in self.reviews if review.exchange in self.exchanges)
        Random(f"{plan.seed} {plan.rater} {self.period}").shuffle(ids)
        return [_task(self.exchanges[id], self.period) for id in ids]


def _task(exchange: Exchange, period: str) -> RatingTask:
    answer = exchange.answer
    assert answer is not None  # only such are drawn
    sample = Sample(
        arm=period,
        suite="served",
        item=exchange.id,
        index=0,
        prompt=exchange.prompt,
        reference="",
        raw=answer.content,
        reasoning=answer.reasoning,
        answer=answer.content,
        scores={},
        sampling=Sampling(),
        num_tokens=exchange.num_tokens,
        finish_reason=exchange.finish_reason,
    )
    return RatingTask(exchange.id, exchange.prompt, (sample,), may_correct=True)


def review_queue(job: Job, store: Store) -> Queue:
    """The answers of the newest period that is over, drawn when they are first asked for.

    Raises TunesmithError `review-nothing` where nothing was served in it.
    """
    now = store.clock()
    period = last_period(job.recipe.monitor.window, now)
    model = job.recipe.name
    found = reviews_of(store, period.name, model)
    if not found:
        slices = {name: SLICES[name] for name in job.recipe.evaluate.slices if name in SLICES}
        served = store.exchanges(since=period.begin, until=period.end, model=model)
        section, seed = job.recipe.feedback.review, job.recipe.seed
        add_reviews(store, draw(served, section, slices, period=period, seed=seed, now=now), model)
        found = reviews_of(store, period.name, model)
    if not found:
        begin, end = (f"{at:%Y-%m-%d %H:%M}" for at in (period.begin, period.end))
        raise TunesmithError("review-nothing", model=model, begin=begin, end=end)
    return queue_of(store, found)


def queue_of(store: Store, reviews: Sequence[Review]) -> Queue:
    exchanges = exchanges_named(store, (review.exchange for review in reviews))
    return Queue(reviews[0].period, list(reviews), exchanges)


def queue_of_period(job: Job, store: Store, period: str) -> Queue:
    """What was drawn for a period that a page came from."""
    return queue_of(store, reviews_of(store, period, job.recipe.name))


def quality_of(job: Job, store: Store, queue: Queue) -> Quality:
    """What the lot tells of all that was served in the period."""
    return quality(queue.reviews, review_ratings(store), job.recipe.feedback.min_rating, job.recipe.seed)


def known_ratings(store: Store, tasks: Sequence[RatingTask], rater: str) -> list[Rating]:
    """What a rater has said of these answers."""
    by_item = {task.item: task for task in tasks}
    return [
        Rating(
            item=rating.exchange,
            arms=by_item[rating.exchange].arms,
            shown=by_item[rating.exchange].shown,
            dimension=rating.dimension,
            value=rating.value,
            rater=rater,
            comment=rating.text or "",
            time=rating.at.isoformat(),
        )
        for rating in review_ratings(store)
        if rating.rater == rater and rating.exchange in by_item and rating.dimension != CORRECTION
    ]


def keep_rating(store: Store, rating: Rating) -> None:
    """A grade, or what is right instead. Raises TunesmithError `review-unknown`, `feedback-text`."""
    rate_reviews(store, [_kept(store, rating)])


def _kept(store: Store, rating: Rating) -> ReviewRating:
    is_correction = rating.dimension == CORRECTION
    text = right_answer(store, rating.comment) if is_correction or rating.comment.strip() else None
    value = rating.value if isinstance(rating.value, int) and not is_correction else None
    return ReviewRating(rating.item, rating.rater, rating.dimension, value, text, store.clock())


def write_review_page(queue: Queue, plan: RatingPlan, file: Path, language: Language) -> None:
    """The page on which one expert rates the queue without a network. Raises TunesmithError `rater-name`."""
    ratings_file(Path(), plan.rater)  # a name that could not come back is refused now
    write_whole(file, rating_page(queue.tasks(plan), plan, language))


@dataclass(frozen=True, slots=True)
class ImportedReviews:
    """What came of one page."""

    period: str
    rater: str
    ratings: int
    new: int


def import_reviews(store: Store, model: str, files: Sequence[Path]) -> list[ImportedReviews]:
    """Take in what pages about a model gave back; all files are read before anything is kept, and kept all or none.

    Raises TunesmithError `pack-file`, `pack-other`, `rater-name`.
    """
    packs = [read_pack(file, lambda plan: _tasks_of(store, model, plan)) for file in files]
    known = {_said(rating) for rating in review_ratings(store)}
    found = []
    fresh = []
    for ratings, plan in packs:
        ratings_file(Path(), plan.rater)
        kept = [_kept(store, rating) for rating in ratings]
        new = [rating for rating in kept if _said(rating) not in known]
        found.append(ImportedReviews(plan.arms[0], plan.rater, len(kept), len(new)))
        fresh += new
    rate_reviews(store, fresh)
    return found


def _tasks_of(store: Store, model: str, plan: RatingPlan) -> list[RatingTask]:
    """Raises TunesmithError `rate-nothing` where nothing of the model was drawn for the period that the page names."""
    reviews = reviews_of(store, plan.arms[0], model)
    if not reviews:
        raise TunesmithError("rate-nothing")
    return queue_of(store, reviews).tasks(plan)


def _said(rating: ReviewRating) -> tuple[object, ...]:
    return (rating.exchange, rating.rater, rating.dimension, rating.value, rating.text)
