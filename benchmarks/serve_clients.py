"""Clients of an OpenAI-compatible server, for the benchmark `serve`: they read streams, leave them, note the times."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

PROMPTS: Final = (
    "My kettle leaks after two weeks. What can I do?",
    "买了三天就降价了，能退差价吗？",
    "Where is my parcel? It was due on Monday.",
    "发票抬头写错了怎么办？",
    "The lamp flickers whenever I turn it on.",
    "请问支持货到付款吗？",
    "How do I return shoes that I wore once?",
    "会员积分什么时候过期？",
)
TIMEOUT_SECONDS: Final = 600.0


@dataclass(slots=True)
class Heard:
    """One request as its client saw it."""

    status: int = 0
    """Of HTTP; 0 where the connection failed."""
    text: str = ""
    """Thinking and answer."""
    is_whole: bool = False
    """Whether the stream said that all was sent, and why the answer ended."""
    first_seconds: float | None = None
    seconds: float = 0.0
    retry_after: str | None = None
    tunesmith: dict[str, Any] = field(default_factory=dict)
    """What our server tells beside OpenAI's fields."""


def body_of(model: str, number: int, max_tokens: int, **more: object) -> dict[str, Any]:
    """Request `number`: every eighth has the same prompt."""
    message = {"role": "user", "content": f"{PROMPTS[number % len(PROMPTS)]} (#{number // len(PROMPTS)})"}
    return {"model": model, "messages": [message], "max_tokens": max_tokens, "temperature": 0.0, **more}


def open_client() -> httpx2.AsyncClient:
    """One that waits for no connection of another."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx2.AsyncClient(limits=limits, timeout=TIMEOUT_SECONDS)


async def listen(
    client: httpx2.AsyncClient, url: str, body: dict[str, Any], *, leave_after: int | None = None
) -> Heard:
    """Read a stream to its end, or hang up after so many pieces of it; 0 hangs up before the first."""
    heard, started = Heard(), time.perf_counter()
    try:
        async with client.stream("POST", f"{url}/chat/completions", json={**body, "stream": True}) as response:
            heard.status = response.status_code
            heard.retry_after = response.headers.get("retry-after")
            if response.status_code == 200 and leave_after != 0:
                await _read(response, heard, started, leave_after)
    except httpx2.HTTPError:
        heard.is_whole = False
    heard.seconds = time.perf_counter() - started
    return heard


async def _read(response: httpx2.Response, heard: Heard, started: float, leave_after: int | None) -> None:
    num_pieces = 0
    async for line in response.aiter_lines():
        if not line.startswith("data:"):
            continue
        content = line.removeprefix("data:").strip()
        if content == "[DONE]":
            return
        event = json.loads(content)
        # not every server sends the mark of the end
        heard.is_whole |= any(choice.get("finish_reason") for choice in event.get("choices", ()))
        heard.tunesmith |= event.get("tunesmith") or {}
        piece = "".join(_text(choice.get("delta") or {}) for choice in event.get("choices", ()))
        if piece:
            num_pieces += 1
            heard.text += piece
            heard.first_seconds = heard.first_seconds or time.perf_counter() - started
        if num_pieces == leave_after:
            return


def _text(delta: dict[str, Any]) -> str:
    return (delta.get("reasoning_content") or "") + (delta.get("content") or "")


async def ask(client: httpx2.AsyncClient, url: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """A whole answer; None where none came."""
    try:
        response = await client.post(f"{url}/chat/completions", json=body)
    except httpx2.HTTPError:
        return None
    return response.json() if response.status_code == 200 else None


async def rate(client: httpx2.AsyncClient, url: str, exchange: str, number: int) -> dict[str, Any] | None:
    """A thumb on an exchange; None where it was not taken."""
    body = {"exchange": exchange, "kind": "thumb", "value": 1 if number % 2 else -1}
    try:
        response = await client.post(f"{url}/feedback", json=body)
    except httpx2.HTTPError:
        return None
    return response.json() if response.status_code == 200 else None


async def crowd(url: str, model: str, num_clients: int, max_tokens: int) -> tuple[list[Heard], list[Heard]]:
    """So many clients at once: those that stay, and the half that leaves, half of these before the first piece.

    A client that leaves before the first piece hangs up a moment after its request is sent.
    """
    async with open_client() as client:

        async def one(number: int) -> Heard:
            body = body_of(model, number, max_tokens)
            if number % 4 == 1:
                waiting = asyncio.create_task(listen(client, url, body))
                await asyncio.wait([waiting], timeout=0.05)
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)
                return Heard()
            return await listen(client, url, body, leave_after=1 if number % 4 == 3 else None)

        heard = await asyncio.gather(*(one(number) for number in range(num_clients)))
    return [h for n, h in enumerate(heard) if n % 2 == 0], [h for n, h in enumerate(heard) if n % 2]


async def at_once(url: str, bodies: Sequence[dict[str, Any]]) -> list[Heard]:
    """All of them at the same time, each read to its end."""
    async with open_client() as client:
        return list(await asyncio.gather(*(listen(client, url, body) for body in bodies)))
