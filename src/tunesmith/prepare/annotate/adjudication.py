"""The adjudication file: disputed rows with every annotator's answer, and an empty place for the decision.

One JSON object a line. `decision` is null until someone writes there the name of an annotator, whose answer then
counts, or an answer of their own in the same form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tunesmith.artifacts import write_whole
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.annotate.judged import Judged
from tunesmith.prepare.annotate.layers import Answer
from tunesmith.prepare.label_studio import earlier_turns
from tunesmith.records import Entity, Intent, Relation


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Entity(_Written):
    label: str
    start: int
    end: int
    text: str


class _Relation(_Written):
    label: str
    head: int
    tail: int


class WrittenAnswer(_Written):
    """An answer as the file has it; `head` and `tail` count among its entities, from 0."""

    entities: list[_Entity] = []
    relations: list[_Relation] = []
    intents: list[str] = []

    @classmethod
    def of(cls, answer: Answer) -> WrittenAnswer:
        return cls(
            entities=[
                _Entity(label=e.label, start=e.start, end=e.end, text=e.text) for e in answer if isinstance(e, Entity)
            ],
            relations=[_Relation(label=r.label, head=r.head, tail=r.tail) for r in answer if isinstance(r, Relation)],
            intents=[one.label for one in answer if isinstance(one, Intent)],
        )

    def answer(self) -> Answer:
        found = [Entity(e.label, e.start, e.end, e.text) for e in self.entities]
        ties = [Relation(r.label, r.head, r.tail) for r in self.relations]
        return (*found, *ties, *map(Intent, self.intents))

    def fits(self, text: str) -> bool:
        """Whether its entities stand in the text, and its relations between them."""
        ends = [end for relation in self.relations for end in (relation.head, relation.tail)]
        return all(text[e.start : e.end] == e.text != "" and e.start >= 0 for e in self.entities) and all(
            0 <= end < len(self.entities) for end in ends
        )


class _Turn(_Written):
    role: str
    content: str


class Dispute(_Written):
    """One line."""

    id: str
    text: str
    earlier_turns: list[_Turn] = []
    """What was said before the text, where it is the last turn of a conversation."""
    answers: dict[str, WrittenAnswer]
    decision: str | WrittenAnswer | None = None

    def decided(self) -> Answer | None:
        """None while it is open."""
        chosen = self.answers[self.decision] if isinstance(self.decision, str) else self.decision
        return None if chosen is None else chosen.answer()


def dispute_of(judged: Judged) -> Dispute:
    answers = {annotator: WrittenAnswer.of(answer) for annotator, answer in judged.answers.items()}
    turns = [_Turn(role=turn.role, content=turn.content) for turn in earlier_turns(judged.data)]
    return Dispute(id=judged.id, text=judged.text, earlier_turns=turns, answers=answers)


def read_disputes(file: Path) -> dict[str, Dispute]:
    """By id the disputes of an adjudication file; none where there is no file yet.

    Raises TunesmithError `adjudication-line` (broken, or a decision that names nobody or does not fit the text).
    """
    disputes: dict[str, Dispute] = {}
    if not file.is_file():
        return disputes
    for number, line in enumerate(_text(file).split("\n"), 1):
        if not line.strip():
            continue
        try:
            dispute = Dispute.model_validate_json(line)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise TunesmithError(
                "adjudication-line", place=Place(str(file), number), problem=f"{where}: {problem['msg']}"
            ) from error
        decision = dispute.decision
        if isinstance(decision, str) and decision not in dispute.answers:
            raise TunesmithError("adjudication-line", place=Place(str(file), number), problem=f"`{decision}`?")
        if isinstance(decision, WrittenAnswer) and not decision.fits(dispute.text):
            raise TunesmithError("adjudication-line", place=Place(str(file), number), problem="entities?")
        disputes[dispute.id] = dispute
    return disputes


def _text(file: Path) -> str:
    content = file.read_bytes()
    try:
        return content.decode("utf-8-sig")  # editors put a mark in front
    except UnicodeDecodeError as error:
        number = 1 + content.count(b"\n", 0, error.start)
        raise TunesmithError("adjudication-line", place=Place(str(file), number), problem="UTF-8?") from error


def write_disputes(file: Path, disputes: Iterable[Dispute]) -> None:
    lines = [json.dumps(_line(dispute), ensure_ascii=False) + "\n" for dispute in disputes]
    write_whole(file, "".join(lines).encode())


def _line(dispute: Dispute) -> Mapping[str, Any]:
    return dispute.model_dump(mode="json", exclude=None if dispute.earlier_turns else {"earlier_turns"})


def merged(new: Dispute, known: Dispute | None) -> Dispute:
    """The dispute as it stands now, with the decision that was taken on it.

    One that names an annotator holds only while that annotator's answer is the one that was judged.
    """
    if known is None or known.text != new.text:
        return new
    decision = known.decision
    if isinstance(decision, str) and new.answers.get(decision) != known.answers[decision]:
        return new
    return new.model_copy(update={"decision": decision})
