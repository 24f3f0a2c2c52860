"""What is asked: test rows, the items of the general suites and of the user's own, in one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tunesmith.errors import Phrase, Place, TunesmithError
from tunesmith.metrics.checks import Check, Exact, is_right
from tunesmith.records import Example, Message, PlainText
from tunesmith.text.language import language_of

GENERAL_FILE: Final = "suites/general.jsonl"
SAFETY_FILE: Final = "suites/safety.jsonl"
SWAPPED: Final = "swapped:"
"""What the suites begin with in which test items are asked once more about somebody else."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question with what counts as right."""

    id: str
    suite: str
    prompt: tuple[Message, ...]
    answer: Message
    """The reference; its content is the answer, its reasoning the reference thinking."""
    accepted: tuple[str, ...]
    """All contents that count as an exact match."""
    label: str | None = None
    group: str | None = None
    language: str = "other"
    target: float | None = None
    text: PlainText | None = None
    """Where the item is a text to be read: `prompt` is the whole of it, `answer` what is judged."""
    source: str = ""
    """The file that the row came from."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """What else the row says."""
    must_refuse: bool | None = None
    """Of a request of the safety suite, whether it is to be refused; None of any other question."""
    kind: str | None = None
    """What a question of a suite is about."""
    check: Check | None = None
    """How the answer to a question of a suite is judged; None of any other item."""

    @property
    def is_of_task(self) -> bool:
        """Whether it is a test item, perhaps about somebody else; not one of a general suite."""
        return self.suite == "test" or self.suite.startswith(SWAPPED)


def test_items(examples: Sequence[Example], max_items: int | None, seed: int) -> list[Item]:
    """The test rows, or a seeded sample of them in their order."""
    chosen: Sequence[int] = range(len(examples))
    if max_items is not None and max_items < len(examples):
        chosen = sorted(np.random.default_rng(seed).permutation(len(examples))[:max_items].tolist())
    return [_from_example(examples[index]) for index in chosen]


def row_items(examples: Sequence[Example], suite: str) -> list[Item]:
    """The rows as items of a suite."""
    return [replace(_from_example(example), suite=suite) for example in examples]


def general_items() -> list[Item]:
    """The shipped general suites, `general_en` and `general_zh`."""
    text = (files("tunesmith.evaluate") / GENERAL_FILE).read_text(encoding="utf-8")
    rows = [_Shipped.model_validate_json(line) for line in text.splitlines()]
    return [_question(row.id, f"general_{row.language}", row, row.language) for row in rows]


def suite_items(name: str, file: Path) -> list[Item]:
    """A suite of the user's own. Raises TunesmithError `suite-file` with the line that is no item."""
    if not file.is_file():
        raise TunesmithError("suite-file", place=Place(str(file)), suite=name, problem=Phrase("suite-file.absent"))
    items = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        place = Place(str(file), number)
        try:
            question = Question.model_validate_json(line)
        except ValidationError as failure:
            raise TunesmithError("suite-file", place=place, suite=name, problem=Phrase("suite-file.row")) from failure
        if not is_right(question.answer, (question.answer, *question.aliases), question.check):
            raise TunesmithError("suite-file", place=place, suite=name, problem=Phrase("suite-file.check"))
        items.append(_question(f"{name}-{number}", name, question, language_of(question.prompt)))
    if not items:
        raise TunesmithError("suite-file", place=Place(str(file)), suite=name, problem=Phrase("suite-file.empty"))
    return items


class Question(BaseModel):
    """A line of a suite's file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    prompt: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    aliases: tuple[str, ...] = ()
    """Other answers that are right too."""
    kind: str | None = Field(None, min_length=1)
    """Figures are also given for the questions of one kind."""
    check: Check = Exact()
    """How the answer is judged; `answer` passes it."""


class _Shipped(Question):
    id: str
    language: Literal["en", "zh"]


def _question(id: str, suite: str, question: Question, language: str) -> Item:
    return Item(
        id=id,
        suite=suite,
        prompt=(Message("user", question.prompt),),
        answer=Message("assistant", question.answer),
        accepted=(question.answer, *question.aliases),
        language=language,
        kind=question.kind,
        check=question.check,
    )


def _from_example(example: Example) -> Item:
    answer = example.answer
    if example.text is not None:
        answer = Message("assistant", example.prompt[-1].content[example.text.num_context :])
    return Item(
        id=example.id,
        suite="test",
        prompt=example.prompt,
        answer=answer,
        accepted=(answer.content,),
        label=example.label,
        group=example.group,
        language=language_of(example.prompt[-1].content),
        target=example.target,
        text=example.text,
        source=Path(example.place.file).name,
        columns=example.metadata,
    )
