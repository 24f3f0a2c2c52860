"""Reasoning for training rows that have none, by rejection sampling (DeepSeek-AI 2025, arXiv:2501.12948).

A teacher is shown what comes before the row's answer, never the answer. Its thinking becomes the row's where its final
answer is the row's own; that answer stays as it was. Held-out rows are left alone: they are judged by their answers.
What the teacher said lies in the cache, so that an interrupted run asks nothing twice.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tunesmith.artifacts.dataset import TRACE_REJECTS, Synthesis, example_to_json, reject_to_json
from tunesmith.chat.parse import parse_answer
from tunesmith.metrics.checker import Checker, final_answer, passes
from tunesmith.prepare.augment import Workshop, ordered
from tunesmith.prepare.checks import identified
from tunesmith.prepare.duplicates import answer_key, prompt_key, whole_key
from tunesmith.prepare.index import Rows, examples_of
from tunesmith.prepare.lengths import TOO_LONG, frame_of, refused
from tunesmith.prepare.privacy import redacted
from tunesmith.prepare.quality.formats import format_of, is_number
from tunesmith.prepare.rows import cut
from tunesmith.prepare.seal import texts_of
from tunesmith.prepare.split import Assigned
from tunesmith.prepare.teacher import endpoint_of
from tunesmith.prepare.walk import Walk
from tunesmith.recipe.reasoning import Teacher
from tunesmith.records import Example, Message, Rejected
from tunesmith.text.language import language_of
from tunesmith.text.personal import find_personal

if TYPE_CHECKING:
    from tunesmith.engine.endpoint import Endpoint

TEACHER_COLUMN: Final = "reasoning_by"
"""Metadata of a row whose reasoning a teacher wrote: the name of that model."""
BEFORE_COLUMN: Final = "id_without_reasoning"
"""The row's id before that, by which `faults.jsonl` names it."""
ABSENT: Final = "trace-absent"
UNCLOSED: Final = "trace-unclosed"
WRONG: Final = "trace-wrong"
LANGUAGE: Final = "trace-language"
PERSONAL: Final = "trace-personal"
NO_ROOM: Final = "trace-too-long"
_THINK: Final = (
    "Think step by step between <think> and </think>, in the language of the user. After </think> give the final "
    "answer alone, as short as it can be."
)
_LABELS: Final = " It is one of these, to the letter: {labels}."
_MAX_LABELS: Final = 200
_MAX_CHARACTERS: Final = 200
"""Nobody says a longer answer again to the letter."""
_SPAN_BYTES: Final = 1 << 18


@dataclass(slots=True)
class _Tally:
    """Rows that nothing can check; answers, and what became of them."""

    unchecked: int = 0
    answers: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Synthesised:
    """The account, and the training rows that have no reasoning still, ascending."""

    report: Synthesis
    without: Rows


def synthesise(found: Walk, assigned: Assigned, workshop: Workshop) -> Synthesised:
    """Give training rows without reasoning that of the recipe's teacher, in the spool.

    Raises TunesmithError `endpoint-key`; RunFailed `endpoint-failed`, `endpoint-answer`.
    """
    section = workshop.rules.section.teacher
    assert section is not None
    spool, train = found.spool, assigned.rows("train")
    open_rows = train[spool["reasoning_characters"][train] <= 0]
    workshop.scratch.mkdir()
    changed: dict[int, tuple[int, ...]] = {}
    file = workshop.scratch / "lines"
    with (
        (workshop.scratch / TRACE_REJECTS).open("w", encoding="utf-8", newline="\n") as rejects,
        file.open("wb") as lines,
    ):
        lesson = _Lesson(section, workshop, _instruction(found, train), rejects.write)
        for part, span in spool.spans(open_rows, _SPAN_BYTES):
            for place, example in lesson.learn(list(examples_of(span))):
                lines.write(json.dumps(example_to_json(example), ensure_ascii=False).encode() + b"\n")
                changed[int(part[place])] = _index_values(example)
    with file.open("rb") as lines:
        spool.replace(np.array(list(changed), dtype=np.int32), lines, _columns(list(changed.values())))
    without = open_rows[~np.isin(open_rows, list(changed))]
    return Synthesised(_report(section, len(open_rows), lesson.tally), without)


_CHANGED: Final = ("id", "whole", "format", "reasoning_characters")


def _index_values(example: Example) -> tuple[int, ...]:
    whole = whole_key(prompt_key(example), answer_key(example), example)
    return int(example.id, 16), whole, format_of(example), len(example.answer.reasoning or "")


def _columns(values: Sequence[tuple[int, ...]]) -> dict[str, list[int]]:
    return {name: [row[place] for row in values] for place, name in enumerate(_CHANGED)}


def _instruction(found: Walk, train: Rows) -> str:
    """What the teacher is told to do; of the labels only those of training rows."""
    codes = set(found.spool["label"][train].tolist())
    labels = sorted(label for label, code in found.labels.items() if code in codes)
    return _THINK + (_LABELS.format(labels=", ".join(labels)) if 0 < len(labels) <= _MAX_LABELS else "")


