"""What an OpenAI-compatible API replies, whole or piece by piece. Loads no model library."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from tunesmith.chat.parse import parse_answer
from tunesmith.errors import Place, RunFailed

MAX_SHOWN: Final = 300
MAX_BYTES: Final = 64 << 20
"""A stream that is longer holds no answer."""
Token = tuple[bytes, float]
"""What was written, and its log-probability in nats."""
_MALFORMED: Final = (ValueError, LookupError, TypeError, AttributeError)


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
    try:
        told = json.loads(body)
        choice = told["choices"][0]
        heard = _Heard()
        heard.take(told, choice, choice["message"])
        heard.finish_reason = heard.finish_reason or "stop"
        reply = heard.reply(seconds)
    except _MALFORMED:
        raise _no_answer(url, body) from None
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
        try:
            problem = heard.hear(json.loads(event), time.perf_counter() - started)
        except _MALFORMED:
            raise _no_answer(url, event.decode("utf-8", "replace")) from None
        if problem:
            raise BrokenStreamError(problem[:MAX_SHOWN])
    reply = heard.reply(time.perf_counter() - started) if heard.finish_reason else None
    if reply is None:
        raise BrokenStreamError("the stream ended before the answer did")
    return reply


@dataclass
class _Heard:
    """What has come of an answer."""

    text: str | None = None
    thinking: str = ""
    finish_reason: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    tokens: list[Token] = field(default_factory=list)
    first_piece_seconds: float | None = None

    def hear(self, told: dict[str, Any], seconds: float) -> str:
        """Take one event of a stream, `seconds` after the request; the problem where it tells of one."""
        if told.get("error"):
            return str(told["error"])
        # the last event may hold what was used and no choice
        choice = (told.get("choices") or [{}])[0]
        self.take(told, choice, choice.get("delta") or {})
        if self.first_piece_seconds is None and (self.text or self.thinking):
            self.first_piece_seconds = seconds
        return ""

    def take(self, told: dict[str, Any], choice: dict[str, Any], message: dict[str, Any]) -> None:
        """Add a message, or a piece of one, and what is told with it."""
        usage = told.get("usage")
        self.usage = usage if isinstance(usage, dict) else self.usage
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        self.tokens += _tokens(choice.get("logprobs"))
        content = message.get("content")
        # vLLM and DeepSeek say `reasoning_content`, OpenRouter and newer vLLM `reasoning`
        thinking = message.get("reasoning_content") or message.get("reasoning")
        if isinstance(content, str):
            self.text = (self.text or "") + content
        if isinstance(thinking, str):
            self.thinking += thinking

    def reply(self, seconds: float) -> Reply | None:
        """None where nothing was said, not even nothing."""
        text = self.text
        if self.thinking:
            text = f"<think>\n{self.thinking}\n</think>\n\n{text}" if text else f"<think>\n{self.thinking}"
        if text is None:
            return None
        counts = (self.usage.get(name) for name in ("prompt_tokens", "completion_tokens"))
        num_prompt_tokens, num_tokens = (count if isinstance(count, int) else None for count in counts)
        return Reply(
            text,
            str(self.finish_reason),
            num_prompt_tokens,
            num_tokens,
            seconds,
            self.first_piece_seconds,
            math.fsum(logprob for _, logprob in self.tokens) / len(self.tokens) if self.tokens else None,
            answer_logprob(self.tokens, parse_answer(text, prefilled=False).message.content),
        )


def answer_logprob(tokens: Sequence[Token], answer: str) -> float | None:
    """The log-probability of the tokens that an answer, which comes last, is made of; None where they do not spell it.

    Behind it may stand one token more, the model's end.
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


def _tokens(logprobs: Any) -> list[Token]:
    """What an endpoint tells of its tokens; nothing where it is not all there."""
    entries = (logprobs.get("content") or []) if isinstance(logprobs, dict) else []
    if not all(isinstance(entry.get("logprob"), int | float) and math.isfinite(entry["logprob"]) for entry in entries):
        return []
    return [(_spelled(entry), float(entry["logprob"])) for entry in entries]


def _spelled(entry: dict[str, Any]) -> bytes:
    """A token may be a part of a character, of which its text tells nothing."""
    if entry.get("bytes") is not None:
        return bytes(entry["bytes"])
    written: str = entry["token"]
    return written.encode("utf-8", "surrogatepass")


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


def _no_answer(url: str, body: str) -> RunFailed:
    return RunFailed("endpoint-answer", place=Place(url), url=url, answer=body[:MAX_SHOWN])
