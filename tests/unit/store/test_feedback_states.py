"""Decisions on feedback: kept whole, replaced, refused for what is unknown; on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from store_material import START, exchange, feedback

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.store import Decision, Store, decide, decisions_of, exchanges_named, latest_exchanges, open_store
from tunesmith.store import open as opening


def filled(store: Store, num: int) -> list[str]:
    """A thumb on each of so many exchanges; the ids of the thumbs."""
    said = [feedback(number, exchange(number)) for number in range(num)]
    for number, one in enumerate(said):
        store.record(exchange(number))
        store.add_feedback(one)
        if number % 200 == 0:
            store.flush()
    store.flush()
    return [one.id for one in said]


def accepted(id: str, **fields: str | None) -> Decision:
    return Decision(id, "accepted", "anna", START, **fields)  # type: ignore[arg-type]


def test_a_decision_says_who_when_and_why(store: Store) -> None:
    first, second = filled(store, 2)
    corrected = Decision(second, "corrected", "bo", START, reason="wrong class", text="refund")
    decide(store, [accepted(first, reason="plain"), corrected])
    assert decisions_of(store) == {first: accepted(first, reason="plain"), second: corrected}


def test_a_later_decision_takes_the_place_of_an_earlier_one(store: Store) -> None:
    (id,) = filled(store, 1)
    decide(store, [accepted(id), Decision(id, "dismissed", "anna", START, "a joke")])
    assert decisions_of(store)[id].state == "dismissed"
    decide(store, [accepted(id)])
    assert decisions_of(store) == {id: accepted(id)}


def test_unknown_feedback_is_refused_and_nothing_kept(store: Store) -> None:
    (id,) = filled(store, 1)
    with pytest.raises(TunesmithError, match="feedback-unknown") as failure:
        decide(store, [accepted(id), accepted("fb-" + "0" * 500)])
    assert len(str(failure.value.parameters["id"])) == 64
    assert decisions_of(store) == {}


@pytest.mark.thorough
def test_more_than_one_statement_takes(store: Store) -> None:
    ids = filled(store, 1_100)
    decide(store, [accepted(id) for id in ids])
    assert set(decisions_of(store)) == set(ids)
    with pytest.raises(TunesmithError, match="feedback-unknown"):
        decide(store, [*(Decision(id, "dismissed", "bo", START) for id in ids), accepted("nobody")])
    assert {decision.state for decision in decisions_of(store).values()} == {"accepted"}


def test_nul_and_half_characters_in_a_right_answer_do_not_stop_the_store(store: Store) -> None:
    (id,) = filled(store, 1)
    decide(store, [Decision(id, "corrected", "anna\0", START, text="re\0fund \ud800" + "长" * 50_000)])
    assert decisions_of(store)[id].text == "re\ufffdfund \ufffd" + "长" * 50_000


def test_decisions_go_with_their_feedback(store: Store) -> None:
    (id,) = filled(store, 1)
    decide(store, [accepted(id)])
    store.expire(START.replace(year=2030))
    assert decisions_of(store) == {}


def test_exchanges_are_found_by_name_and_by_time(store: Store) -> None:
    filled(store, 5)
    ids = [exchange(number).id for number in (3, 1)]
    assert exchanges_named(store, [*ids, "ex-unknown"]) == {exchange(n).id: exchange(n) for n in (1, 3)}
    assert [one.id for one in latest_exchanges(store, 2)] == [exchange(4).id, exchange(3).id]
    assert exchanges_named(store, []) == {}


def test_a_locked_store_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.05)
    with open_store(f"sqlite:///{tmp_path}/s.db", clock=lambda: START, key_file=tmp_path / "key") as store:
        (id,) = filled(store, 1)
        other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(RunFailed, match="store-unavailable"):
            decide(store, [accepted(id)])
        other.execute("ROLLBACK")
        other.close()
        decide(store, [accepted(id)])
        assert set(decisions_of(store)) == {id}


def test_states_are_of_feedback_alone(store: Store) -> None:
    with store.database.begin() as connection:
        names = {key["referred_table"] for key in sqlalchemy.inspect(connection).get_foreign_keys("feedback_states")}
    assert names == {"feedback"}
