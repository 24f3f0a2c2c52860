"""Periods, the draw, and what the lot tells of everything that was served."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pytest
from store_material import START, exchange

from tunesmith.feedback.review import Period, draw, last_period, quality
from tunesmith.recipe.feedback import Review as ReviewSection
from tunesmith.records import Exchange, Message
from tunesmith.stats.intervals import bootstrap_bca, wilson
from tunesmith.store import Review, ReviewRating

PERIOD = Period(START, START + timedelta(days=7))


@pytest.mark.parametrize(
    ("window", "now", "begin", "name"),
    [
        ("7d", datetime(2026, 3, 12, 9, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC), "2026-03-02"),
        ("7d", datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC), "2026-03-02"),
        ("7d", datetime(2026, 3, 8, 23, 59, 59, tzinfo=UTC), datetime(2026, 2, 23, tzinfo=UTC), "2026-02-23"),
        ("1d", datetime(2026, 3, 12, 9, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC), "2026-03-11"),
        ("6h", datetime(2026, 3, 12, 13, tzinfo=UTC), datetime(2026, 3, 12, 6, tzinfo=UTC), "2026-03-12T06"),
        (500, datetime(2026, 3, 12, 9, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC), "2026-03-02"),
    ],
)
def test_the_last_period_is_over_and_weeks_begin_on_monday(
    window: str | int, now: datetime, begin: datetime, name: str
) -> None:
    found = last_period(window, now)
    assert (found.begin, found.name) == (begin, name)
    assert found.end <= now < found.end + (found.end - found.begin)
    if window == "7d":
        assert found.begin.weekday() == 0


def served(num: int) -> list[Exchange]:
    draw = Random(1)
    return [exchange(n, confidence=draw.random(), label=draw.choice("abc")) for n in range(num)]


def drawn(exchanges: list[Exchange], seed: int = 0, **section: int) -> list[Review]:
    told = ReviewSection(**section)  # type: ignore[arg-type]
    slices = {"label": lambda one: one.label or ""}
    return draw(exchanges, told, slices, period=PERIOD, seed=seed, now=START)


def test_the_draw_is_by_the_seed_and_each_answer_once() -> None:
    exchanges = served(300)
    found = drawn(exchanges, num_random=40, num_unsure=15, num_per_slice=5)
    assert found == drawn(exchanges[::-1], num_random=40, num_unsure=15, num_per_slice=5)
    assert found != drawn(exchanges, 1, num_random=40, num_unsure=15, num_per_slice=5)
    assert Counter(review.why for review in found) == {
        "random": 40, "unsure": 15, "label:a": 5, "label:b": 5, "label:c": 5
    }  # fmt: skip
    assert len({review.exchange for review in found}) == 70
    by_id = {one.id: one for one in exchanges}
    lot = {review.exchange for review in found if review.why == "random"}
    unsure = [by_id[review.exchange].confidence for review in found if review.why == "unsure"]
    assert unsure == sorted(one.confidence for one in exchanges if one.id not in lot)[:15]  # type: ignore[type-var]
    assert all(by_id[review.exchange].label == review.why[-1] for review in found if review.why.startswith("label"))


def test_every_answer_is_drawn_as_often() -> None:
    exchanges = [exchange(n) for n in range(20)]
    counts = Counter(
        review.exchange for seed in range(2_000) for review in drawn(exchanges, seed, num_random=5, num_unsure=0)
    )
    # 2,000 draws of a chance of 1/4: 500 with a deviation of 19.4
    assert all(abs(counts[one.id] - 500) < 90 for one in exchanges)


def test_what_has_no_text_or_was_given_up_is_not_shown() -> None:
    exchanges = [
        exchange(1, prompt=()),
        exchange(2, answer=None),
        exchange(3, finish_reason="cancelled"),
        exchange(4, answer=Message("assistant", "")),
    ]
    assert [review.exchange for review in drawn(exchanges)] == [exchanges[3].id]
    assert drawn([]) == []


def rating(id: str, rater: str, value: int | None, dimension: str = "accuracy") -> ReviewRating:
    return ReviewRating(id, rater, dimension, value, None, START)


def test_the_lot_alone_tells_the_quality() -> None:
    reviews = [Review(f"ex-{n}", "2026-03-02", "random" if n < 30 else "unsure", START) for n in range(60)]
    grades = Random(2).choices([1, 2, 3, 4, 5], [1, 1, 2, 5, 6], k=30)
    ratings = [rating(f"ex-{n}", "anna", grade) for n, grade in enumerate(grades)]
    ratings += [rating(f"ex-{n}", "anna", 1) for n in range(30, 60)]
    ratings += [rating("ex-3", "anna", None, "fluency"), rating("ex-4", "anna", None, "correction")]
    found = quality(reviews, ratings, 4, seed=7)
    assert (found.num_random, found.num_drawn, found.num_not_told) == (30, 60, 1)
    (accuracy,) = found.grades
    good = sum(grade >= 4 for grade in grades)
    assert (accuracy.num_rated, accuracy.num_good, accuracy.mean) == (30, good, pytest.approx(np.mean(grades)))
    assert accuracy.good_interval == wilson(good, 30)
    assert accuracy.mean_interval == bootstrap_bca(grades, seed=7)


def test_several_experts_of_one_answer_count_as_their_mean() -> None:
    reviews = [Review(f"ex-{n}", "2026-03-02", "random", START) for n in range(4)]
    ratings = [rating("ex-0", "anna", 5), rating("ex-0", "bo", 2), rating("ex-1", "anna", 5), rating("ex-1", "bo", 3)]
    (found,) = quality(reviews, ratings, 4, seed=0).grades
    assert (found.num_rated, found.num_good, found.mean) == (2, 1, 3.75)


def test_nothing_rated_is_no_quality() -> None:
    found = quality([Review("ex-0", "2026-03-02", "random", START)], [rating("ex-9", "anna", 5)], 4, seed=0)
    assert found.grades == ()


@pytest.mark.thorough
def test_the_interval_holds_the_truth_and_drawing_for_doubt_does_not_bend_it() -> None:
    draw_of = Random(4)
    truth = [1 + (draw_of.random() < 0.7) * 4 for _ in range(2_000)]
    # those with a low confidence are the bad ones
    exchanges = [exchange(n, confidence=0.9 if grade == 5 else 0.2) for n, grade in enumerate(truth)]
    grade_of = {one.id: grade for one, grade in zip(exchanges, truth, strict=True)}
    share = sum(grade == 5 for grade in truth) / len(truth)
    num_held = 0
    for seed in range(200):
        reviews = drawn(exchanges, seed, num_random=60, num_unsure=60)
        ratings = [rating(review.exchange, "anna", grade_of[review.exchange]) for review in reviews]
        (found,) = quality(reviews, ratings, 4, seed=seed).grades
        num_held += found.good_interval.low <= share <= found.good_interval.high
    assert num_held >= 182  # 95 % of 200 are 190, with a deviation of 3
