"""Stretches of time are counted by the database, and what was said of them is told from what was not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, inspect
from store_material import START, exchange, feedback

from tunesmith.records import Feedback
from tunesmith.store import Decision, Store, Traffic, decide
from tunesmith.store.open import writing
from tunesmith.store.schema import REVIEW_RATINGS, migrate

HOUR = timedelta(hours=1)
SERVED = [exchange(n, at=START + n * HOUR, version=("a", "b")[n % 3 == 0]) for n in range(10)]
OF_A = [one for one in SERVED if one.version == "a"]


@pytest.fixture
def full(store: Store) -> Store:
    for one in reversed(SERVED):
        store.record(one)
    store.flush()
    return store


def test_times_are_those_of_one_version_in_their_order(full: Store) -> None:
    traffic = Traffic(full, "a")
    assert [traffic.time_of(place) for place in range(7)] == [*(one.at for one in OF_A), None]
    assert traffic.time_of(1, OF_A[2].at) == OF_A[3].at
    assert traffic.time_of(0, OF_A[2].at + HOUR / 2) == OF_A[3].at
    assert Traffic(full).time_of(9) == SERVED[9].at
    assert Traffic(full, "a", OF_A[4].at).time_of(0, OF_A[1].at) == OF_A[4].at
    assert Traffic(full, "none").time_of(0) is None


def test_what_was_asked_before_is_in_no_stretch(full: Store) -> None:
    since, until = OF_A[1].at, OF_A[4].at
    promoted = Traffic(full, "a", OF_A[2].at)
    assert list(Traffic(full, "a").exchanges(since, until)) == OF_A[1:4]
    assert list(promoted.exchanges(since, until)) == OF_A[2:4]
    assert promoted.tally(since, until).num == 2
    assert promoted.tally(None, None).num == 4


def test_a_tally_tells_of_every_change(full: Store) -> None:
    traffic, until = Traffic(full, "a"), START + 20 * HOUR
    marks = [traffic.tally(START, until).mark]
    assert traffic.tally(START, until).mark == marks[0]
    for late in (exchange(50, at=START + HOUR / 2, version="a"), exchange(0, id="ex-", at=START, version="a")):
        full.record(late).result()
        marks.append(traffic.tally(START, until).mark)
    full.expire(START + HOUR)
    marks.append(traffic.tally(START, until).mark)
    full.record(exchange(51, at=START, version="b")).result()
    assert traffic.tally(START, until).mark == marks[3] == marks[0]
    assert len(set(marks)) == 3


def test_what_was_said_is_told_and_read_by_stretch(full: Store) -> None:
    first, second = Traffic(full, "a"), (OF_A[2].at, START + 20 * HOUR)
    assert first.heard(None, None) is None
    marks = [first.heard(*second)]

    def hear(word: Feedback) -> None:
        full.add_feedback(word).result()
        marks.append(first.heard(*second))

    hear(feedback(1, OF_A[3]))
    hear(feedback(2, OF_A[2], at=START))
    decide(full, [Decision(feedback(1, OF_A[3]).id, "dismissed", "ann", START)])
    marks.append(first.heard(*second))
    decide(full, [Decision(feedback(1, OF_A[3]).id, "corrected", "ann", START + HOUR, text="x")])
    marks.append(first.heard(*second))
    with writing(full.database) as connection:
        told = {"rater": "bo", "dimension": "accuracy", "value": 5, "text": None, "at": START}
        connection.execute(insert(REVIEW_RATINGS).values(exchange=OF_A[4].id, **told))
    marks.append(first.heard(*second))
    assert len(set(marks)) == len(marks) == 6
    # on others
    for number, other in enumerate((OF_A[0], SERVED[9]), start=3):
        hear(feedback(number, other))
    assert len(set(marks)) == 6
    spoken = first.spoken(*second)
    assert spoken.exchanges == OF_A[2:5]
    assert [each.id for each in spoken.feedback] == [feedback(2, OF_A[2]).id, feedback(1, OF_A[3]).id]
    assert {id: decision.state for id, decision in spoken.decisions.items()} == {feedback(1, OF_A[3]).id: "corrected"}
    assert [rating.rater for rating in spoken.ratings] == ["bo"]


def test_a_store_of_before_gets_the_index(full: Store) -> None:
    def indexes() -> set[str | None]:
        return {index["name"] for index in inspect(full.database).get_indexes("exchanges")}

    assert "exchanges_version" in indexes()
    with writing(full.database) as connection:
        connection.exec_driver_sql("DROP INDEX exchanges_version")
        connection.exec_driver_sql("UPDATE schema_version SET version = 2")
    with writing(full.database) as connection:
        migrate(connection)
    assert "exchanges_version" in indexes()


def test_a_large_stretch_is_counted_from_the_index_alone(full: Store) -> None:
    if full.database.dialect.name != "sqlite":
        pytest.skip("PostgreSQL decides by its statistics")
    with full.database.connect() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT count(*), min(id), max(id) FROM exchanges WHERE version = 'a' AND at >= 'x'"
        ).all()
    assert any("COVERING INDEX exchanges_version" in row[-1] for row in plan)
