"""A row as the model sees it, cut where what is supervised begins and ends."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from tunesmith.chat.render import Chat
from tunesmith.records import Rendered


class Piece(NamedTuple):
    """Neighbouring tokens as text, control tokens included; `is_supervised` when the model learns to write them."""

    text: str
    is_supervised: bool


def pieces(chat: Chat, rendered: Rendered) -> list[Piece]:
    runs = groupby(zip(rendered.ids_T.tolist(), (rendered.weights_T > 0).tolist(), strict=True), lambda pair: pair[1])
    return [Piece(chat.decode_all([id for id, _ in run]), is_supervised) for is_supervised, run in runs]
