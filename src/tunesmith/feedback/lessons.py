"""What single pieces of feedback teach: answers to learn, pairs to prefer in, answers to like or dislike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tunesmith.artifacts.feedback_set import EXCHANGE_COLUMN, FEEDBACK_COLUMN, KEY_COLUMN
from tunesmith.feedback.said import THUMB, Piece
from tunesmith.recipe import Prepare
from tunesmith.records import Exchange, Message
from tunesmith.text.normalise import fingerprint, unstyled


@dataclass(frozen=True, slots=True)
class Lesson:
    """One row to be, and what it came from."""

    exchange: str
    pieces: tuple[Piece, ...]
    prompt: tuple[Message, ...]
    answer: Message
    label: str | None = None
    """Where rows of the base have labels."""
    rejected: Message | None = None
    """Of a pair: the worse answer."""
    desirable: bool | None = None
    """Of a rated answer."""

    @property
    def key(self) -> str | None:
        """The API key that the feedback came with."""
        return next((piece.feedback.key for piece in self.pieces if piece.feedback.key is not None), None)

    @property
    def question(self) -> str:
        return question(self.prompt)

    def row(self) -> dict[str, Any]:
        """As a line of its file."""
        origin = {EXCHANGE_COLUMN: self.exchange, FEEDBACK_COLUMN: " ".join(piece.id for piece in self.pieces)}
        if self.key is not None:
            origin[KEY_COLUMN] = self.key
        if self.rejected is not None:
            pair = {"chosen": _turn(self.answer), "rejected": _turn(self.rejected)}
            return {"prompt": [_turn(message) for message in self.prompt], **pair, **origin}
        messages = [_turn(message) for message in (*self.prompt, self.answer)]
        if self.desirable is not None:
            return {"messages": messages, "desirable": self.desirable, **origin}
        if self.label is not None:
            told = {"user": "text", "system": "system"}
            return {**{told[message.role]: message.content for message in self.prompt}, "label": self.label, **origin}
        return {"messages": messages, **origin}


def question(prompt: Sequence[Message]) -> str:
    """What user and assistant say before the answer, as `prepare` compares it."""
    return "\n".join(message.content for message in prompt if message.role != "system")


def _turn(message: Message) -> dict[str, str]:
    thought = {} if message.reasoning is None else {"reasoning_content": message.reasoning}
    return {"role": message.role, **thought, "content": message.content}


def likes_it(piece: Piece, min_rating: int) -> bool:
    """Whether a thumb or a rating is for the answer."""
    value = piece.feedback.value or 0
    return value > 0 if piece.feedback.kind == THUMB else value >= min_rating


def bare(prompt: Sequence[Message], section: Prepare) -> tuple[Message, ...]:
    """A prompt without the system message and the pattern that `prepare` puts around a row, and will again."""
    kept = [message for message in prompt if not (message.role == "system" and message.content == section.system)]
    users = [place for place, message in enumerate(kept) if message.role == "user"]
    if len(users) == 1:
        (place,) = users
        kept[place] = replace(kept[place], content=unstyled(kept[place].content, section.user_style))
    return tuple(kept)


@dataclass(frozen=True)
class School:
    """What decides which rows feedback becomes."""

    labels: frozenset[str] | None
    """Of the base, where every row of it has one."""
    min_rating: int

    def label_of(self, exchange: Exchange) -> str | None:
        """The class that was answered; None where none was, or the answer is no class."""
        if self.labels is None or exchange.answer is None:
            return None
        said = exchange.answer.content.strip()
        return exchange.label or (said if said in self.labels else None)

    def fits(self, exchange: Exchange) -> bool:
        """Whether it asks what rows of the base ask: with labels, one text that was classified or left undecided."""
        if self.labels is None:
            return True
        turns = [message.role for message in exchange.prompt if message.role != "system"]
        return turns == ["user"] and (exchange.answer is None or self.label_of(exchange) is not None)

    def lessons(self, exchange: Exchange, pieces: Sequence[Piece], others: Mapping[str, Exchange]) -> list[Lesson]:
        """What all that holds of one exchange teaches together."""
        corrections = tuple(piece for piece in pieces if piece.text is not None and piece.text.strip())
        votes = tuple(piece for piece in pieces if piece.text is None and piece.feedback.value is not None)
        found = []
        if corrections:
            found.append(self._row(exchange, corrections, str(corrections[0].text).strip()))
        if votes and exchange.answer is not None:
            right = [fingerprint(str(piece.text)) for piece in corrections]
            is_right = set(right) <= {fingerprint(exchange.answer.content)}
            likes = is_right and all(likes_it(piece, self.min_rating) for piece in votes)
            found.append(Lesson(exchange.id, votes, exchange.prompt, exchange.answer, desirable=likes))
            label = self.label_of(exchange)
            if likes and label is not None and not corrections:
                found.append(self._row(exchange, votes, label))
        for piece in pieces:
            pair = _pair(exchange, piece, others)
            if pair is not None:
                found.append(pair)
        return found

    def _row(self, exchange: Exchange, pieces: tuple[Piece, ...], said: str) -> Lesson:
        if self.labels is None:
            return Lesson(exchange.id, pieces, exchange.prompt, Message("assistant", said))
        # whoever types a class may write it in capitals
        label = self._label_by_fingerprint.get(fingerprint(said), said)
        return Lesson(exchange.id, pieces, exchange.prompt, Message("assistant", label), label=label)

    @cached_property
    def _label_by_fingerprint(self) -> dict[str, str]:
        return {fingerprint(label): label for label in sorted(self.labels or ())}


def _pair(exchange: Exchange, piece: Piece, others: Mapping[str, Exchange]) -> Lesson | None:
    """None where the answers are equal, or were given to different prompts."""
    better = others.get(piece.feedback.preferred or "")
    if piece.text is not None or better is None or better.answer is None or exchange.answer is None:
        return None
    if better.answer.content == exchange.answer.content or better.prompt != exchange.prompt:
        return None
    return Lesson(better.id, (piece,), exchange.prompt, better.answer, rejected=exchange.answer)
