from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tunesmith.search.ledger import FILE, NUM_STARTUP, Ledger, parts_of, share_of

SPACE = {
    "rate": FloatDistribution(1e-4, 1.0, log=True),
    "rank": IntDistribution(4, 64, log=True),
    "method": CategoricalDistribution(("full", "lora")),
}


def filled(folder: Path, by: str, seed: int, num: int, *, reopened: bool = False) -> list[dict[str, object]]:
    """Settings of so many trials, each told before the next is proposed."""
    folder.mkdir()
    ledger = Ledger(folder, higher_is_better=False)
    for number in range(num):
        if reopened:
            ledger = Ledger(folder, higher_is_better=False)
        settings = ledger.propose(SPACE, by, seed)  # type: ignore[arg-type]
        assert settings is not None
        ledger.begin(settings, SPACE, number // 8)
        if number % 3:
            ledger.reached(number, Fraction(1), float(settings["rate"]))  # type: ignore[arg-type]
            ledger.complete(number, float(settings["rate"]))  # type: ignore[arg-type]
    return [dict(entry.settings) for entry in ledger.entries()]


@pytest.mark.parametrize("by", ["random", "tpe"])
def test_the_same_seed_proposes_the_same_also_when_opened_anew_each_time(tmp_path: Path, by: str) -> None:
    first = filled(tmp_path / "a", by, 3, 14)
    assert filled(tmp_path / "b", by, 3, 14, reopened=True) == first
    assert filled(tmp_path / "c", by, 4, 14) != first
    assert len({str(settings) for settings in first}) == 14


def test_tpe_is_chance_until_the_first_bracket_is_over(tmp_path: Path) -> None:
    """What was told of trials changes the later proposals, and only those."""
    found = {}
    for sign in (1.0, -1.0):
        folder = tmp_path / str(sign)
        folder.mkdir()
        ledger = Ledger(folder, higher_is_better=False)
        for number in range(NUM_STARTUP + 4):
            settings = ledger.propose(SPACE, "tpe", 0)
            assert settings is not None
            ledger.begin(settings, SPACE, 0)
            value = sign * float(settings["rate"])  # type: ignore[arg-type]
            ledger.reached(number, Fraction(1), value)
            ledger.complete(number, value)
        found[sign] = [entry.settings for entry in ledger.entries()]
    assert found[1.0][:NUM_STARTUP] == found[-1.0][:NUM_STARTUP]
    assert found[1.0][NUM_STARTUP:] != found[-1.0][NUM_STARTUP:]


def test_nothing_is_proposed_twice_and_an_exhausted_space_ends(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, higher_is_better=True)
    small = {"a": IntDistribution(1, 3), "b": CategoricalDistribution(("x", "y"))}
    found = []
    while (settings := ledger.propose(small, "random", 0)) is not None:
        ledger.begin(settings, small, 0)
        found.append(tuple(settings.values()))
    assert sorted(found) == [(a, b) for a in (1, 2, 3) for b in ("x", "y")]


def test_what_is_written_down_is_read_back(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, higher_is_better=False)
    for rate in (0.1, 0.2, 0.3, 0.4):
        ledger.begin({"rate": rate, "rank": 8, "method": "full"}, SPACE, 2)
    ledger.plan(0, 40)
    ledger.reached(0, Fraction(1, 8), 2.5)
    ledger.reached(0, Fraction(1), 1.5)
    ledger.complete(0, 1.5)
    ledger.reached(1, Fraction(1, 8), 3.0)
    ledger.prune(1)
    ledger.fail(2, "no room")
    first, second, third, fourth = Ledger(tmp_path, higher_is_better=False).of_bracket(2)
    assert (first.state, first.num_steps, first.parts, first.value) == ("complete", 40, parts_of(Fraction(1)), 1.5)
    assert dict(first.values) == {125_000: 2.5, 1_000_000: 1.5}
    assert (second.state, second.value) == ("pruned", 3.0)
    assert (third.state, third.problem, third.value) == ("failed", "no room", None)
    assert (fourth.state, fourth.settings) == ("running", {"rate": 0.4, "rank": 8, "method": "full"})


def test_a_torn_line_is_no_line(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, higher_is_better=False)
    ledger.begin({"rate": 0.1, "rank": 8, "method": "full"}, SPACE, 0)
    whole = (tmp_path / FILE).read_bytes()
    ledger.begin({"rate": 0.2, "rank": 8, "method": "full"}, SPACE, 0)
    longer = (tmp_path / FILE).read_bytes()
    for length in (len(whole) + 1, len(longer) - 1):
        (tmp_path / FILE).write_bytes(longer[:length])
        again = Ledger(tmp_path, higher_is_better=False)
        assert len(again.entries()) == 1
        again.begin({"rate": 0.3, "rank": 8, "method": "full"}, SPACE, 0)
        assert [entry.settings["rate"] for entry in Ledger(tmp_path, higher_is_better=False).entries()] == [0.1, 0.3]


def test_shares_come_back_as_they_were_given() -> None:
    shares = [Fraction(1, eta**power) for eta in range(2, 12) for power in range(10) if eta**power <= 1000]
    assert [share_of(parts_of(share)) for share in shares] == shares
