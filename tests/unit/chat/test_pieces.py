from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from tunesmith.chat import Chat, load_chat
from tunesmith.chat.pieces import pieces
from tunesmith.errors import Place
from tunesmith.records import Example, Message


@pytest.fixture(scope="module")
def chat() -> Chat:
    return load_chat(Path(str(files("tunesmith.model") / "tiny")))


def test_what_the_model_writes_is_apart_from_what_it_reads(chat: Chat) -> None:
    turns = (
        Message("user", "Where is it?"),
        Message("assistant", "On its way.", "The parcel left."),
        Message("user", "还有多久？"),
        Message("assistant", "三天。"),
    )
    rendered = chat.render(Example("", turns, Place("rows.jsonl", 1)))
    found = pieces(chat, rendered)
    assert [piece.is_supervised for piece in found[:4]] == [False, True, False, True]
    assert "".join(piece.text for piece in found) == chat.decode_all(rendered.ids_T.tolist())
    written = [piece.text for piece in found if piece.is_supervised]
    assert len(written) == 2
    assert "The parcel left." in written[0]
    assert "On its way." in written[0]
    assert "三天。" in written[1]
    assert not any("Where is it?" in text or "还有多久" in text for text in written)


def test_an_answer_of_weight_0_is_only_read(chat: Chat) -> None:
    turns = (Message("user", "Hello"), Message("assistant", "Good day.", weight=0.0))
    assert [piece.is_supervised for piece in pieces(chat, chat.render(Example("", turns, Place("x", 1))))] == [False]
