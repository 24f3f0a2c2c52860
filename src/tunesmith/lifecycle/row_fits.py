"""How rows look to a base: in tokens, and how many of them it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tunesmith.chat import Chat, load_chat
from tunesmith.errors import TunesmithError
from tunesmith.model.base import Base
from tunesmith.prepare import CONTROL_TOKEN, Fits
from tunesmith.recipe import PromptStyle
from tunesmith.records import Example, Rejected


def chat_of(base: Base, style: PromptStyle | None) -> Chat:
    return load_chat(base.folder, style, reads_only=base.is_encoder)


def row_fits(chat: Chat, base: Base, style: PromptStyle | None = None) -> Fits:
    """How rows look to this base in this style: their tokens, and how many of them it reads."""
    measure = _Measure(chat, base, style)
    return Fits(measure.count, measure.spans, base.max_tokens, f"{chat.fingerprint} {base.max_tokens}", base.folder)


@dataclass(frozen=True)
class _Measure:
    chat: Chat
    base: Base
    style: PromptStyle | None

    def count(self, example: Example) -> int | Rejected:
        try:
            return max(len(row.ids_T) for row in self.chat.training_rows([example]))
        except TunesmithError as failure:
            if failure.code != CONTROL_TOKEN:
                raise
            return Rejected(example.place, CONTROL_TOKEN, str(failure.parameters["token"]))

    def spans(self, text: str) -> list[tuple[int, int]]:
        return self.chat.token_spans(text)

    def __reduce__(self) -> tuple[Callable[[Base, PromptStyle | None], _Measure], tuple[Base, PromptStyle | None]]:
        """A compiled template cannot be sent to another process, which loads the chat anew."""
        return _load_measure, (self.base, self.style)


def _load_measure(base: Base, style: PromptStyle | None) -> _Measure:
    return _Measure(chat_of(base, style), base, style)
