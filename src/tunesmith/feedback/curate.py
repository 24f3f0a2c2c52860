"""From feedback to rows: what may be learned, from whom, and what of it nobody has yet.

Whatever gives no row has a reason and is counted. What asks the same as a validation or test row of the base, exactly
or nearly, is never learned: the yardstick of the champion stays the yardstick of what follows it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from tunesmith.artifacts import Dataset
from tunesmith.artifacts.dataset import read_examples
from tunesmith.artifacts.feedback_set import Reason
from tunesmith.feedback.lessons import Lesson, School, bare, question
from tunesmith.feedback.near import blocks, near_pairs
from tunesmith.feedback.said import Piece, Said, contradictory
from tunesmith.recipe import Prepare
from tunesmith.recipe.feedback import Curate
from tunesmith.records import Example, Exchange, Split
from tunesmith.text.normalise import fingerprint
from tunesmith.text.shingles import NO_KEYS, Likeness, common_shingles

NUM_SAMPLED: Final = 1_000
"""Rows of the base by which passages that many of them share are told."""


@dataclass(frozen=True)
class Curated:
    """The rows of each file, and what became of the other pieces."""

    rows: list[Lesson]
    preferences: list[Lesson]
    ratings: list[Lesson]
    left_out: dict[str, Reason]
    """By id of a piece why it gave no row."""


def plain_said(said: Said, section: Prepare) -> Said:
    """With prompts as the base's rows have them before `prepare` styles them."""
    exchanges = {id: replace(one, prompt=bare(one.prompt, section)) for id, one in said.exchanges.items()}
    return Said(exchanges, said.pieces)


def curate(said: Said, base: Base, section: Curate, seed: int) -> Curated:
    """What may be learned of what was said, with plain prompts (`plain_said`), beside the rows of the base."""
    school = School(base.labels, section.min_rating)
    sieve = _Sieve()
    lessons = _lessons(said, school, section, sieve)
    lessons = sieve.without(lessons, base.held_out(lessons), "held-out")
    rows = [lesson for lesson in lessons if lesson.rejected is None and lesson.desirable is None]
    pairs = [lesson for lesson in lessons if lesson.rejected is not None]
    rated = [lesson for lesson in lessons if lesson.desirable is not None]
    rows = sieve.without(rows, base.repeated(rows), "duplicate")
    pairs, rated = (sieve.without(part, _repeated(part), "duplicate") for part in (pairs, rated))
    rows, pairs, rated = (
        sieve.without(part, over_share(part, section.max_share_of_key, seed), "flood") for part in (rows, pairs, rated)
    )
    taught = {piece.id for lesson in chain(rows, pairs, rated) for piece in lesson.pieces}
    left_out = {id: reason for id, reason in sieve.reasons.items() if id not in taught}
    return Curated(rows, pairs, rated, left_out)


@dataclass
class _Sieve:
    """Why pieces were left out, by their ids; the first reason stands."""

    reasons: dict[str, Reason] = field(default_factory=dict)

    def note(self, piece: Piece, reason: Reason) -> None:
        self.reasons.setdefault(piece.id, reason)

    def without(self, lessons: Sequence[Lesson], places: set[int], reason: Reason) -> list[Lesson]:
        for place in places:
            for piece in lessons[place].pieces:
                self.note(piece, reason)
        return [lesson for place, lesson in enumerate(lessons) if place not in places]


def _lessons(said: Said, school: School, section: Curate, sieve: _Sieve) -> list[Lesson]:
    """What each exchange teaches, in the order in which it was first spoken of."""
    against = contradictory(said, section.min_rating)
    kept: dict[str, list[Piece]] = {}
    for piece in said.pieces:
        reason = _objection(piece, said, school, section) or ("contradictory" if piece.id in against else None)
        if reason is None:
            kept.setdefault(piece.exchange, []).append(piece)
        else:
            sieve.note(piece, reason)
    found = [
        lesson for id, pieces in kept.items() for lesson in school.lessons(said.exchanges[id], pieces, said.exchanges)
    ]
    taught = {piece.id for lesson in found for piece in lesson.pieces}
    for piece in chain.from_iterable(kept.values()):
        if piece.id not in taught:
            sieve.note(piece, "no-pair" if piece.feedback.kind == "preference" else "no-text")
    return found


def _objection(piece: Piece, said: Said, school: School, section: Curate) -> Reason | None:
    """Why a piece alone, whatever else was said, may not be learned from."""
    if piece.state == "dismissed":
        return "dismissed"
    if piece.state is None and section.use == "accepted":
        return "not-accepted"
    if piece.feedback.kind == "comment" and piece.text is None:
        return "comment"
    named = {piece.exchange, piece.feedback.preferred or piece.exchange}
    exchanges = [said.exchanges[id] for id in named if id in said.exchanges]
    if len(exchanges) < len(named) or not all(exchange.prompt for exchange in exchanges):
        return "no-text"
    if not all(_consents(exchange, section) for exchange in exchanges):
        return "no-consent"
    return None if all(map(school.fits, exchanges)) else "other-task"


def _consents(exchange: Exchange, section: Curate) -> bool:
    return section.consent is None or exchange.key in section.consent


