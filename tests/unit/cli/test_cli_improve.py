"""What the terminal says of a round: every reason, and every state, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from store_material import START

from tunesmith.cli.improve import round_lines, transfer_lines
from tunesmith.lifecycle.improve.transfer import Rounds
from tunesmith.stats.gate import GateReason
from tunesmith.stats.transfer import Transfer
from tunesmith.store.cycles import Round, RoundState

ROUND = Round(
    "0123456789abcdef",
    "desk",
    "refused",
    {"by": "feedback_rows", "rows": "212"},
    "desk@1",
    None,
    "reject",
    (),
    START,
    START,
)
FIGURES = {"suite": "test", "mean": -0.125, "low": -0.2, "high": -0.05, "n": 32, "level": 0.95, "max_loss": 0.05}


@pytest.mark.parametrize("code", [*GateReason, "overtaken", "export-refused", "certificate-failed"])
def test_every_reason_has_its_words(code: str) -> None:
    own = {"detail": "adapter"} if code not in set(GateReason) else {**FIGURES, "items": ["a", "b"]}
    said = round_lines(replace(ROUND, findings=({"code": code, **own},)))
    assert len(said) == 4
    assert "{" not in "".join(said)
    if code in ("gain_shown", "kept", "lost"):
        assert "-0.125" in said[-1]
        assert "95%" in said[-1]


@pytest.mark.parametrize("state", get_args(RoundState))
def test_every_state_has_its_word(state: RoundState) -> None:
    first, trigger, *_ = round_lines(replace(ROUND, state=state))
    assert "0123456789abcdef" in first
    assert "cli." not in first
    assert trigger.endswith("called for by 212 new rows of feedback")


def test_the_table_shows_who_was_not_asked() -> None:
    kept = Rounds(("aaaa", "bbbb"), "accuracy", ((0.5, None), (0.25, 0.75)), Transfer(0.5, -0.25, 0.25, None))
    head, _, first, second, last = transfer_lines(kept)
    assert "accuracy" in head
    assert first.split()[1:] == ["0.500", "-"]
    assert second.split()[1:] == ["0.250", "0.750"]
    assert "-0.250" in last
    assert transfer_lines(None) == []


def test_what_called_for_a_round_is_told_in_words() -> None:
    when = "2026-03-01T00:00:00+00:00"
    told = {
        "a person": {"by": "command"},
        f"the interval since {when}": {"by": "every", "last": when},
        f"the window until {when}, in which these have changed: length": {
            "by": "drift",
            "features": "length",
            "until": when,
        },
        "source desk, ticket 7": {"source": "desk", "ticket": "7"},
    }
    for words, trigger in told.items():
        assert round_lines(replace(ROUND, trigger=trigger))[1].endswith(f"called for by {words}")
