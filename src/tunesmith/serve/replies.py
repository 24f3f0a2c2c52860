"""How answers go out: whole, or piece by piece as server-sent events. Whoever hangs up ends what is being written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tunesmith.engine.interface import TokenLogProbability
from tunesmith.engine.text_out import HALF
from tunesmith.errors import TunesmithError
from tunesmith.records import FinishReason
from tunesmith.serve.account import Account
from tunesmith.serve.answers import Answering, Choice, Piece
from tunesmith.serve.asking import Serving
from tunesmith.serve.errors import envelope, language_asked

EXCHANGE: Final = "x-tunesmith-exchange"
DONE: Final = b"data: [DONE]\n\n"
LEFT: Final = 499
"""The status, in logs alone, of a request whose client hung up."""
FINISHED: Final[Mapping[FinishReason, str]] = {
    "stop": "stop",
    "length": "length",
    "timeout": "length",
    "content_filter": "content_filter",
}
"""OpenAI's word for each end; ours stands beside it."""
LEAST: Final = -9999.0
"""What OpenAI writes for the logarithm of nothing."""
T = TypeVar("T")


class Wording(Protocol):
    """How a route words its answers, as OpenAI's API does."""

    whole_object: str
    chunk_object: str
    id_prefix: str

    def whole(self, place: int, choice: Choice) -> dict[str, Any]:
        """One of `choices`."""
        ...

    def opening(self, place: int) -> dict[str, Any] | None:
        """The first chunk of an answer, where it has one without text."""
        ...

    def part(self, piece: Piece) -> dict[str, Any]: ...

    def closing(self, place: int, choice: Choice) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Reply:
    """The reply to one request for answers."""

    serving: Serving
    answering: Answering
    account: Account
    wording: Wording
    language: str
    wants_usage: bool = False
    """Whether a stream ends with its usage."""

    @property
    def headers(self) -> dict[str, str]:
        return {EXCHANGE: self.answering.asked.exchanges[0]}

    async def whole(self) -> dict[str, Any]:
        """Committed before it is told."""
        await self.answering.finish(self.serving.arrivals)
        is_recorded = await self.answering.record(self.serving.deployment.recorder)
        choices = [self.wording.whole(*numbered) for numbered in enumerate(self.answering.choices)]
        return {
            **self._envelope(self.wording.whole_object),
            "choices": choices,
            "usage": self.answering.usage,
            "tunesmith": self._beside(is_recorded),
        }

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Chunks, and `[DONE]` once everything is committed. A failure after the first is told as an event."""
        answering, begun, num_over = self.answering, set[int](), 0
        try:
            async with aclosing(answering.pieces(self.serving.arrivals)) as pieces:
                async for piece in pieces:
                    if piece.place not in begun:
                        begun.add(piece.place)
                        opening = self.wording.opening(piece.place)
                        if opening is not None:
                            yield self._chunk(opening)
                    if piece.reasoning or piece.content or piece.log_probabilities:
                        yield self._chunk(self.wording.part(piece))
                    if piece.is_last:
                        num_over += 1
                        last = self.wording.closing(piece.place, answering.choices[piece.place])
                        if num_over < len(answering.choices):
                            yield self._chunk(last)
            is_recorded = await answering.record(self.serving.deployment.recorder)
            yield self._chunk(last, tunesmith=self._beside(is_recorded))
            if self.wants_usage:
                yield _event({**self._envelope(self.wording.chunk_object), "choices": [], "usage": answering.usage})
            yield DONE
        except TunesmithError as failure:
            if not begun:
                raise
            self.account.refusal = failure.code
            yield _event(envelope(failure, self.language))

    def _chunk(self, choice: dict[str, Any], **beside: object) -> bytes:
        usage = {"usage": None} if self.wants_usage else {}
        return _event({**self._envelope(self.wording.chunk_object), "choices": [choice], **usage, **beside})

    def _envelope(self, kind: str) -> dict[str, Any]:
        asked = self.answering.asked
        return {
            "id": self.wording.id_prefix + asked.exchanges[0].removeprefix("ex-"),
            "object": kind,
            "created": int(asked.at.timestamp()),
            "model": asked.model.name,
            "system_fingerprint": f"fp_{asked.model.version[:16]}",
        }

    def _beside(self, is_recorded: bool) -> dict[str, Any]:
        """What OpenAI's API has no word for."""
        answering = self.answering
        return {
            "exchange": answering.asked.exchanges[0],
            "exchanges": list(answering.asked.exchanges),
            "recorded": is_recorded,
            "guarded": list(answering.guarded),
            "finish_reasons": [choice.finish_reason for choice in answering.choices],
        }


async def send_reply(request: Request, reply: Reply, *, streams: bool) -> Response:
    if streams:
        return EventStream(reply.events(), reply.headers)
    found = await unless_left(request.receive, reply.whole())
    return JSONResponse(found, headers=reply.headers) if found is not None else Response(status_code=LEFT)


def language_of(request: Request, serving: Serving) -> str:
    return language_asked(request.headers, serving.deployment.runtime.language)


class EventStream(StreamingResponse):
    """Server-sent events. What fails before the first of them has a status of its own."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        super().__init__(events, headers={"cache-control": "no-cache", "x-accel-buffering": "no", **headers})
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            await unless_left(receive, self._send(send))

    async def _send(self, send: Send) -> None:
        first = await anext(self._events)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for event in self._events:
            await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def unless_left(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; it is cancelled, and None given, where the client hangs up first."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def log_probabilities(told: TokenLogProbability) -> dict[str, Any]:
    """One token as chat words it."""
    top = [_token(text, value) for text, value in told.top]
    return {**_token(told.text, told.log_probability), "top_logprobs": top}


def _token(text: str, value: float) -> dict[str, Any]:
    """Of a part of a character, whose text tells nothing, the bytes are not known."""
    return {"token": text, "logprob": max(value, LEAST), "bytes": None if HALF in text else list(text.encode())}


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
