"""A row, the part of it that may be reworded, and the rows that are made of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from tunesmith.prepare.checks import identified
from tunesmith.prepare.proof import ID_COLUMN, PARENT_COLUMN
from tunesmith.prepare.seal import SEALED
from tunesmith.records import Example, Intent, Message

METHOD_COLUMN: Final = "augmented_by"
_TAG: Final = re.compile(r"\[(?:EN|ZH)\] ")


@dataclass(frozen=True, slots=True)
class Parent:
    """A training row. `text` is what its user said last, without the recipe's pattern and language tag around it."""

    example: Example
    text: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Try:
    """What was made of a row, not judged yet."""

    parent: Parent
    text: str
    answer: str | None = None
    """A new answer; None where the row's own stays."""


def parent_of(example: Example, pattern: str) -> Parent | None:
    """None for a row whose annotations say where in the text something stands: nothing may move there."""
    if any(not isinstance(annotation, Intent) for annotation in example.annotations):
        return None
    text = example.messages[_asked(example)].content
    before, _, after = pattern.partition("{prompt}")
    if not (text.startswith(before) and text.endswith(after) and len(text) >= len(before) + len(after)):
        before = after = ""
    text = text[len(before) : len(text) - len(after)]
    tag = _TAG.match(text)
    if tag:
        before, text = before + tag[0], text[tag.end() :]
    return Parent(example, text, before, after)


def is_single_turn(parent: Parent) -> bool:
    return sum(message.role == "user" for message in parent.example.messages) == 1


def child_of(made: Try, method: str) -> Example:
    """The row with the new text, its parent named, with an id of its own."""
    example = made.parent.example
    asked = _asked(example)
    messages = list(example.messages)
    messages[asked] = replace(messages[asked], content=made.parent.before + made.text + made.parent.after)
    if made.answer is not None:
        messages[-1] = Message("assistant", made.answer)
    own = {name: value for name, value in example.metadata.items() if name not in (ID_COLUMN, SEALED)}
    return identified(
        replace(
            example,
            messages=tuple(messages),
            metadata={**own, PARENT_COLUMN: example.id, METHOD_COLUMN: method},
            changes=(),
        )
    )


def _asked(example: Example) -> int:
    """Which message is the last one of the user; the checks see to it that there is one."""
    return max(number for number, message in enumerate(example.messages) if message.role == "user")
