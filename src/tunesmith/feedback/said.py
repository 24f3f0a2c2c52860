"""What was said of served answers: each piece with what people decided of it, and which pieces cannot both hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tunesmith.records import CORRECTION, Exchange, Feedback
from tunesmith.store import Decision, ReviewRating, Store, decisions_of, exchanges_named, review_ratings
from tunesmith.store.feedback_states import State
from tunesmith.text.normalise import fingerprint

THUMB: Final = "thumb"
OF_EXPERT: Final = "rv-"
"""Beginning of the ids of what experts said, which the store keeps as their ratings."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of feedback, from a user or an expert, and what became of it."""

    feedback: Feedback
    state: State | None
    """None where nobody has decided; what experts say is accepted."""
    text: str | None
    """The right answer: of a correction, or where a person gave it in the inbox."""

    @property
    def id(self) -> str:
        return self.feedback.id

    @property
    def exchange(self) -> str:
        return self.feedback.exchange

    @property
    def is_of_expert(self) -> bool:
        return self.id.startswith(OF_EXPERT)


@dataclass(frozen=True)
class Said:
    """All that was said of served answers, and of which."""

    exchanges: Mapping[str, Exchange]
    """By id, those that anything was said of."""
    pieces: Sequence[Piece]


def read_said(store: Store) -> Said:
    """What lies in the store now. Raises RunFailed `store-unavailable`."""
    decisions = decisions_of(store)
    pieces = [*pieces_of(store.feedback(), decisions), *pieces_of_experts(review_ratings(store))]
    wanted = {id for piece in pieces for id in (piece.exchange, piece.feedback.preferred) if id is not None}
    return Said(exchanges_named(store, wanted), pieces)


def of_model(said: Said, model: str) -> Said:
    """What names an answer that a model gave, by any of its versions.

    A preference between its answer and another model's is one of them. What is on exchanges that are gone stays, to be
    counted: nobody can tell whose they were.
    """

    def names_it(piece: Piece) -> bool:
        named = {piece.exchange, piece.feedback.preferred or piece.exchange}
        answered = [said.exchanges[id].model for id in named if id in said.exchanges]
        return not answered or model in answered

    pieces = [piece for piece in said.pieces if names_it(piece)]
    wanted = {id for piece in pieces for id in (piece.exchange, piece.feedback.preferred)}
    return Said({id: exchange for id, exchange in said.exchanges.items() if id in wanted}, pieces)


def pieces_of(feedback: Iterable[Feedback], decisions: Mapping[str, Decision]) -> Iterator[Piece]:
    for one in feedback:
        decision = decisions.get(one.id)
        own = one.text if one.kind == "correction" else None
        if decision is None:
            yield Piece(one, None, own)
        else:
            yield Piece(one, decision.state, decision.text or own)


def pieces_of_experts(ratings: Iterable[ReviewRating]) -> Iterator[Piece]:
    """Grades as ratings, right answers as corrections; a grade that an expert could not give is none."""
    for one in ratings:
        if one.dimension == CORRECTION:
            yield Piece(
                Feedback(_id_of(one), one.exchange, one.at, None, "correction", text=one.text), "accepted", one.text
            )
        elif one.value is not None:
            said = Feedback(_id_of(one), one.exchange, one.at, None, "rating", value=one.value, dimension=one.dimension)
            yield Piece(said, "accepted", None)


def _id_of(rating: ReviewRating) -> str:
    """24 hex digits: the same for what one expert says of one answer in one dimension."""
    named = "\0".join((rating.exchange, rating.rater, rating.dimension))
    return f"{OF_EXPERT}{hashlib.sha256(named.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def contradictory(said: Said, min_rating: int) -> set[str]:
    """Ids of pieces, none of them dismissed, that say otherwise than others on the same answer.

    What a person accepted stands, and only pieces against it are named; where two accepted ones differ, both are. These
    differ: a thumb up and one down, two corrections, a thumb up and a correction, ratings of one dimension on either
    side of `min_rating`, two preferences between the same answers.
    """
    claims = [
        (piece, claim)
        for piece in said.pieces
        if piece.state != "dismissed"
        for claim in _claims(piece, said.exchanges.get(piece.exchange), min_rating)
    ]
    accepted: dict[tuple[str, ...], set[str]] = {}
    undecided: dict[tuple[str, ...], set[str]] = {}
    for piece, (topic, value) in claims:
        (undecided if piece.state is None else accepted).setdefault(topic, set()).add(value)
    return {
        piece.id
        for piece, (topic, value) in claims
        if len({value, *accepted.get(topic, undecided.get(topic, set()))}) > 1
    }


def _claims(piece: Piece, exchange: Exchange | None, min_rating: int) -> list[tuple[tuple[str, ...], str]]:
    """What a piece says, as topics and values."""
    feedback, at = piece.feedback, piece.exchange
    if piece.text is not None:
        right = fingerprint(piece.text)
        answer = exchange.answer if exchange is not None else None
        is_same = answer is not None and fingerprint(answer.content) == right
        return [((at, "correction"), right), ((at, THUMB), str(is_same))]
    if feedback.kind == "thumb" and feedback.value is not None:
        return [((at, THUMB), str(feedback.value > 0))]
    if feedback.kind == "rating" and feedback.value is not None:
        return [((at, f"rating {feedback.dimension}"), str(feedback.value >= min_rating))]
    if feedback.kind == "preference" and feedback.preferred is not None:
        return [(tuple(sorted((at, feedback.preferred))), feedback.preferred)]
    return []
