"""What an OpenAI-compatible server tells of an answer, piece by piece, as an engine tells it. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tunesmith.chat.parse import CLOSE, OPEN
from tunesmith.engine.interface import Delta, TokenLogProbability
from tunesmith.engine.upstream import Told
from tunesmith.errors import RunFailed
from tunesmith.records import FinishReason

FINISHED: Final[Mapping[str, FinishReason]] = {"length": "length", "content_filter": "content_filter"}
"""Whatever else a server says, the answer ended by itself."""


class Top(Told):
    """A token that might have stood at a place of an answer."""

    token: str
    logprob: float


class Token(Top):
    """A token of an answer, as chat words it."""

    top_logprobs: tuple[Top, ...] = ()


class Logs(Told):
    """Log-probabilities as chat words them (`content`), or as completions do (the other three)."""

    content: tuple[Token, ...] | None = None
    tokens: tuple[str, ...] = ()
    token_logprobs: tuple[float, ...] = ()
    top_logprobs: tuple[dict[str, float] | None, ...] | None = None

    def told(self) -> tuple[TokenLogProbability, ...]:
        if self.content is not None:
            return tuple(
                TokenLogProbability(
                    each.token, each.logprob, tuple((top.token, top.logprob) for top in each.top_logprobs)
                )
                for each in self.content
            )
        tops = self.top_logprobs or (None,) * len(self.tokens)
        return tuple(
            TokenLogProbability(token, log, tuple((top or {}).items()))
            for token, log, top in zip(self.tokens, self.token_logprobs, tops, strict=False)
        )


class Said(Told):
    """What a piece, or a whole answer, says. Thinking has one of two names: vLLM and DeepSeek say `reasoning_content`,
    OpenRouter and newer vLLM `reasoning`; we say both."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def thinking(self) -> str:
        return self.reasoning_content or self.reasoning or ""


class Choice(Told):
    """One answer or a piece of it: `delta` of a chat's stream, `message` of a whole chat, `text` of a completion."""

    delta: Said = Said()
    message: Said = Said()
    text: str | None = None
    logprobs: Logs | None = None
    finish_reason: str | None = None


class PromptTokens(Told):
    """Of which some had been computed before."""

    cached_tokens: int | None = None


class Usage(Told):
    """What an answer took."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: PromptTokens | None = None


class Chunk(Told):
    """One event of a stream, or a whole answer. `error` is what a stream that fails half-way ends with."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    prompt_token_ids: tuple[int, ...] | None = None
    """As vLLM tells them where that is asked for."""
    error: object = None


@dataclass(slots=True)
class Pieces:
    """One answer while its chunks come. Thinking that is told apart goes back before the answer, between the tags that
    the model wrote; the closing one is missing where the answer never began."""

    num_prompt_tokens: int
    """As we count them; the server's own number comes last."""
    _where: Literal["start", "thinking", "answer"] = "start"
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
        text = self._text(choice.delta.thinking, choice.delta.content or choice.text or "")
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

    def _text(self, thinking: str, content: str) -> str:
        said = thinking
        if thinking and self._where == "start":
            self._where, said = "thinking", f"{OPEN}\n{thinking}"
        if content:
            said += f"\n{CLOSE}\n\n{content}" if self._where == "thinking" else content
            self._where = "answer"
        return said
