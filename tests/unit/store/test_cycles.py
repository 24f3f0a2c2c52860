"""Rounds of improvement: begun once, whoever calls, and only ever further; and the way back of an alias."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from store_material import START, bundle

from tunesmith.errors import TunesmithError
from tunesmith.store import Store, add_version, aliases, history, roll_back, set_alias, withdraw
from tunesmith.store.cycles import ENDS, STATES, Round, advance_round, begin_round, rounds

FIRST = Round("0123456789abcdef", "desk", "began", {"by": "ann"}, "desk@1", None, None, (), START, START)


def test_a_round_is_begun_once(store: Store) -> None:
    assert begin_round(store, FIRST) == FIRST
    assert begin_round(store, replace(FIRST, trigger={"by": "drift"})) == FIRST
    other = replace(FIRST, id="f" * 16, name="other")
    begin_round(store, other)
    assert rounds(store) == [FIRST, other]
    assert rounds(store, "desk") == [FIRST]


def test_what_two_begin_at_once_is_one_round(store: Store) -> None:
    found: list[Round] = []
    begins = [replace(FIRST, trigger={"by": str(n)}) for n in range(8)]
    threads = [threading.Thread(target=lambda one=one: found.append(begin_round(store, one))) for one in begins]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(str, (one.trigger for one in found)))) == 1
    assert len(rounds(store)) == 1


def test_a_round_goes_further_and_never_back(store: Store) -> None:
    begin_round(store, FIRST)
    for state in STATES[1:-1]:
        advance_round(store, FIRST.id, state, {state: f"key of {state}"})
    judged = advance_round(store, FIRST.id, "judged", passage="reject")
    assert (judged.state, judged.passage) == ("registered", None)
    done = advance_round(store, FIRST.id, "promoted", candidate="desk@2", findings=({"code": "kept"},))
    assert done.products == {state: f"key of {state}" for state in STATES[1:-1]}
    assert (done.candidate, done.findings, done.has_ended) == ("desk@2", ({"code": "kept"},), True)
    assert advance_round(store, FIRST.id, "refused") == done
    assert rounds(store) == [done]
    with pytest.raises(TunesmithError, match="round-unknown"):
        advance_round(store, "nothing", "trained")


@pytest.mark.parametrize("end", sorted(ENDS))
def test_what_has_ended_stays_as_it_ended(store: Store, end: str) -> None:
    begin_round(store, FIRST)
    ended = advance_round(store, FIRST.id, end)  # type: ignore[arg-type]
    assert [advance_round(store, FIRST.id, state) for state in STATES] == [ended] * len(STATES)


def test_back_goes_from_step_to_step(store: Store, tmp_path: Path) -> None:
    names = [str(add_version(store, bundle(tmp_path / str(n), seed=n), who="ann")) for n in range(4)]
    with pytest.raises(TunesmithError, match="version-unknown"):
        roll_back(store, "champion", who="ann")
    set_alias(store, "champion", names[0], who="ann")
    with pytest.raises(TunesmithError, match="rollback-nothing"):
        roll_back(store, "champion", who="ann")
    for name in (names[1], names[2]):
        set_alias(store, "champion", name, who="ann")
    set_alias(store, "challenger", names[3], who="ann")
    assert str(roll_back(store, "champion", who="bob")) == names[1]
    set_alias(store, "champion", names[3], who="ann")
    # what was gone back from is not come back to
    assert [str(roll_back(store, "champion", who="bob")) for _ in range(2)] == [names[1], names[0]]
    with pytest.raises(TunesmithError, match="rollback-nothing"):
        roll_back(store, "champion", who="bob")
    last = list(history(store))[-1]
    assert (last.what, last.version, last.alias, last.who, last.reason) == (
        "aliased",
        names[0],
        "champion",
        "bob",
        "rollback",
    )


def test_back_to_what_was_withdrawn_is_refused(store: Store, tmp_path: Path) -> None:
    names = [str(add_version(store, bundle(tmp_path / str(n), seed=n), who="ann")) for n in range(2)]
    for name in names:
        set_alias(store, "champion", name, who="ann")
    withdraw(store, names[0], who="ann", reason="leaks")
    with pytest.raises(TunesmithError, match="version-withdrawn"):
        roll_back(store, "champion", who="bob")
    assert str(aliases(store)["champion"]) == names[1]


def test_an_alias_that_was_moved_meanwhile_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    names = [str(add_version(store, bundle(tmp_path / str(n), seed=n), who="ann")) for n in range(3)]
    set_alias(store, "champion", names[0], who="ann")
    for _ in range(2):  # what is done already is done
        set_alias(store, "champion", names[1], who="ann", instead_of=names[0])
    with pytest.raises(TunesmithError, match="alias-moved"):
        set_alias(store, "champion", names[2], who="ann", instead_of=names[0])
    assert str(aliases(store)["champion"]) == names[1]
