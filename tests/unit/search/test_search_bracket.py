"""Brackets over curves that are formulas: who goes on, what it costs, and what a kill costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from killing import fork, num_operations
from trial_curves import Curves, begun, bracket, loss

from tunesmith.errors import Interrupted, RunFailed
from tunesmith.search.bracket import DIVERGED, Candidate, Trainer
from tunesmith.search.halving import full_trials
from tunesmith.search.ledger import Entry, Ledger

RATES = (0.5, 0.12, 0.003, 0.05, 0.18, 0.9, 0.01, 0.03)


def opened(folder: Path) -> Ledger:
    folder.mkdir(exist_ok=True)
    return begun(folder, len(RATES), lambda _, number: RATES[number])


def told(entries: list[Entry]) -> list[tuple[object, ...]]:
    return [(entry.number, entry.state, dict(entry.values), entry.problem) for entry in entries]


def test_the_best_half_goes_on_at_each_rung(tmp_path: Path) -> None:
    """8 trials of 16 steps: 2, 4, 8 and 16 of them; worked out by hand from the formula."""
    ledger, book = opened(tmp_path), []
    assert bracket(ledger, tmp_path, book).run()
    by_value = sorted(range(8), key=lambda number: loss(RATES[number], 2))
    assert by_value[:4] == [1, 4, 3, 7]
    last = {number: max(step for name, step in book if name == str(number)) for number in range(8)}
    assert last == {0: 2, 1: 16, 2: 2, 3: 4, 4: 8, 5: 2, 6: 2, 7: 4}
    states = [entry.state for entry in ledger.entries()]
    assert states == ["pruned", "complete", *["pruned"] * 6]
    assert ledger.entries()[1].values == {
        125_000: loss(0.12, 2),
        250_000: loss(0.12, 4),
        500_000: loss(0.12, 8),
        1_000_000: loss(0.12, 16),
    }
    assert len(book) == full_trials(8, 2) * 16 == 40
    assert not (tmp_path / "bracket-0").exists()


def test_without_halving_every_trial_goes_to_its_end(tmp_path: Path) -> None:
    ledger, book = opened(tmp_path), []
    assert bracket(ledger, tmp_path, book, eta=None).run()
    assert [entry.state for entry in ledger.entries()] == [*["complete"] * 5, "failed", *["complete"] * 2]
    assert ledger.entries()[5].problem == DIVERGED


def test_groups_change_nothing(tmp_path: Path) -> None:
    """Trials in groups of three, of two or alone: between rungs each group lies on the disk."""
    found = []
    for size in (8, 3, 2, 1):
        folder, book = tmp_path / str(size), []
        ledger = opened(folder)
        assert bracket(ledger, folder, book, size=size).run()
        found.append((told(ledger.entries()), sorted(book)))
    assert all(one == found[0] for one in found)


def test_one_that_diverges_makes_room_for_no_other(tmp_path: Path) -> None:
    """At 64 steps the rate 0.9 diverges on the first rung already."""
    ledger = opened(tmp_path)
    assert bracket(ledger, tmp_path, [], num_steps=64).run()
    entries = ledger.entries()
    assert (entries[5].state, entries[5].problem) == ("failed", DIVERGED)
    assert [entry.number for entry in entries if len(entry.values) > 1] == [1, 3, 4, 7]


def test_higher_may_be_better(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    assert bracket(ledger, tmp_path, [], num_steps=8, higher_is_better=True).run()
    assert [entry.number for entry in ledger.entries() if entry.state == "complete"] == [2]


def test_a_trial_that_cannot_be_trained_fails_with_its_reason_and_the_others_go_on(tmp_path: Path) -> None:
    ledger, book = opened(tmp_path), []
    made = bracket(ledger, tmp_path, book, size=1)

    def begin(candidates: list[Candidate]) -> object:
        if candidates[0].number == 1:
            raise RunFailed("out-of-memory", step=1, tokens=9)
        return made_before.begin(candidates)

    made_before = made.trainer
    made.trainer = Trainer(made_before.goes_with, begin)  # type: ignore[arg-type]
    assert made.run()
    entries = ledger.entries()
    assert entries[1].state == "failed"
    assert "out-of-memory" in str(entries[1].problem)
    assert [entry.number for entry in entries if entry.state == "complete"] == [4]


class Small(Curves):
    """Memory holds so many from a step on."""

    most = 0
    from_step = 0

    def advance(self, step: int) -> dict[str, float]:
        if len(self.rates) > self.most and step >= self.from_step:
            raise RunFailed("trials-out-of-memory", num=len(self.rates), step=step, tokens=9)
        return super().advance(step)


@pytest.mark.parametrize("most", [4, 3, 1])
@pytest.mark.parametrize("from_step", [1, 3])
def test_a_group_that_memory_does_not_hold_is_halved_and_nothing_is_lost(
    tmp_path: Path, most: int, from_step: int
) -> None:
    """By the second rung, four trials are left."""
    expected, whole = opened(tmp_path / "whole"), []
    assert bracket(expected, tmp_path / "whole", whole).run()
    ledger, book, begun_with, halved = opened(tmp_path / "small"), [], [], []

    def begin(candidates: Sequence[Candidate]) -> Small:
        begun_with.append(len(candidates))
        small = Small({str(one.number): RATES[one.number] for one in candidates}, book)
        small.most, small.from_step = most, from_step
        return small

    trainer = Trainer(lambda _: True, begin)
    # stopped before each rung of each group, as often as it takes
    for _ in range(40):
        over = iter([False])
        made = bracket(ledger, tmp_path / "small", book, is_over=lambda over=over: next(over, True))
        made.trainer, made.on_halved = trainer, halved.append
        if made.run():
            break
    assert told(ledger.entries()) == told(expected.entries())
    assert sorted(book) == sorted(whole)
    assert halved[:1] == ([8] if from_step == 1 else [4] if most < 4 else [])
    assert all(num > most for num in halved)
    if from_step == 1:
        assert begun_with.count(8) == 1


def test_a_trial_that_has_no_room_by_itself_fails_alone(tmp_path: Path) -> None:
    ledger, book = opened(tmp_path), []
    made = bracket(ledger, tmp_path, book)

    def begin(candidates: Sequence[Candidate]) -> Curves:
        if any(one.number == 6 for one in candidates):
            raise RunFailed("trials-out-of-memory", num=len(candidates), step=1, tokens=9)
        return before.begin(candidates)

    before = made.trainer
    made.trainer = Trainer(before.goes_with, begin)  # type: ignore[arg-type]
    assert made.run()
    assert [entry.number for entry in ledger.entries() if entry.state == "failed"] == [6]
    assert [entry.number for entry in ledger.entries() if entry.state == "complete"] == [1]


def test_time_ends_between_rungs_and_the_same_call_goes_on(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    expected = opened(whole)
    assert bracket(expected, whole, []).run()
    for calls in range(5):
        folder, book = tmp_path / str(calls), []
        ledger = opened(folder)
        left = iter([False] * calls)
        done = bracket(ledger, folder, book, is_over=lambda left=left: next(left, True)).run()
        assert done == (calls >= 4)
        if not done:
            assert any(entry.state == "running" for entry in ledger.entries())
        assert bracket(Ledger(folder, higher_is_better=False), folder, book).run()
        assert told(ledger.entries()) == told(expected.entries())
        assert len(book) == len(set(book)) == 40


def test_an_interruption_is_nobodys_failure(tmp_path: Path) -> None:
    ledger = opened(tmp_path)
    made = bracket(ledger, tmp_path, [])

    def begin(_: object) -> object:
        raise Interrupted("interrupted", step=1)

    made.trainer = Trainer(made.trainer.goes_with, begin)  # type: ignore[arg-type]
    with pytest.raises(Interrupted):
        made.run()
    assert all(entry.state == "running" for entry in ledger.entries())


@pytest.mark.thorough
def test_killed_at_any_moment_it_loses_no_rung_and_repeats_no_trial(tmp_path: Path) -> None:
    """Killed at file operations all over a bracket of three groups, and run again."""

    def work(folder: Path) -> None:
        book: list[tuple[str, int]] = []
        bracket(opened(folder), folder, book, size=3).run()

    expected = tmp_path / "expected"
    work(expected)
    want = told(Ledger(expected, higher_is_better=False).entries())
    counted = tmp_path / "counted"
    num = num_operations(lambda: work(counted), counted, tmp_path / "note")
    for kill_at in sorted(np.random.default_rng(0).permutation(num)[:25].tolist()):
        folder = tmp_path / f"at-{kill_at}"
        fork(lambda folder=folder: work(folder), folder, kill_at + 1)
        before = {e.number: e for e in Ledger(folder, higher_is_better=False).entries()} if folder.is_dir() else {}
        work(folder)
        after = Ledger(folder, higher_is_better=False).entries()
        assert told(after) == want
        for number, entry in before.items():
            if entry.state != "running":
                assert entry == after[number]
