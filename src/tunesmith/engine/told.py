"""What an OpenAI-compatible server tells of an answer, piece by piece, as an engine tells it. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tunesmith.engine.chunk import Chunk, PromptTokens, Rejoined, Usage
from tunesmith.engine.interface import Delta
from tunesmith.errors import RunFailed
from tunesmith.records import FinishReason

FINISHED: Final[Mapping[str, FinishReason]] = {"length": "length", "content_filter": "content_filter"}
"""Whatever else a server says, the answer ended by itself."""


@dataclass(slots=True)
class Pieces:
    """One answer while its chunks come."""

    num_prompt_tokens: int
    """As we count them; the server's own number comes last."""
    _text: Rejoined = field(default_factory=Rejoined)
    _num_tokens: int = 0
    _usage: Usage | None = None
    _reason: FinishReason | None = None

    def take(self, chunk: Chunk) -> Delta | None:
        """What a chunk adds; None where that is nothing. Raises RunFailed `engine-broke-off` for one with an error."""
        if chunk.error is not None:
            raise RunFailed("engine-broke-off")
        self._usage = chunk.usage or self._usage
        if not chunk.choices:
            return None
        choice = chunk.choices[0]
        if choice.finish_reason is not None:
            self._reason = FINISHED.get(choice.finish_reason, "stop")
        text = self._text.add(choice.said)
        logs = () if choice.logprobs is None else choice.logprobs.told()
        if not text and not logs:
            return None
        self._num_tokens += max(1, len(logs))
        return Delta(
            text, log_probabilities=logs, num_prompt_tokens=self.num_prompt_tokens, num_tokens=self._num_tokens
        )

    def last(self) -> Delta:
        """Once the stream is over. Raises RunFailed `engine-broke-off` where the answer was not."""
        if self._reason is None:
            raise RunFailed("engine-broke-off")
        return self.end(self._reason)

    def end(self, reason: FinishReason) -> Delta:
        usage = self._usage or Usage()
        cached = usage.prompt_tokens_details or PromptTokens()
        return Delta(
            "",
            finish_reason=reason,
            num_prompt_tokens=usage.prompt_tokens or self.num_prompt_tokens,
            num_cached_tokens=cached.cached_tokens or 0,
            num_tokens=usage.completion_tokens or self._num_tokens,
        )
