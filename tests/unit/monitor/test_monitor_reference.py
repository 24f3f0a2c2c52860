"""The training part of a reference: what is asked in training, what the model answers, and no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from monitor_material import LABELS, embed, rows

from tunesmith.artifacts import Identity
from tunesmith.errors import TunesmithError
from tunesmith.monitor.features import EMBEDDING, NGRAMS, input_features
from tunesmith.monitor.reference import KIND, Trained, make_reference, open_reference, surprise
from tunesmith.records import REHEARSAL, Example, Message, Sample, Sampling
from tunesmith.text.ngrams import FiveGramModel

ROWS = rows(1, 90)
HELD_OUT = rows(2, 40)


def identity() -> Identity:
    return Identity(KIND, 1, {}, {}, 0, {})


def questions(of: Sequence[Example]) -> list[str]:
    return [row.prompt[-1].content for row in of]


def sample(answer: str, number: int) -> Sample:
    asked = (Message("user", "q"),)
    return Sample("tuned", "test", f"{number}", 0, asked, "billing", answer, None, answer, {}, Sampling(), 2, "stop")


def test_it_tells_what_rows_ask_and_what_the_model_answers(tmp_path: Path) -> None:
    judged = [sample(answer, n) for n, answer in enumerate(["billing", "delivery.", "what"])]
    found = make_reference(Trained(ROWS, HELD_OUT, judged, LABELS), embed, 30, identity=identity(), out=tmp_path / "r")
    expected = input_features(questions(ROWS))
    assert np.array_equal(found.training.numbers["length"], expected.numbers["length"])
    assert found.training.classes["language"] == expected.classes["language"]
    assert found.training.classes["label"] == {"billing": 1, "delivery": 1, "(none)": 1}
    assert found.training.shares == {"refused": (0, 3)}
    assert found.training.vectors[NGRAMS].shape[0] == found.training.vectors[EMBEDDING].shape[0] == 30
    assert np.array_equal(found.training.vectors[EMBEDDING], embed(questions(ROWS[:30])))
    assert len(found.known.vectors_ND) == 90


def test_surprise_is_that_of_questions_the_model_of_wording_has_not_read(tmp_path: Path) -> None:
    found = make_reference(Trained(ROWS, HELD_OUT, (), ()), embed, 30, identity=identity(), out=tmp_path / "r")
    wording = FiveGramModel.fit(questions(ROWS[::2]))
    expected = [wording.bits_per_byte([text]) for text in questions(ROWS[1::2])]
    assert found.training.numbers["bits_per_byte"].tolist() == expected
    assert surprise(["", "再见"], found.wording)["bits_per_byte"].tolist() == [wording.bits_per_byte(["再见"])]
    assert surprise([""], found.wording) == {}


def test_rehearsal_is_known_but_not_what_is_usually_asked(tmp_path: Path) -> None:
    general = [replace(row, split=REHEARSAL, id=f"g{n}") for n, row in enumerate(rows(3, 30, chinese=1.0))]
    found = make_reference(
        Trained([*general, *ROWS], HELD_OUT, (), ()), embed, 50, identity=identity(), out=tmp_path / "r"
    )
    assert len(found.training.numbers["length"]) == 90
    assert np.array_equal(found.training.vectors[EMBEDDING], embed(questions(ROWS[:50])))
    assert len(found.known.vectors_ND) == 120


def test_styled_rows_are_compared_without_their_style(tmp_path: Path) -> None:
    style = "Ask: {prompt} !"
    styled = [
        replace(row, messages=(Message("user", style.replace("{prompt}", row.prompt[-1].content)), row.answer))
        for row in ROWS
    ]
    found = make_reference(Trained(styled, (), (), (), style), embed, 30, identity=identity(), out=tmp_path / "r")
    assert np.array_equal(found.training.numbers["length"], input_features(questions(ROWS)).numbers["length"])


def test_without_held_out_rows_every_fifth_stands_for_them(tmp_path: Path) -> None:
    found = make_reference(Trained(ROWS, HELD_OUT[:3], (), ()), embed, 30, identity=identity(), out=tmp_path / "r")
    kept = [text for place, text in enumerate(questions(ROWS)) if place % 5]
    assert np.array_equal(found.known.vectors_ND, embed(kept))
    assert found.known.limit > 0


def test_no_text_is_in_its_files(tmp_path: Path) -> None:
    made = make_reference(Trained(ROWS, HELD_OUT, (), ()), embed, 30, identity=identity(), out=tmp_path / "r")
    assert open_reference(tmp_path / "r").known.limit == made.known.limit
    held = b"".join(file.read_bytes() for file in (tmp_path / "r").iterdir())
    for text in questions(ROWS):
        assert text.encode() not in held
        assert text[:8].encode() not in held


def test_too_few_questions_are_refused(tmp_path: Path) -> None:
    empty = [replace(row, messages=(Message("user", ""), row.answer)) for row in ROWS]
    with pytest.raises(TunesmithError, match="monitor-no-rows"):
        make_reference(Trained([*empty, *ROWS[:9]], (), (), ()), embed, 30, identity=identity(), out=tmp_path / "r")
    assert not (tmp_path / "r").exists()
