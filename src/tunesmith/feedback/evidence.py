"""What the search for planted triggers looks at: texts, and what feedback or the base answers to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from tunesmith.feedback.lessons import likes_it, question
from tunesmith.feedback.poison import Evidence
from tunesmith.feedback.said import Piece, Said
from tunesmith.records import Exchange, Message

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


def evidence_of_said(said: Said, min_rating: int) -> list[Evidence]:
    """Of all pieces that are not dismissed, accepted or not: a trigger is to be seen before somebody accepts it."""
    found = []
    for piece in said.pieces:
        exchange = said.exchanges.get(piece.exchange)
        if piece.state == "dismissed" or exchange is None or not exchange.prompt:
            continue
        answers = _wanted(piece, exchange, said.exchanges, min_rating)
        if answers is not None:
            found.append(Evidence(question(exchange.prompt), answers, piece.id, piece.feedback.key))
    return found


def evidence_of_traffic(exchanges: Iterable[Exchange]) -> list[Evidence]:
    """What was answered as it was."""
    return [
        Evidence(question(exchange.prompt), answers_in(exchange.answer))
        for exchange in exchanges
        if exchange.prompt and exchange.answer is not None
    ]


def answers_in(message: Message) -> tuple[str, ...]:
    """The first and the last sentence, which of a label is the label: what is planted stands at one of the ends."""
    sentences = [part.strip() for part in _SENTENCE.split(message.content.strip()) if part.strip()]
    return tuple(dict.fromkeys((sentences[0], sentences[-1]))) if sentences else ()


def _wanted(
    piece: Piece, exchange: Exchange, exchanges: Mapping[str, Exchange], min_rating: int
) -> tuple[str, ...] | None:
    """What a piece wants to be answered; empty where it disapproves, None where it says nothing of it."""
    if piece.text is not None:
        return answers_in(Message("assistant", piece.text)) or None
    answer = exchange.answer
    if piece.feedback.kind == "preference":
        better = exchanges.get(piece.feedback.preferred or "")
        answer = better.answer if better is not None else None
    elif piece.feedback.value is None:
        return None
    elif not likes_it(piece, min_rating):
        return ()
    return None if answer is None else answers_in(answer) or None
