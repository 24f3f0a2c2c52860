"""From the tokens of an answer to its text, piece by piece: nothing is shown that a later token could take back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

HALF: Final = "\ufffd"
"""What a tokenizer makes of bytes that are not yet, or never, a character."""


@dataclass(slots=True)
class TextOut:
    """The text of one answer while it is written."""

    decode: Callable[[Sequence[int]], str]
    stop: tuple[str, ...] = ()
    stopped: bool = False
    """Whether a stop text was met."""
    _window: list[int] = field(default_factory=list)
    """Tokens whose text is known, which decide how those behind them are spaced, and then those behind them."""
    _num_known: int = 0
    _held: str = ""
    """Text that may be the beginning of a stop text."""

    def add(self, token: int) -> str:
        """What is sure to stay now."""
        self._window.append(token)
        before, now = self.decode(self._window[: self._num_known]), self.decode(self._window)
        if now == before:  # a token that is not shown
            self._window.pop()
        if now.endswith(HALF) or len(now) <= len(before):
            return ""
        del self._window[: self._num_known]
        self._num_known = len(self._window)
        return self._shown(now[len(before) :])

    def end(self) -> str:
        """What was held back; half a character at the end never comes."""
        if self.stopped:
            return ""
        before, now = self.decode(self._window[: self._num_known]), self.decode(self._window)
        shown = self._shown(now[len(before) :].rstrip(HALF))
        held, self._held = self._held, ""
        return shown + held

    def _shown(self, text: str) -> str:
        """`text` goes on from what is held back: what of both is shown."""
        text = self._held + text
        found = [place for stop in self.stop if (place := text.find(stop)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        num_held = max((_overlap(text, stop) for stop in self.stop), default=0)
        self._held = text[len(text) - num_held :]
        return text[: len(text) - num_held]


def _overlap(text: str, stop: str) -> int:
    """Characters at the end of `text` that `stop` begins with."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
