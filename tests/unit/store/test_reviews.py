"""The review queue: drawn once for a period, rated by several, and gone with its exchanges."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from store_material import START, exchange

from tunesmith.errors import TunesmithError
from tunesmith.store import Review, ReviewRating, Store, add_reviews, rate_reviews, review_ratings, reviews_of


def recorded(store: Store, num: int) -> list[str]:
    for waiting in [store.record(exchange(number)) for number in range(num)]:
        waiting.result()
    return [exchange(number).id for number in range(num)]


def drawn(ids: list[str], period: str = "2026-03-02") -> list[Review]:
    return [Review(id, period, "random", START) for id in ids]


def rating(id: str, rater: str = "anna", **fields: object) -> ReviewRating:
    told: dict[str, object] = {"dimension": "accuracy", "value": 4, "text": None, "at": START, **fields}
    return ReviewRating(id, rater, **told)  # type: ignore[arg-type]


def test_a_period_is_drawn_once(store: Store) -> None:
    ids = recorded(store, 4)
    assert add_reviews(store, drawn(ids[:2]))
    assert not add_reviews(store, drawn(ids[2:]))
    assert reviews_of(store) == drawn(ids[:2])
    assert add_reviews(store, drawn(ids, "2026-03-09"))
    assert [review.period for review in reviews_of(store)] == ["2026-03-02"] * 2 + ["2026-03-09"] * 4
    assert reviews_of(store, "2026-03-02") == drawn(ids[:2])
    assert reviews_of(store, "2026-03-16") == []
    assert add_reviews(store, [])


@pytest.mark.thorough
def test_of_draws_at_once_one_stays(store: Store) -> None:
    ids = recorded(store, 40)
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda start: add_reviews(store, drawn(ids[start::8])), range(8)))
    assert sum(kept) == 1
    assert reviews_of(store) == drawn(ids[kept.index(True) :: 8])


def test_ratings_of_several_experts_each_the_newest(store: Store) -> None:
    one, other = recorded(store, 2)
    add_reviews(store, drawn([one, other]))
    right = rating(one, dimension="correction", value=None, text="退货")
    rate_reviews(store, [rating(one), rating(one, "bo", value=None), right])
    rate_reviews(store, [rating(one, value=2, text="too long")])
    rate_reviews(store, [])
    assert set(review_ratings(store)) == {
        rating(one, value=2, text="too long"),
        rating(one, "bo", value=None),
        right,
    }


def test_what_was_not_drawn_is_not_rated(store: Store) -> None:
    one, other = recorded(store, 2)
    add_reviews(store, drawn([one]))
    with pytest.raises(TunesmithError, match="review-unknown"):
        rate_reviews(store, [rating(one), rating(other)])
    assert review_ratings(store) == []


@pytest.mark.thorough
def test_many_ratings_at_once(store: Store) -> None:
    ids = recorded(store, 450)
    add_reviews(store, drawn(ids))
    rate_reviews(store, [rating(id, value=number % 5 + 1) for number, id in enumerate(ids)])
    rate_reviews(store, [rating(id, value=1) for id in ids])
    assert [found.value for found in review_ratings(store)] == [1] * 450


def test_reviews_go_with_their_exchanges(store: Store) -> None:
    ids = recorded(store, 2)
    add_reviews(store, drawn(ids))
    rate_reviews(store, [rating(id) for id in ids])
    store.expire(exchange(1).at)
    assert [review.exchange for review in reviews_of(store)] == [ids[1]]
    assert [found.exchange for found in review_ratings(store)] == [ids[1]]
