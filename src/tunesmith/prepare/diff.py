"""What became of a row, for reading on a terminal: the changed places alone, character by character in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest

from tunesmith.records import Example, Message
from tunesmith.text.tokens import HAN, KANA

_NUM_CONTEXT_UNITS = 8
# A word, one Chinese or Japanese character, one mark, or white space; line ends stand alone.
_UNIT = re.compile(rf"[{HAN}{KANA}]|[^\W{HAN}{KANA}]+|\n|[^\S\n]+|.", re.DOTALL)


def diff_rows(before: Example, after: Example) -> list[str]:
    """Lines of a unified diff over words and Chinese characters, empty when both rows say the same.

    `@@ messages[1] assistant @@` names the text; each changed place follows as a line `-` with what was and a line `+`
    with what is, between a few units that are equal in both. Characters that cannot be seen are written as escapes.
    """
    lines: list[str] = []
    for name, old, new in _texts(before, after):
        if old != new:
            lines += [f"@@ {name} @@", *_places(old, new)]
    return lines


def _texts(before: Example, after: Example) -> Iterator[tuple[str, str, str]]:
    """Name, old and new text; a message that only one row has is empty in the other."""
    for index, (old, new) in enumerate(zip_longest(before.messages, after.messages)):
        yield from _message_texts(f"messages[{index}]", old, new)
    yield from _message_texts("rejected", before.rejected, after.rejected)
    yield "label", before.label or "", after.label or ""


def _message_texts(name: str, old: Message | None, new: Message | None) -> Iterator[tuple[str, str, str]]:
    role = " -> ".join(dict.fromkeys(message.role for message in (old, new) if message))
    yield f"{name} {role} reasoning", (old and old.reasoning) or "", (new and new.reasoning) or ""
    yield f"{name} {role}", old.content if old else "", new.content if new else ""


def _places(old: str, new: str) -> Iterator[str]:
    old_units, new_units = _UNIT.findall(old), _UNIT.findall(new)
    matcher = SequenceMatcher(None, old_units, new_units, autojunk=False)
    for group in matcher.get_grouped_opcodes(_NUM_CONTEXT_UNITS):
        (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = group[0], group[-1]
        yield "-" + _shown(old_units, old_start, old_end)
        yield "+" + _shown(new_units, new_start, new_end)


def _shown(units: list[str], start: int, end: int) -> str:
    """The units from `start` to `end`, with an ellipsis where the text goes on."""
    text = "".join(_visible(character) for character in "".join(units[start:end]))
    return ("…" if start else "") + text + ("…" if end < len(units) else "")


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")
