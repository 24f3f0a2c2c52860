"""A row, the part of it that may be reworded, and the rows that are made of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from tunesmith.artifacts.dataset import METHOD_COLUMN
from tunesmith.prepare.checks import identified
from tunesmith.prepare.lengths import KEPT, WINDOW_COLUMN, frame_of
from tunesmith.prepare.rows import ID_COLUMN, PARENT_COLUMN
from tunesmith.prepare.seal import SEALED
from tunesmith.records import Example, Intent, Message

# Metadata that speak of the parent's text alone.
_OF_PARENT: Final = (ID_COLUMN, SEALED, KEPT, WINDOW_COLUMN)


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
    example: Example | None = None
    """The row with all its texts changed; None where only `text` and `answer` are new."""


def parent_of(example: Example, pattern: str) -> Parent | None:
    """None for a row whose annotations say where in the text something stands: nothing may move there."""
    if any(not isinstance(annotation, Intent) for annotation in example.annotations):
        return None
    text = example.messages[_asked(example)].content
    begin, end = frame_of(text, pattern)
    return Parent(example, text[begin:end], text[:begin], text[end:])


def is_single_turn(parent: Parent) -> bool:
    return sum(message.role == "user" for message in parent.example.messages) == 1


def child_of(made: Try, method: str) -> Example:
    """The row with the new text, its parent named, with an id of its own."""
    example = made.example or made.parent.example
    asked = _asked(example)
    messages = list(example.messages)
    messages[asked] = replace(messages[asked], content=made.parent.before + made.text + made.parent.after)
    if made.answer is not None:
        messages[-1] = Message("assistant", made.answer)
    own = {name: value for name, value in example.metadata.items() if name not in _OF_PARENT}
    return identified(
        replace(
            example,
            messages=tuple(messages),
            metadata={**own, PARENT_COLUMN: made.parent.example.id, METHOD_COLUMN: method},
            changes=(),
        )
    )


def _asked(example: Example) -> int:
    """Which message is the last one of the user; the checks see to it that there is one."""
    return max(number for number, message in enumerate(example.messages) if message.role == "user")
