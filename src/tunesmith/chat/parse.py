"""From generated text back to a message: thinking apart from the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tunesmith.records import Message

OPEN: Final = "<think>"
CLOSE: Final = "</think>"


@dataclass(frozen=True, slots=True)
class Parsed:
    message: Message
    thinking: Literal["closed", "none", "truncated"]


def parse_answer(text: str, *, prefilled: bool) -> Parsed:
    """Split an assistant's text at the first closing tag.

    The opening tag is optional: R1's prompt already ends with it (`prefilled`). Thinking that never closes is
    *truncated*: all of the text is reasoning and the answer is empty.
    """
    body = text.strip()
    opened = body.startswith(OPEN)
    reasoning, closed, answer = body.removeprefix(OPEN).partition(CLOSE)
    if closed:
        return Parsed(Message("assistant", answer.strip(), reasoning.strip()), "closed")
    if opened or prefilled:
        return Parsed(Message("assistant", "", reasoning.strip()), "truncated")
    return Parsed(Message("assistant", body), "none")