class Base:
    """The rows that the champion was trained on and is judged by."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.section = Prepare.model_validate(dataset.manifest.section)
        report = dataset.report()
        self.labels = frozenset(report.labels) if report.task == "labels" else None
        sampled = [self.question_of(row) for row in dataset.sample("train", NUM_SAMPLED)]
        threshold = self.section.duplicates.threshold
        self._likeness = Likeness(threshold, common_shingles(Likeness(threshold, NO_KEYS).each_set(sampled)))
        self._answers = Likeness(threshold, NO_KEYS)

    def question_of(self, row: Example) -> str:
        return question(bare(row.prompt, self.section))

    def held_out(self, lessons: Sequence[Lesson]) -> set[int]:
        """Those whose question is that of a validation or test row, or nearly."""
        questions = [lesson.question for lesson in lessons]
        places = _places(questions)
        found: set[int] = set()
        for block in blocks(chain(self._rows("validation"), self._rows("test"))):
            others = [self.question_of(row) for row in block]
            found.update(*(places.get(fingerprint(other), ()) for other in others))
            found.update(place for place, _ in near_pairs(questions, others, self._likeness))
        return found

    def repeated(self, lessons: Sequence[Lesson]) -> set[int]:
        """Those that a training row or an earlier lesson makes superfluous: question and answer equal, or nearly."""
        questions = [lesson.question for lesson in lessons]
        found = _repeated(lessons)
        for block in blocks(self._rows("train")):
            others = [self.question_of(row) for row in block]
            found |= self._same(lessons, [row.answer.content for row in block], (questions, others))
        for place, near in near_pairs(questions, questions, self._likeness):
            earlier = [other for other in near if other < place and other not in found]
            if any(self._agree(lessons[place], lessons[other].answer.content) for other in earlier):
                found.add(place)
        return found

    def _same(
        self, lessons: Sequence[Lesson], answers: Sequence[str], questions: tuple[list[str], list[str]]
    ) -> set[int]:
        """Those that some rows with these answers make superfluous; `questions` are those of both."""
        own, others = questions
        places = _places(others)
        found = set()
        near = dict(near_pairs(own, others, self._likeness))
        for place, lesson in enumerate(lessons):
            alike = {*near.get(place, ()), *places.get(fingerprint(own[place]), ())}
            if any(self._agree(lesson, answers[other]) for other in alike):
                found.add(place)
        return found

    def _agree(self, lesson: Lesson, answer: str) -> bool:
        """Whether an answer says what a lesson does; labels must be equal."""
        if fingerprint(lesson.answer.content) == fingerprint(answer):
            return True
        one, other = self._answers.each_set([lesson.answer.content, answer])
        return self.labels is None and self._answers.alike(one, other)

    def _rows(self, split: Split) -> Iterator[Example]:
        return read_examples(self.dataset.folder / f"{split}.jsonl")


def _places(texts: Sequence[str]) -> dict[str, list[int]]:
    """Where equal texts stand, by their fingerprint."""
    found: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        found.setdefault(fingerprint(text), []).append(place)
    return found


def _repeated(lessons: Sequence[Lesson]) -> set[int]:
    """Those that equal an earlier one."""
    seen: set[tuple[object, ...]] = set()
    found = set()
    for place, lesson in enumerate(lessons):
        worse = None if lesson.rejected is None else fingerprint(lesson.rejected.content)
        key = fingerprint(lesson.question), fingerprint(lesson.answer.content), worse, lesson.desirable
        if key in seen:
            found.add(place)
        seen.add(key)
    return found


def over_share(lessons: Sequence[Lesson], max_share: float, seed: int) -> set[int]:
    """Of the rows of keys that have more than their share, those that the seed draws to be left out.

    Every key keeps at most c rows, c the largest number with c <= `max_share` * (rows that are kept). With so few keys
    that this cannot be, they keep equally many; rows without a key count and are not limited.
    """
    of_key: dict[str, list[int]] = {}
    for place, lesson in enumerate(lessons):
        if lesson.key is not None:
            of_key.setdefault(lesson.key, []).append(place)
    if not of_key:
        return set()
    num_free = len(lessons) - sum(map(len, of_key.values()))
    limit = _limit([len(places) for places in of_key.values()], num_free, max_share)
    found: set[int] = set()
    for places in of_key.values():
        found.update(sorted(places, key=lambda place: _lot(lessons[place], seed))[limit:])
    return found


def _limit(sizes: Sequence[int], num_free: int, max_share: float) -> int:
    """The largest number of rows that one key may keep."""
    share = max_share if num_free else max(max_share, 1 / len(sizes))
    for limit in range(max(sizes), 0, -1):
        if limit <= share * (num_free + sum(min(size, limit) for size in sizes)) + 1e-9:
            return limit
    return 0


def _lot(lesson: Lesson, seed: int) -> str:
    named = f"{seed} {lesson.exchange} {' '.join(piece.id for piece in lesson.pieces)}"
    return hashlib.sha256(named.encode()).hexdigest()


def counted(left_out: dict[str, Reason]) -> dict[Reason, int]:
    """The most frequent reason first."""
    return dict(Counter(left_out.values()).most_common())
