"""What one request may bring, and what one key may take in a minute.

A body is read whole, within a size and a time, and must be plain JSON, before any route sees it: no route can forget.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pydantic_core import from_json
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tunesmith.serve.account import Account
from tunesmith.serve.errors import Refused

BODY_SECONDS: Final = 20.0
"""The last byte of a body comes within so long of its first."""
MINUTE: Final = 60.0
MAX_MARKS: Final = 32_768
"""Commas, colons and opening brackets of a body: every value but the first stands behind one."""
_MARKS: Final = (b",", b":", b"[", b"{")
_JSON: Final = re.compile(r"application/json\s*(?:;\s*charset\s*=\s*\"?utf-8\"?\s*)?", re.ASCII | re.IGNORECASE)
_LARGE_EXPONENT: Final = re.compile(rb"[0-9][eE]\+?[0-9]{3}")


class Bodies:
    """Hands on whole bodies of plain JSON, and nothing else."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, body_seconds: float = BODY_SECONDS) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes
        self.body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if "content-length" in headers or "transfer-encoding" in headers:
            self._check_headers(headers)
            body = await self._read(receive)
            if body is None:  # the client is gone
                return
            if body:
                _check_json(headers, body)
            receive = _replayed(body, receive)
        await self.app(scope, receive, send)

    def _check_headers(self, headers: Headers) -> None:
        """Raises Refused `body-too-large`, `body-type`."""
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length[:20]) > self.max_body_bytes:
            raise Refused("body-too-large", num_bytes=self.max_body_bytes)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused("body-type")

    async def _read(self, receive: Receive) -> bytes | None:
        """Raises Refused `body-too-large`, `body-slow`."""
        body = bytearray()
        try:
            async with asyncio.timeout(self.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > self.max_body_bytes:
                        raise Refused("body-too-large", num_bytes=self.max_body_bytes)
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            raise Refused("body-slow", seconds=f"{self.body_seconds:g}") from None


def _check_json(headers: Headers, body: bytes) -> None:
    """Raises Refused `body-type` for what does not call itself JSON, and `body-json` for what is none: the media type
    is what a form of a foreign page cannot send without asking first. `body-values` is what would be too many objects
    in memory; it is refused before one of them is made."""
    if _JSON.fullmatch(headers.get("content-type", "")) is None:
        raise Refused("body-type")
    if has_many_values(body):
        raise Refused("body-values", limit=MAX_MARKS)
    try:
        # of bounded depth; NaN, Infinity, halves of surrogate pairs and what is no UTF-8 are errors
        parsed = from_json(body, allow_inf_nan=False)
    except ValueError:
        raise Refused("body-json") from None
    if _LARGE_EXPONENT.search(body) and not _is_finite(parsed):
        raise Refused("body-json")


def has_many_values(body: bytes) -> bool:
    """Whether more than MAX_MARKS of its marks stand outside of strings. Of what is no JSON it may say either."""
    if _num_marks(body) <= MAX_MARKS:
        return False
    # without escaped backslashes and quotes, the quotes that are left begin and end strings
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    # between two strings there is a mark
    return plain.count(b'"') > 2 * (MAX_MARKS + 1) or _num_marks(b"".join(plain.split(b'"')[::2])) > MAX_MARKS


def _num_marks(text: bytes) -> int:
    return sum(map(text.count, _MARKS))


def _is_finite(value: object) -> bool:
    """Whether no number in it has overflowed, such as 1e999."""
    match value:
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_is_finite, value))
        case dict():
            return all(map(_is_finite, value.values()))
    return True


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive`, beginning with a body that was read already."""
    messages: deque[Message] = deque([{"type": "http.request", "body": body, "more_body": False}])

    async def replay() -> Message:
        return messages.popleft() if messages else await receive()

    return replay


class Slots:
    """Requests that an engine answers or is to answer, counted at once as they come in."""

    def __init__(self, max_taken: int) -> None:
        self.max_taken = max_taken
        self._taken: set[str] = set()

    @property
    def num_taken(self) -> int:
        return len(self._taken)

    def take(self, account: Account) -> None:
        """Raises Refused `too-busy`."""
        if len(self._taken) >= self.max_taken:
            raise Refused("too-busy", limit=self.max_taken)
        self._taken.add(account.request_id)

    def give_back(self, account: Account) -> None:
        self._taken.discard(account.request_id)


@dataclass(slots=True)
class _Window:
    """What was spent in the last minute: (when, how much), the oldest first."""

    spent: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0

    def seconds_until_below(self, limit: int, now: float) -> float:
        """When less than `limit` will have been spent in the minute before; 0 where that is so now."""
        self._forget(now)
        left = self.total
        for at, amount in self.spent:
            if left < limit:
                return 0.0
            left -= amount
            if left < limit:
                return at + MINUTE - now
        return 0.0

    def spend(self, amount: int, now: float) -> None:
        self._forget(now)
        self.spent.append((now, amount))
        self.total += amount

    def _forget(self, now: float) -> None:
        while self.spent and self.spent[0][0] + MINUTE <= now:
            self.total -= self.spent.popleft()[1]


class Budgets:
    """Requests and tokens of each key in any minute. Tokens count when an answer is over; their number is not known
    before."""

    def __init__(
        self,
        requests_per_minute: int | None,
        tokens_per_minute: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.requests_per_minute = requests_per_minute
        self.tokens_per_minute = tokens_per_minute
        self.clock = clock
        self._requests: dict[str | None, _Window] = {}
        self._tokens: dict[str | None, _Window] = {}

    def admit(self, key: str | None, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        """Count a request of a key, by its own limits or else the server's.

        Raises Refused `requests-spent` or `tokens-spent`, with the seconds after which it would be let in.
        """
        now = self.clock()
        max_tokens = tokens_per_minute or self.tokens_per_minute
        max_requests = requests_per_minute or self.requests_per_minute
        for code, windows, limit in (
            ("tokens-spent", self._tokens, max_tokens),
            ("requests-spent", self._requests, max_requests),
        ):
            if limit is not None:
                wait = windows.setdefault(key, _Window()).seconds_until_below(limit, now)
                if wait > 0:
                    raise Refused(code, retry_after_seconds=math.ceil(wait), limit=limit)
        if max_requests is not None:
            self._requests[key].spend(1, now)

    def spend(self, account: Account) -> None:
        """Count the tokens of a request that is over."""
        num_tokens = account.num_prompt_tokens + account.num_tokens
        if num_tokens:
            self._tokens.setdefault(account.key, _Window()).spend(num_tokens, self.clock())
