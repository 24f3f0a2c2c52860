"""What holds a person in the store is found and removed; what is left of it is a tombstone without its content."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from store_material import START, exchange, feedback

from tunesmith.records import Message
from tunesmith.store import Store
from tunesmith.store.cycles import Round, begin_round, rounds
from tunesmith.store.feedback_states import Decision, decide
from tunesmith.store.open import reading, writing
from tunesmith.store.schema import FEEDBACK_STATES, REVIEW_RATINGS, REVIEWS
from tunesmith.store.tombstones import Held, bury, held, remove, tombstone, tombstones
from tunesmith.text.needles import Needles

NAME, MAIL = "Maria Keller", "maria@example.org"
NEEDLES = Needles((NAME, MAIL))


def fill(store: Store) -> None:
    """Exchanges of the person (1, and 2 under a pseudonym), about the person (3), and of nobody (4)."""
    made = [
        exchange(1, subject=MAIL),
        exchange(2, subject=store.pseudonymiser.subject(MAIL)),
        exchange(3, prompt=(Message("user", f"Write to {NAME}."),)),
        exchange(4),
    ]
    for each in made:
        store.record(each).result()
    said = [
        feedback(11, made[0]),
        feedback(12, made[3]),
        feedback(13, made[3], kind="comment", value=None, text=f"ask {NAME}"),
        feedback(14, made[3], kind="preference", value=None, preferred=made[1].id),
        feedback(15, made[3], kind="comment", value=None, text="something"),
    ]
    for piece in said:
        store.add_feedback(piece).result()
    decide(store, [Decision(said[4].id, "corrected", "boss", START, text=f"{MAIL} knows")])
    rating = {"rater": "ann", "dimension": "accuracy", "value": 4, "at": START}
    with writing(store.database) as connection:
        drawn = {"period": "w1", "why": "random", "drawn_at": START}
        connection.execute(REVIEWS.insert(), [{**drawn, "exchange": each.id} for each in made])
        words = [(made[0], "fine"), (made[3], f"{NAME} again")]
        connection.execute(REVIEW_RATINGS.insert(), [{**rating, "exchange": each.id, "text": t} for each, t in words])
        other = {**rating, "exchange": made[3].id, "rater": "bob", "text": "fine"}
        connection.execute(REVIEW_RATINGS.insert(), [other])
    quoting = {"code": "planted", "suite": f"hello {NAME}"}
    begun = Round("r1", "desk", "began", {"by": "drift"}, "desk@1", None, None, (quoting,), START, START, {"a": "b"})
    begin_round(store, begun)


def test_all_that_holds_a_person_is_found(store: Store) -> None:
    fill(store)
    assert held(store, MAIL, NEEDLES) == Held(
        exchanges=tuple(f"ex-{number:024x}" for number in (1, 2, 3)),
        feedback=tuple(f"fb-{number:024x}" for number in (11, 13, 14, 15)),
        ratings=((f"ex-{4:024x}", "ann", "accuracy"),),
        rounds=("r1",),
    )
    assert held(store, "somebody else", Needles(())).is_empty


def test_it_is_removed_and_the_rest_stays(store: Store) -> None:
    fill(store)
    remove(store, held(store, MAIL, NEEDLES))
    assert held(store, MAIL, NEEDLES).is_empty
    assert [each.id for each in store.exchanges()] == [f"ex-{4:024x}"]
    assert [each.id for each in store.feedback()] == [f"fb-{12:024x}"]
    with reading(store.database) as connection:
        counts = [
            connection.scalars(sqlalchemy.select(sqlalchemy.func.count()).select_from(table)).one()
            for table in (FEEDBACK_STATES, REVIEWS, REVIEW_RATINGS)
        ]
    assert counts == [0, 1, 1]
    (round,) = rounds(store)
    assert (round.trigger, round.findings, round.products) == ({"by": "forgotten"}, (), {"a": "b"})


def test_no_byte_is_left_in_the_files(store: Store, tmp_path: Path) -> None:
    if store.database.dialect.name != "sqlite":
        pytest.skip("the files of a server are its operator's")
    fill(store)
    pseudonym = store.pseudonymiser.subject(MAIL)
    remove(store, held(store, MAIL, NEEDLES))
    content = b"".join(file.read_bytes() for file in tmp_path.glob("store.db*"))
    assert all(word.encode() not in content for word in (NAME, MAIL, pseudonym))
    assert sqlite3.connect(tmp_path / "store.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_tombstones_stand_once_and_hide_the_ids_of_rows(store: Store) -> None:
    bury(store, "row", ["0123456789abcdef"])
    bury(store, "row", ["0123456789abcdef", "fedcba9876543210"])
    bury(store, "artifact", ["k1"])
    assert [stone.kind for stone in tombstones(store)] == ["artifact", "row", "row"]
    assert all(stone.reason == "forgotten" and stone.at == START for stone in tombstones(store))
    found = tombstone(store, "row", "0123456789abcdef")
    assert found is not None
    assert "0123456789abcdef" not in found.id
    assert tombstone(store, "row", "k1") is None
    assert tombstone(store, "artifact", "k1") is not None


@pytest.mark.thorough
def test_many_are_removed_at_once(store: Store) -> None:
    for number in range(1200):
        store.record(exchange(number, subject=MAIL))
        if number % 500 == 499:  # no more than may wait
            store.flush()
    remove(store, held(store, MAIL, NEEDLES))
    assert store.num_exchanges == 0
    assert len(tombstones(store)) == 1200
