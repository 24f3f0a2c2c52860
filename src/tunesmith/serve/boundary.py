"""The outermost layer of the server: an account for each request, and no failure that passes it with its text."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tunesmith.errors import TunesmithError
from tunesmith.serve.account import OTHER, UNROUTED, Account
from tunesmith.serve.errors import internal_error, language_asked, response_to

METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

OnOpen = Callable[[], None]
OnClose = Callable[[Account], None]


class Boundary:
    """Opens an account for each request, answers whatever failed beneath it, and closes the account.

    No exception passes: the server above would write its text, and so the request's, into a log.
    """

    def __init__(self, app: ASGIApp, *, language: str, on_open: OnOpen, on_close: Sequence[OnClose]) -> None:
        self.app = app
        self.language = language
        self.on_open = on_open
        self.on_close = on_close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no socket is served: refused before it is accepted
            await send({"type": "websocket.close", "code": 1008})
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        account = Account(secrets.token_hex(8), method, time.monotonic())
        scope.setdefault("state", {})["account"] = account
        self.on_open()
        try:
            await self._answer(scope, receive, _Sending(send, account))
        finally:
            account.seconds = time.monotonic() - account.began
            route = scope.get("route")
            account.route = route.path_format if isinstance(route, APIRoute) else UNROUTED
            for told in self.on_close:
                told(account)

    async def _answer(self, scope: Scope, receive: Receive, sending: _Sending) -> None:
        account = sending.account
        try:
            await self.app(scope, receive, sending)
        except TunesmithError as refusal:
            failure = refusal
        except Exception as error:
            failure = internal_error(error, account.request_id)
        else:
            return
        account.refusal = failure.code
        if account.status:
            return
        headers = Headers(scope=scope)
        response = response_to(failure, language_asked(headers, self.language))
        if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
            response.headers["connection"] = "close"  # nobody reads what is left of the body
        await response(scope, receive, sending)


@dataclass(slots=True)
class _Sending:
    """`send`, which notes the status and puts our headers on it."""

    send: Send
    account: Account

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.account.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._headers()]}
        await self.send(message)

    def _headers(self) -> Iterator[tuple[bytes, bytes]]:
        yield b"x-request-id", self.account.request_id.encode()
        yield b"x-content-type-options", b"nosniff"
        if self.account.listed_origin is not None:
            yield b"access-control-allow-origin", self.account.listed_origin.encode()
            yield b"access-control-expose-headers", b"retry-after, x-request-id"
            yield b"vary", b"Origin"
