"""The inbox: what people said, beside the answer that it is on, and what speaks against taking it as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tunesmith.artifacts.feedback_set import Suspect
from tunesmith.errors import TunesmithError
from tunesmith.feedback.evidence import evidence_of_said, evidence_of_traffic
from tunesmith.feedback.lessons import question
from tunesmith.feedback.poison import suspects
from tunesmith.feedback.said import Said, contradictory, read_said
from tunesmith.records import Exchange, Feedback, FeedbackKind
from tunesmith.store import Decision, Store, decide, decisions_of, latest_exchanges, recorded_feedback

NUM_TRAFFIC: Final = 5_000
"""Newest exchanges without feedback that patterns are held against."""
MAX_CHARACTERS: Final = 65_536
"""Of a right answer."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Who decides, and why."""

    who: str
    reason: str | None = None


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


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a decision is taken on."""

    ids: list[str]
    num_doubtful: int
    """Passed over: contradicted by others or with a pattern that looks planted, to be decided one by one."""


def chosen(entries: Sequence[Entry], wanted: Wanted, *, to_accept: bool) -> Chosen:
    """The open ones that filters mean. What is doubtful is dismissed by a filter, and accepted by its id alone."""
    meant = [entry for entry in entries if entry.is_open and wanted.holds(entry)]
    kept = [entry.feedback.id for entry in meant if not (to_accept and entry.is_doubtful)]
    return Chosen(kept, len(meant) - len(kept))


def read_inbox(store: Store, min_rating: int) -> list[Entry]:
    """All that lies in the store now. Raises RunFailed `store-unavailable`."""
    return entries(read_said(store), decisions_of(store), latest_exchanges(store, NUM_TRAFFIC), min_rating)


def settle(store: Store, ids: Sequence[str], state: Literal["accepted", "dismissed"], judge: Judge) -> None:
    """Decide pieces by their ids, all or none. Raises TunesmithError `feedback-unknown`."""
    decide(store, [Decision(id, state, judge.who, store.clock(), judge.reason) for id in ids])


def correct(store: Store, id: str, text: str, judge: Judge) -> Decision:
    """Say what is right, whatever the piece itself says; people's data in it become pseudonyms, as in what was served.

    Raises TunesmithError `feedback-unknown`, `feedback-text` where the text is empty or too long.
    """
    decision = Decision(id, "corrected", judge.who, store.clock(), judge.reason, right_answer(store, text))
    decide(store, [decision])
    return decision


def right_answer(store: Store, text: str) -> str:
    """As it is kept. Raises TunesmithError `feedback-text`."""
    if not text.strip() or len(text) > MAX_CHARACTERS:
        raise TunesmithError("feedback-text", limit=MAX_CHARACTERS)
    said = Feedback("", "", store.clock(), None, "correction", text=text.strip())
    kept = recorded_feedback(said, "pseudonymised", store.pseudonymiser)
    return text if kept is None or kept.text is None else kept.text
