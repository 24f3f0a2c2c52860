"""What an OpenAI-compatible server says of an answer, whole or piece by piece. No torch here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tunesmith.chat.parse import CLOSE, OPEN
from tunesmith.engine.interface import TokenLogProbability


def _known(value: Any) -> Any:
    return math.nan if value is None else value


Byte = Annotated[int, Field(ge=0, le=255)]
LogProbability = Annotated[float, BeforeValidator(_known)]
"""In nats; NaN where a server does not tell it."""


class Told(BaseModel):
    """A part of what a server tells. What else it tells is left out."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Top(Told):
    """A token that might have stood at a place of an answer."""

    model_config = ConfigDict(allow_inf_nan=True)
    token: str
    logprob: LogProbability


class Token(Top):
    """A token of an answer, as chat words it."""

    parts: Annotated[tuple[Byte, ...] | None, Field(alias="bytes")] = None
    top_logprobs: tuple[Top, ...] = ()

    @property
    def written(self) -> bytes:
        """A token may be a part of a character, of which its text tells nothing."""
        return self.token.encode("utf-8", "surrogatepass") if self.parts is None else bytes(self.parts)


class Logs(Told):
    """Log-probabilities as chat words them (`content`), or as completions do (the other three)."""

    model_config = ConfigDict(allow_inf_nan=True)
    content: tuple[Token, ...] | None = None
    tokens: tuple[str, ...] = ()
    token_logprobs: tuple[LogProbability, ...] = ()
    top_logprobs: tuple[dict[str, float] | None, ...] | None = None

    @property
    def of_chat(self) -> tuple[Token, ...]:
        """None of them where one lacks its log-probability."""
        tokens = self.content or ()
        return tokens if all(math.isfinite(each.logprob) for each in tokens) else ()

    def told(self) -> tuple[TokenLogProbability, ...]:
        """As an engine tells them; none where one is lacking."""
        if self.content is not None:
            return tuple(
                TokenLogProbability(
                    each.token, each.logprob, _finite((top.token, top.logprob) for top in each.top_logprobs)
                )
                for each in self.of_chat
            )
        if not all(map(math.isfinite, self.token_logprobs)):
            return ()
        tops = self.top_logprobs or (None,) * len(self.tokens)
        return tuple(
            TokenLogProbability(token, log, _finite((top or {}).items()))
            for token, log, top in zip(self.tokens, self.token_logprobs, tops, strict=False)
        )


def _finite(top: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Several may have one text: halves of characters have none of their own."""
    return tuple((token, log) for token, log in top if math.isfinite(log))


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

    delta: Said | None = None
    message: Said | None = None
    text: str | None = None
    logprobs: Logs | None = None
    finish_reason: str | None = None

    @property
    def said(self) -> Said:
        return self.delta or self.message or Said(content=self.text)


class PromptTokens(Told):
    """Of which some had been computed before."""

    cached_tokens: int | None = None


class Usage(Told):
    """What an answer took."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptTokens | None = None


class Chunk(Told):
    """One event of a stream, or a whole answer. `error` is what a stream that fails half-way ends with."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    prompt_token_ids: tuple[int, ...] | None = None
    """As vLLM tells them where that is asked for."""
    error: object = None


@dataclass(slots=True)
class Rejoined:
    """One text of thinking and answer that are told apart: thinking goes back before the answer, between the tags that
    the model wrote; the closing one is missing where the answer never began."""

    _where: Literal["start", "thinking", "answer"] = "start"

    def add(self, said: Said) -> str:
        """What a piece adds to the text."""
        text = said.thinking
        if said.thinking and self._where == "start":
            self._where, text = "thinking", f"{OPEN}\n{said.thinking}"
        if said.content:
            text += f"\n{CLOSE}\n\n{said.content}" if self._where == "thinking" else said.content
            self._where = "answer"
        return text
