"""What an OpenAI-compatible API replies, whole or piece by piece. Loads no model library."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from pydantic import ValidationError

from tunesmith.chat.parse import parse_answer
from tunesmith.engine.chunk import Chunk, Rejoined, Token, Usage
from tunesmith.errors import Place, RunFailed

MAX_SHOWN: Final = 300
MAX_BYTES: Final = 64 << 20
"""A stream that is longer holds no answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer and what it took; figures are None where the endpoint does not tell them."""

    text: str
    """Thinking that the endpoint gives apart stands in front, between `<think>` tags, as the model wrote it; the
    closing one is missing where the answer never began."""
    finish_reason: str
    num_prompt_tokens: int | None
    num_tokens: int | None
    seconds: float
    """From the request to its answer, when it was first asked; tries that failed are not counted."""
    first_piece_seconds: float | None = None
    """From the request to the first piece of its answer, thinking included; None where it came whole."""
    mean_logprob: float | None = None
    """Of a token of all that was written, thinking and end included where they are told, in nats."""
    answer_logprob: float | None = None
    """Of the answer behind its thinking, all its tokens and its end together, in nats."""


class BrokenStreamError(Exception):
    """A stream that ended before its answer did."""

    def __init__(self, problem: str, *, timed_out: bool = False) -> None:
        super().__init__(problem)
        self.timed_out = timed_out


def whole_reply(body: str, url: str, seconds: float) -> Reply:
    """The reply that came in one. Raises RunFailed `endpoint-answer` where it is no chat completion."""
    heard = _Heard()
    heard.take(_chunk(body, url))
    heard.finish_reason = heard.finish_reason or "stop"
    reply = heard.reply(seconds)
    if reply is None:
        raise _no_answer(url, body)
    return reply


def streamed_reply(chunks: Iterable[bytes], url: str, started: float, timeout_seconds: float) -> Reply:
    """The reply that comes in server-sent events, asked for at `started` (`time.perf_counter`).

    Raises BrokenStreamError where it is cut, takes longer than `timeout_seconds` or is an error, RunFailed
    `endpoint-answer` where it is no chat completion.
    """
    heard = _Heard(text="")
    for event in _events(_bounded(chunks, url, started, timeout_seconds)):
        if event == b"[DONE]":
            heard.finish_reason = heard.finish_reason or "stop"
            continue
        chunk = _chunk(event.decode("utf-8", "replace"), url)
        if chunk.error:
            raise BrokenStreamError(str(chunk.error)[:MAX_SHOWN])
        heard.take(chunk)
        if heard.first_piece_seconds is None and heard.text:
            heard.first_piece_seconds = time.perf_counter() - started
    reply = heard.reply(time.perf_counter() - started) if heard.finish_reason else None
    if reply is None:
        raise BrokenStreamError("the stream ended before the answer did")
    return reply


@dataclass
class _Heard:
    """What has come of an answer."""

    text: str | None = None
    """With its thinking; None where nothing was said, not even nothing."""
    finish_reason: str = ""
    usage: Usage = field(default_factory=Usage)
    tokens: list[Token] = field(default_factory=list)
    first_piece_seconds: float | None = None
    _rejoined: Rejoined = field(default_factory=Rejoined)

    def take(self, chunk: Chunk) -> None:
        """Add a whole answer, or a piece of one."""
        self.usage = chunk.usage or self.usage
        for choice in chunk.choices[:1]:  # the last event may hold what was used and no choice
            self.finish_reason = choice.finish_reason or self.finish_reason
            self.tokens += () if choice.logprobs is None else choice.logprobs.of_chat
            text = self._rejoined.add(choice.said)
            if text or choice.said.content is not None:
                self.text = (self.text or "") + text

    def reply(self, seconds: float) -> Reply | None:
        if self.text is None:
            return None
        logs = [token.logprob for token in self.tokens]
        return Reply(
            self.text,
            self.finish_reason,
            self.usage.prompt_tokens,
            self.usage.completion_tokens,
            seconds,
            self.first_piece_seconds,
            math.fsum(logs) / len(logs) if logs else None,
            answer_logprob(
                [(token.written, token.logprob) for token in self.tokens],
                parse_answer(self.text, prefilled=False).message.content,
            ),
        )


def answer_logprob(tokens: Sequence[tuple[bytes, float]], answer: str) -> float | None:
    """The log-probability of the tokens that an answer, which comes last, is made of; None where they do not spell it.

    Each token is told by its bytes and its own log-probability in nats. Behind the answer may stand one token more, the
    model's end.
    """
    for num_left_out in (0, 1):
        said = b"".join(token for token, _ in tokens[: len(tokens) - num_left_out]).rstrip()
        wanted = answer.encode("utf-8", "surrogatepass")
        if wanted and said.endswith(wanted):
            start, end, total = len(said) - len(wanted), 0, 0.0
            for token, logprob in tokens:
                end += len(token)
                total += logprob if end > start else 0.0
            return total
    return None


def _bounded(chunks: Iterable[bytes], url: str, started: float, timeout_seconds: float) -> Iterator[bytes]:
    num_bytes = 0
    for chunk in chunks:
        if time.perf_counter() - started > timeout_seconds:
            raise BrokenStreamError("ReadTimeout", timed_out=True)
        num_bytes += len(chunk)
        if num_bytes > MAX_BYTES:
            raise _no_answer(url, chunk.decode("utf-8", "replace"))
        yield chunk


def _events(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The data of server-sent events, whose lines a line feed ends: JSON may hold what else Unicode ends lines by."""
    rest = b""
    for chunk in chain(chunks, (b"\n",)):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            name, _, data = line.partition(b":")
            if name == b"data" and data.strip():
                yield data.strip()


def _chunk(said: str, url: str) -> Chunk:
    try:
        return Chunk.model_validate_json(said)
    except ValidationError:
        raise _no_answer(url, said) from None


def _no_answer(url: str, body: str) -> RunFailed:
    return RunFailed("endpoint-answer", place=Place(url), url=url, answer=body[:MAX_SHOWN])
