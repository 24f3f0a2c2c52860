"""Thinking apart from the answer while both are still being written."""

from __future__ import annotations

from typing import Literal, NamedTuple

from tunesmith.chat.parse import CLOSE, OPEN


class Split(NamedTuple):
    """What is new of the thinking and of the answer."""

    reasoning: str
    content: str


class ThinkingSplitter:
    """What `parse_answer` makes of a whole text, piece by piece: whatever the cuts, the joined pieces are the same.

    A closing tag may stand in a text that no tag opened. With `unopened`, what comes before it is thinking, as
    `parse_answer` has it, so that nothing of such a text is told before that tag or the end; without, it is a part of
    the answer, which is told as it comes.
    """

    def __init__(self, *, prefilled: bool, unopened: bool) -> None:
        self._prefilled = prefilled
        self._unopened = unopened
        self._where: Literal["start", "unsure", "reasoning", "content"] = "start"
        self._held = ""
        """What may still become a tag."""
        self._reasoning, self._content = _Stripped(), _Stripped()
        self._is_closed = False

    @property
    def thinking(self) -> Literal["closed", "none", "truncated"]:
        """What `Parsed.thinking` says, once the text is whole."""
        if self._is_closed:
            return "closed"
        return "truncated" if self._where == "reasoning" else "none"

    def feed(self, text: str) -> Split:
        """What is sure now."""
        self._held += text
        if self._where == "start":
            self._begin()
        if self._where in ("unsure", "reasoning"):
            before, is_closed, rest = self._held.partition(CLOSE)
            if is_closed:
                self._where, self._is_closed, self._held = "content", True, ""
                return Split(self._reasoning.feed(before), self._content.feed(rest))
        if self._where == "reasoning":
            told = len(self._held) - _num_begun(self._held, CLOSE)
            before, self._held = self._held[:told], self._held[told:]
            return Split(self._reasoning.feed(before), "")
        if self._where == "content":
            before, self._held = self._held, ""
            return Split("", self._content.feed(before))
        return Split("", "")

    def finish(self) -> Split:
        """The rest, once the text is whole."""
        if self._where in ("start", "unsure"):
            self._where = "reasoning" if self._prefilled else "content"
        rest, self._held = self._held, ""
        if self._where == "reasoning":
            return Split(self._reasoning.feed(rest), "")
        return Split("", self._content.feed(rest))

    def _begin(self) -> None:
        """Leave the start as soon as the text cannot begin with the opening tag any more, or does."""
        self._held = self._held.lstrip()
        if self._held.startswith(OPEN):
            self._where, self._held = "reasoning", self._held.removeprefix(OPEN)
        elif not OPEN.startswith(self._held):
            if self._prefilled:
                self._where = "reasoning"
            else:
                self._where = "unsure" if self._unopened else "content"


class _Stripped:
    """A text without the whitespace at its ends: that at its beginning is dropped, that behind it held back."""

    def __init__(self) -> None:
        self._space = ""
        self._has_begun = False

    def feed(self, text: str) -> str:
        text = self._space + text if self._has_begun else text.lstrip()
        told = text.rstrip()
        self._space = text[len(told) :]
        self._has_begun |= bool(told)
        return told


def _num_begun(text: str, tag: str) -> int:
    """Length of the longest end of a text that the tag begins with; the tag itself is not in it."""
    return next((n for n in range(min(len(tag) - 1, len(text)), 0, -1) if text.endswith(tag[:n])), 0)