@dataclass(frozen=True)
class _Lesson:
    """Asks the teacher about rows, and keeps the thinking that comes to the right answer."""

    section: Teacher
    workshop: Workshop
    instruction: str
    write: Callable[[str], int]
    tally: _Tally = field(default_factory=_Tally)

    def learn(self, examples: Sequence[Example]) -> list[tuple[int, Example]]:
        """The rows that were given reasoning, each with its place, ascending."""
        checkers = [self._checker(example) for example in examples]
        waiting = [place for place, checker in enumerate(checkers) if checker is not None]
        self.tally.unchecked += len(examples) - len(waiting)
        endpoint, learnt = endpoint_of(self.section, self.workshop.runtime), {}
        for number in range(self.section.tries):
            replies = self._replies([examples[place] for place in waiting], endpoint, self.workshop.seed + number)
            for place, reply in zip(waiting, replies, strict=True):
                outcome = self._judged(examples[place], reply, checkers[place] or "exact")
                if isinstance(outcome, Rejected):
                    self._reject(outcome, reply)
                else:
                    self.tally.kept += 1
                    learnt[place] = outcome
            waiting = [place for place in waiting if place not in learnt]
        return sorted(learnt.items())

    def _checker(self, example: Example) -> Checker | None:
        """None where an answer cannot be told right or wrong, or is one to unlearn, or a worse one stands beside it."""
        said = {message.role for message in example.messages}
        if "tool" in said or example.rejected is not None or example.desirable is False or not example.answer.weight:
            return None
        answer = final_answer(example.answer.content)
        if self.section.check == "number" or example.target is not None:
            return "number"
        if self.section.check == "auto" and example.label is None and is_number(answer):
            return "number"
        return "exact" if len(answer) <= _MAX_CHARACTERS else None

    def _replies(self, examples: Sequence[Example], endpoint: Endpoint, seed: int) -> list[str]:
        if not examples:
            return []
        self.tally.answers += len(examples)
        asked = [_asked(example, self.instruction, self.workshop.rules.section.user_style) for example in examples]
        return endpoint.answers(asked, [seed] * len(asked))

    def _judged(self, example: Example, reply: str, checker: Checker) -> Example | Rejected:
        """The row with the thinking of a reply, or why it is not taken."""
        parsed = parse_answer(reply, prefilled=False)
        thinking, said = (parsed.message.reasoning or "").strip(), parsed.message.content
        if parsed.thinking == "truncated":
            return Rejected(example.place, UNCLOSED)
        if not thinking:
            return Rejected(example.place, ABSENT)
        if not passes(said, example.answer.content, checker):
            return Rejected(
                example.place, WRONG, cut(f"{final_answer(said)} != {final_answer(example.answer.content)}")
            )
        languages = language_of(_question(example)), language_of(thinking)
        if set(languages) == {"en", "zh"}:
            return Rejected(example.place, LANGUAGE, " -> ".join(languages))
        return self._fitting(example, thinking)

    def _fitting(self, example: Example, thinking: str) -> Example | Rejected:
        """The row with thinking that came to its answer, unless it tells of persons or makes the row too long."""
        rules = self.workshop.rules
        if rules.section.personal.mode != "off":
            known = "\n".join(texts_of(example).values())
            spans = [span for span in find_personal(thinking) if span.type in rules.section.personal.types]
            new = sorted({span.type for span in spans if thinking[span.start : span.stop] not in known})
            if new:
                return Rejected(example.place, PERSONAL, ", ".join(new))
        origin = {TEACHER_COLUMN: self.section.model, BEFORE_COLUMN: example.id}
        taught = identified(
            replace(
                example,
                messages=(*example.prompt, replace(example.answer, reasoning=thinking)),
                metadata={**example.metadata, **origin},
            )
        )
        unread = refused(taught, rules.section, rules.fits) if rules.fits else None
        if unread is None:
            return taught
        return replace(unread, reason=NO_ROOM) if unread.reason == TOO_LONG else unread

    def _reject(self, reject: Rejected, reply: str) -> None:
        self.tally.rejected[reject.reason] += 1
        shown = replace(reject, row=cut(reply))
        if self.workshop.rules.section.personal.mode != "off":
            shown = redacted(shown)
        self.write(json.dumps(reject_to_json(shown), ensure_ascii=False) + "\n")


def _question(example: Example) -> str:
    return next(message.content for message in reversed(example.prompt) if message.role == "user")


def _asked(example: Example, instruction: str, style: str) -> tuple[Message, ...]:
    """What the teacher is shown: the row before its answer, without the recipe's style around the user's text."""
    system = "\n\n".join([*(one.content for one in example.prompt if one.role == "system"), instruction])
    turns = []
    for message in example.prompt:
        if message.role != "system":
            begin, end = frame_of(message.content, style) if message.role == "user" else (0, len(message.content))
            turns.append(Message(message.role, message.content[begin:end]))
    return (Message("system", system), *turns)


def _report(section: Teacher, num_rows: int, tally: _Tally) -> Synthesis:
    return Synthesis(
        model=section.model,
        url=section.url,
        licence=section.licence,
        rows=num_rows,
        unchecked=tally.unchecked,
        answers=tally.answers,
        kept=tally.kept,
        rejected=ordered(tally.rejected),
    )
