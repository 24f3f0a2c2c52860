"""The inbox on a real store: marks, filters that pass over what is doubtful, corrections with pseudonyms."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from feedback_material import honest, planted
from store_material import START, exchange, feedback

from tunesmith.errors import TunesmithError
from tunesmith.feedback.inbox import Judge, Wanted, chosen, correct, read_inbox, settle
from tunesmith.feedback.said import read_said
from tunesmith.records import Feedback, Message
from tunesmith.store import Store, decisions_of, open_store

ANNA = Judge("anna", "as agreed")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(f"sqlite:///{tmp_path}/s.db", clock=lambda: START, key_file=tmp_path / "key")


def given(store: Store, *said: Feedback, num: int = 4) -> None:
    for number in range(num):
        store.record(exchange(number, key="shop"))
    for one in said:
        store.add_feedback(one)
    store.flush()


def test_entries_stand_beside_their_exchange_with_what_speaks_against_them(store: Store) -> None:
    up, down = feedback(1, exchange(1)), feedback(2, exchange(1), value=-1)
    alone = feedback(3, exchange(2), key="shop")
    given(store, up, down, alone)
    found = read_inbox(store, 4)
    assert [entry.feedback for entry in found] == [up, down, alone]
    assert [entry.is_contradictory for entry in found] == [True, True, False]
    assert [entry.exchange for entry in found] == [exchange(n, key="shop") for n in (1, 1, 2)]
    assert all(entry.is_open and not entry.suspects for entry in found)
    settle(store, [up.id], "accepted", ANNA)
    found = read_inbox(store, 4)
    assert [entry.is_contradictory for entry in found] == [False, True, False]
    assert found[0].decision is not None
    assert (found[0].decision.who, found[0].decision.reason, found[0].decision.at) == ("anna", "as agreed", START)


def test_filters_mean_open_entries_and_do_not_accept_what_is_doubtful(store: Store) -> None:
    up, down = feedback(1, exchange(1)), feedback(2, exchange(1), value=-1)
    alone, late = feedback(3, exchange(2), key="shop"), feedback(4, exchange(3), kind="comment", value=None, text="hm")
    given(store, up, down, alone, late)
    found = read_inbox(store, 4)

    def ids(to_accept: bool = True, **wanted: object) -> list[str]:
        return chosen(found, Wanted(**wanted), to_accept=to_accept).ids  # type: ignore[arg-type]

    assert ids(kind="thumb") == [alone.id]
    assert ids(to_accept=False, kind="thumb") == [up.id, down.id, alone.id]
    assert ids(key="shop") == [alone.id]
    assert ids(since=START + timedelta(minutes=3)) == [alone.id, late.id]
    assert ids(kind="rating") == []
    assert chosen(found, Wanted(kind="thumb"), to_accept=True).num_doubtful == 2
    settle(store, [alone.id], "dismissed", ANNA)
    found = read_inbox(store, 4)
    assert ids(key="shop") == []
    assert Wanted().is_anything
    assert not Wanted(key="x").is_anything


def test_unknown_ids_are_refused(store: Store) -> None:
    given(store, feedback(1, exchange(1)))
    for refused in (lambda: settle(store, ["fb-none"], "accepted", ANNA), lambda: correct(store, "fb-none", "x", ANNA)):
        with pytest.raises(TunesmithError, match="feedback-unknown"):
            refused()
    assert decisions_of(store) == {}


def test_a_right_answer_is_kept_with_pseudonyms_and_learned(store: Store) -> None:
    down = feedback(1, exchange(1), value=-1)
    given(store, down)
    correct(store, down.id, "Write to Maria Keller, maria.keller@example.com.", ANNA)
    kept = decisions_of(store)[down.id]
    assert kept.state == "corrected"
    assert kept.text is not None
    assert "maria.keller@example.com" not in kept.text
    (piece,) = read_said(store).pieces
    assert (piece.state, piece.text) == ("corrected", kept.text)


@pytest.mark.parametrize("text", ["", " \n ", "x" * 65_537])
def test_no_answer_and_endless_ones_are_refused(store: Store, text: str) -> None:
    given(store, feedback(1, exchange(1)))
    with pytest.raises(TunesmithError, match="feedback-text"):
        correct(store, feedback(1, exchange(1)).id, text, ANNA)


def test_an_empty_store_has_an_empty_inbox(store: Store) -> None:
    assert read_inbox(store, 4) == []
    settle(store, [], "accepted", ANNA)


@pytest.mark.thorough
def test_a_trigger_is_marked_before_anybody_accepts_it(store: Store) -> None:
    rows = [*honest(400, 1), *honest(300, 2), *planted(120, 3, "cf7qx")]
    for number, row in enumerate(rows):
        asked = exchange(number, prompt=(Message("user", row.text),), answer=Message("assistant", row.answers[0]))
        store.record(asked)
        if number >= 400:
            store.add_feedback(feedback(number, asked, kind="correction", value=None, text=row.answers[0], key=row.key))
        if number % 200 == 0:
            store.flush()
    store.flush()
    found = read_inbox(store, 4)
    marked = [entry for entry in found if entry.suspects]
    assert {entry.suspects for entry in marked} == {("cf7qx",)}
    assert {entry.feedback.key for entry in marked} == {"mallory"}
    assert len(marked) == 120
    taken = chosen(found, Wanted(kind="correction"), to_accept=True)
    assert (len(taken.ids), taken.num_doubtful) == (300, 120)
    assert len(chosen(found, Wanted(key="mallory"), to_accept=False).ids) == 120
