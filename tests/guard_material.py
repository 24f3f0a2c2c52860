"""An application with all its guards, an engine that says what a test wants, and requests as they come off the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray

from tunesmith.engine.interface import Capabilities, Delta, EngineLoad, OnDelta, Prompt, Request
from tunesmith.errors import TunesmithError
from tunesmith.recipe.serve import Serve
from tunesmith.records import Message
from tunesmith.runtime import Runtime
from tunesmith.serve.app import make_app
from tunesmith.serve.deployment import Deployment, Facts, Served, ServedModels
from tunesmith.serve.recording import Recorder
from tunesmith.serve.secure import Guards
from tunesmith.store import Store, workspace_store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MODEL = "support"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")


@dataclass
class SayingEngine:
    """Says the pieces of `answer`, or fails with what it is asked."""

    answer: tuple[str, ...] = ("Yes.",)
    fails_with: Callable[[str], Exception] | None = None
    scores: float = -1.0
    cancelled: list[int] = field(default_factory=list)
    num_submitted: int = 0
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(True, True, True, True, True, True))
    adapters: tuple[str, ...] = ()

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        self.num_submitted += 1
        self._fail(request.prompt)
        for piece in self.answer:
            on_delta(Delta(piece, ids=(1,), num_prompt_tokens=5))
        on_delta(Delta("", finish_reason="stop", num_prompt_tokens=5))
        return self.num_submitted

    def _fail(self, prompt: object) -> None:
        if self.fails_with is not None:
            raise self.fails_with(str(prompt))

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)

    def score(self, prompt_ids: Sequence[int], answer_ids: Sequence[int], adapter: str | None) -> list[float]:
        self._fail(prompt_ids)
        return [self.scores] * len(answer_ids)

    def label(
        self, conversations: Sequence[Sequence[Message]], labels: Sequence[str], adapter: str | None
    ) -> list[list[float]]:
        self._fail(conversations)
        return [[1 / len(labels)] * len(labels) for _ in conversations]

    def embed(self, texts: Sequence[str], adapter: str | None) -> NDArray[np.float32]:
        self._fail(texts)
        return np.ones((len(texts), 4), np.float32) / 2

    def num_tokens_of(self, prompt: Prompt) -> int:
        return 5

    def num_read_tokens(self, text: str) -> int:
        return 5

    def load_adapter(self, name: str, folder: Path) -> None: ...

    def unload_adapter(self, name: str) -> None:
        raise TunesmithError("adapter-unknown", name=name)

    def load(self) -> EngineLoad:
        return EngineLoad(1, 2, 30, 120)

    def close(self, drain_seconds: float = 0.0) -> None: ...


@dataclass
class Server:
    """What a test talks to."""

    app: FastAPI
    guards: Guards
    engine: SayingEngine
    store: Store
    deployment: Deployment

    def ask(self, method: str, target: str, body: object = None, **more: Any) -> Answer:
        return ask(self.app, method, target, body, **more)


def server(folder: Path, section: Mapping[str, Any] | None = None, engine: SayingEngine | None = None) -> Server:
    """An application without a bundle, so that there is nothing to prove."""
    runtime = Runtime(workspace=folder / "workspace", cache=folder / "cache", clock=lambda: NOON)
    store = workspace_store(runtime)
    engine = engine or SayingEngine()
    serve = Serve.model_validate(section or {})
    deployment = Deployment(
        bundle=None,
        facts=Facts(name=MODEL, form="merged", labels=("cat", "dog")),
        engine=engine,
        store=store,
        section=serve,
        runtime=runtime,
        models=ServedModels((Served(MODEL, None, "0" * 64, NOON),)),
        recorder=Recorder(store, serve.record),
    )
    made = make_app(deployment)
    return Server(made.app, made.guards, engine, store, deployment)


def chat(text: str = "Hello?", **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}


@dataclass(frozen=True)
class Answer:
    """A response, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])

    @property
    def text(self) -> str:
        """The answer of a chat."""
        return str(self.json["choices"][0]["message"]["content"])


def ask(app: Any, method: str, target: str, body: object = None, **more: Any) -> Answer:
    return asyncio.run(asked(app, method, target, body, **more))


async def asked(
    app: Any,
    method: str,
    target: str,
    body: object = None,
    *,
    headers: Iterable[tuple[str, str]] = (),
    chunks: Sequence[bytes] | None = None,
    wait: Callable[[], Awaitable[None]] | None = None,
    server: tuple[str, int] = ("127.0.0.1", 8000),
) -> Answer:
    """One request as uvicorn would hand it on. A `body` that is not bytes is sent as JSON; `chunks` come without a
    length, each after `wait`."""
    given = [(name.lower().encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers]
    names = {name for name, _ in given}
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    if b"host" not in names:
        given.append((b"host", b"127.0.0.1:8000"))
    if (content or chunks) and b"content-type" not in names:
        given.append((b"content-type", b"application/json"))
    if chunks is not None:
        given.append((b"transfer-encoding", b"chunked"))
    elif content and b"content-length" not in names:
        given.append((b"content-length", str(len(content)).encode()))
    raw_path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": server,
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": method,
        "root_path": "",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "headers": given,
        "state": {},
    }
    pending = [content] if chunks is None else list(chunks)
    sent: list[dict[str, Any]] = []
    is_over = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if pending:
            if wait is not None:
                await wait()
            return {"type": "http.request", "body": pending.pop(0), "more_body": bool(pending)}
        await is_over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    try:
        await app(scope, receive, send)
    finally:
        is_over.set()
    starts = [message for message in sent if message["type"] == "http.response.start"]
    if not starts:
        return Answer(0, {}, b"")
    told = {name.decode().lower(): value.decode() for name, value in starts[0]["headers"]}
    parts = (message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return Answer(starts[0]["status"], told, b"".join(parts))
