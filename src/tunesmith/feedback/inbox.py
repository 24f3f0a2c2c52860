"""The inbox: what people said, beside the answer that it is on, and what speaks against taking it as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tunesmith.artifacts.feedback_set import Suspect
from tunesmith.feedback.evidence import evidence_of_said, evidence_of_traffic
from tunesmith.feedback.lessons import question
from tunesmith.feedback.poison import suspects
from tunesmith.feedback.said import Said, contradictory
from tunesmith.records import Exchange, Feedback, FeedbackKind
from tunesmith.store import Decision


@dataclass(frozen=True, slots=True)
class Entry:
    """One piece of feedback as a person sees it."""

    feedback: Feedback
    exchange: Exchange | None
    decision: Decision | None
    is_contradictory: bool
    """Others say otherwise of the same answer."""
    suspects: tuple[str, ...]
    """Patterns in the question that look planted."""

    @property
    def is_open(self) -> bool:
        return self.decision is None

    @property
    def is_doubtful(self) -> bool:
        """Whether somebody is to look at it before it is accepted."""
        return self.is_contradictory or bool(self.suspects)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are meant; what is None leaves it open."""

    kind: FeedbackKind | None = None
    key: str | None = None
    since: datetime | None = None

    @property
    def is_anything(self) -> bool:
        return self == Wanted()

    def holds(self, entry: Entry) -> bool:
        said = entry.feedback
        return (
            self.kind in (None, said.kind)
            and self.key in (None, said.key)
            and (self.since is None or said.at >= self.since)
        )


def entries(said: Said, decisions: Mapping[str, Decision], traffic: Sequence[Exchange], min_rating: int) -> list[Entry]:
    """Everything users said, in the order of its times; patterns are held against the rest of the traffic."""
    other = [exchange for exchange in traffic if exchange.id not in said.exchanges]
    found = suspects(evidence_of_said(said, min_rating), evidence_of_traffic(other))
    against = contradictory(said, min_rating)
    return [
        Entry(
            feedback=piece.feedback,
            exchange=said.exchanges.get(piece.exchange),
            decision=decisions.get(piece.id),
            is_contradictory=piece.id in against,
            suspects=_patterns(said.exchanges.get(piece.exchange), found),
        )
        for piece in said.pieces
        if not piece.is_of_expert
    ]


def _patterns(exchange: Exchange | None, found: Sequence[Suspect]) -> tuple[str, ...]:
    asked = "" if exchange is None else question(exchange.prompt)
    return tuple(suspect.pattern for suspect in found if suspect.pattern in asked)
