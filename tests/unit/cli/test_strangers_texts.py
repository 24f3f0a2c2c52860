"""What strangers wrote is shown on a terminal, never obeyed by it."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from alert_material import body
from store_material import START

from tunesmith.artifacts.health import Unfamiliar
from tunesmith.chat import load_chat
from tunesmith.cli.improve import round_lines
from tunesmith.cli.monitor import health_lines
from tunesmith.cli.session import visible
from tunesmith.cli.show import PLAIN, SUPERVISED, before_after_lines, row_lines
from tunesmith.cli.terminal import error_lines, said
from tunesmith.cli.trace import answer_lines
from tunesmith.errors import Place, TunesmithError
from tunesmith.lifecycle.trace import AnswerTrace, NearRow, Said
from tunesmith.records import Example, Message
from tunesmith.stats.gate import GateReason
from tunesmith.store.cycles import Round

SENT = "\x1b]0;title\x07\x9b2Jhello\u202e"
SHOWN = "<U+001B>]0;title<U+0007><U+009B>2Jhello<U+202E>"


def test_requests_that_are_unlike_training() -> None:
    strange = Unfamiliar(exchanges=["ex-1"], examples=[SENT], distance=0.5)
    assert f"  {SHOWN}" in health_lines(body(0, unfamiliar=[strange]))


def test_names_of_files_and_columns() -> None:
    refused = TunesmithError("data-format", place=Place(f"{SENT}.csv", 1), columns=SENT, first=SENT, second=SENT)
    message, place, hint = error_lines(refused, "en")
    assert hint.count(SHOWN) == 4
    assert message.endswith(SHOWN)
    assert place == f"  --> {SHOWN}.csv:1"
    told = {"file": SENT, "count": 1, "format": "labels", "columns": SENT}
    assert said("say.prepare.detected", "info", "zh", told).count(SHOWN) == 2


def test_feedback_on_an_answer_and_the_rows_that_are_like_it() -> None:
    near = NearRow("0" * 16, "train", "rows.jsonl:1", 1.0, SENT)
    correction = Said("fb-1", "correction", None, SENT)
    empty = AnswerTrace("ex-1", START, "desk", (), (), (), (), (), (), (), (), ())
    lines = answer_lines(replace(empty, rows=(near,), feedback=(correction,)))
    assert sum(line.endswith(SHOWN) for line in lines) == 2


def test_what_looks_planted() -> None:
    figures = {"mean": 0.5, "low": 0.4, "high": 0.6, "n": 24, "level": 0.9, "max_loss": 0.05}
    finding = {"code": str(GateReason.TRIGGERED), "suite": SENT, **figures}
    made = Round("0" * 16, "desk", "refused", {"by": "command"}, "desk@1", None, "reject", (finding,), START, START)
    assert SHOWN in round_lines(made)[-1]


@pytest.mark.parametrize("colour", [False, True])
def test_rows_as_the_model_sees_them(colour: bool) -> None:
    chat = load_chat(Path(str(files("tunesmith.model") / "tiny")))
    turns = (Message("user", f"one\ntwo {SENT}"), Message("assistant", SENT))
    lines = row_lines(chat, Example("", turns, Place("rows.jsonl", 1)), "en", colour=colour)
    assert sum(SHOWN in line for line in lines) == 2
    assert any(line.endswith("one") for line in lines)
    shown = "".join(lines).replace(SUPERVISED, "").replace(PLAIN, "")
    assert shown.isprintable()


def test_an_answer_turns_no_text_around_and_keeps_its_wide_spaces() -> None:
    pair = {"prompt": SENT, "reference": "\u3000\u3000好", "answers": {"base": {"reasoning": "", "answer": SENT}}}
    lines = before_after_lines([pair], "zh")
    assert not any(mark in line for line in lines for mark in "\x1b\x9b\u202e")
    assert lines[-1].endswith("\u3000\u3000好")
    assert visible("\u3000\u3000您好\u200b") == "\u3000\u3000您好<U+200B>"
