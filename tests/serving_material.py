"""A deployment without a model: a written-down engine behind the real routes, guards and store."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from httpx2 import ASGITransport, AsyncClient, Response
from numpy.typing import NDArray

from tunesmith.engine.interface import (
    Capabilities,
    Delta,
    EngineLoad,
    OnDelta,
    Prompt,
    Request,
    TokenLogProbability,
)
from tunesmith.errors import TunesmithError
from tunesmith.recipe.serve import Serve
from tunesmith.records import Message
from tunesmith.runtime import Runtime
from tunesmith.serve.app import Application, make_app
from tunesmith.serve.deployment import Deployment, Facts, Served, ServedModels
from tunesmith.serve.recording import Recorder
from tunesmith.store import open_store

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
TUNED, BASE = "support", "builtin:tiny"
LABELS = ("billing", "delivery", "other")
HOST = "http://127.0.0.1:8000"
Script = Callable[[Request], Sequence[str] | TunesmithError]
"""The pieces of an answer, or how it fails after the first of them."""


def says(*pieces: str) -> Script:
    return lambda request: pieces


class ScriptedEngine:
    """An engine of which everything is written down; each answer has a thread, as pieces come from another thread."""

    capabilities = Capabilities(log_probabilities=True, scores=True, embeds=True, labels=True, adapters=True, json=True)

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or says("Hello", " there.")
        self.asked: list[Request] = []
        self.cancelled: set[int] = set()
        self.running: set[int] = set()
        self.loaded: dict[str, Path] = {}
        self.refusal: TunesmithError | None = None
        self.goes_on = threading.Event()
        """Cleared, every answer stops after its first piece until it is set or cancelled."""
        self.goes_on.set()
        self._changed = threading.Condition()

    @property
    def adapters(self) -> tuple[str, ...]:
        return tuple(self.loaded)

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        if self.refusal is not None:
            raise self.refusal
        with self._changed:
            self.asked.append(request)
            number = len(self.asked)
            self.running.add(number)
        threading.Thread(target=self._write, args=(number, request, on_delta), daemon=True).start()
        return number

    def _write(self, number: int, request: Request, on_delta: OnDelta) -> None:
        script = self.script(request)
        pieces = ["half"] if isinstance(script, TunesmithError) else list(script)
        last = Delta("", finish_reason="stop", num_prompt_tokens=7, num_cached_tokens=3)
        for place, piece in enumerate(pieces):
            if place and not self._may_go_on(number):
                last = Delta("", finish_reason="cancelled")
                break
            logs = () if request.num_top is None else (TokenLogProbability(piece, -0.5, (("a", -0.5), ("b", -1e30))),)
            on_delta(Delta(piece, (place,), logs, num_prompt_tokens=7))
        with self._changed:
            self.running.discard(number)
            self._changed.notify_all()
        on_delta(Delta("", failure=script) if isinstance(script, TunesmithError) else last)

    def _may_go_on(self, number: int) -> bool:
        while not self.goes_on.wait(0.002):
            if number in self.cancelled:
                return False
        return number not in self.cancelled

    def cancel(self, number: int) -> None:
        self.cancelled.add(number)

    def idle(self, seconds: float = 2.0) -> bool:
        """Whether nothing is written any more, after at most so long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self.running, seconds)

    def score(self, prompt_ids: Sequence[int], answer_ids: Sequence[int], adapter: str | None) -> list[float]:
        return [-0.25] * len(answer_ids)

    def label(
        self, conversations: Sequence[Sequence[Message]], labels: Sequence[str], adapter: str | None
    ) -> list[list[float]]:
        """The more a text is about a label, the likelier: counted by its name, which is in the text or not."""
        counts = [[1 + 6 * each[-1].content.count(label) for label in labels] for each in conversations]
        return [[count / sum(row) for count in row] for row in counts]

    def embed(self, texts: Sequence[str], adapter: str | None) -> NDArray[np.float32]:
        rows = np.array([[len(text), 1.0, 2.0] for text in texts], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def num_tokens_of(self, prompt: Prompt) -> int:
        """A plain text has a begin token before it."""
        return 1 + len(prompt.split()) if isinstance(prompt, str) else sum(len(each.content.split()) for each in prompt)

    def num_read_tokens(self, text: str) -> int:
        return len(text.split())

    def load_adapter(self, name: str, folder: Path) -> None:
        self.loaded[name] = folder

    def unload_adapter(self, name: str) -> None:
        del self.loaded[name]

    def load(self) -> EngineLoad:
        return EngineLoad(len(self.running), 0, 0, 1)

    def close(self, drain_seconds: float = 0.0) -> None:
        self.cancelled |= self.running


@contextmanager
def deployed(
    folder: Path, engine: ScriptedEngine, section: Mapping[str, Any] | None = None, **facts: Any
) -> Iterator[Deployment]:
    """`section` is what a recipe has under `serve`."""
    known = {"name": TUNED, "form": "adapter", "labels": LABELS, "takes_adapters": True, **facts}
    serve = Serve.model_validate({"port": 0, "record": "full", **(section or {})})
    with open_store(f"sqlite:///{folder}/store.db", clock=lambda: NOW, key_file=folder / "store.key") as store:
        yield Deployment(
            bundle=None,
            facts=Facts(**known),
            engine=engine,
            store=store,
            section=serve,
            runtime=Runtime(folder, folder / "cache", clock=lambda: NOW),
            models=ServedModels((Served(TUNED, TUNED, "b" * 16, NOW, parent=BASE), Served(BASE, None, "a" * 64, NOW))),
            recorder=Recorder(store, serve.record),
        )


def call(deployment: Deployment, method: str, path: str, body: Any = None, **headers: str) -> Response:
    """One request through all the guards."""
    return asked_of(make_app(deployment), method, path, body, **headers)


def asked_of(application: Application, method: str, path: str, body: Any = None, **headers: str) -> Response:
    async def ask() -> Response:
        transport = ASGITransport(application.app)
        async with AsyncClient(transport=transport, base_url=HOST) as client:
            if isinstance(body, bytes):
                sent = {"content": body, "headers": {"content-type": "application/json", **headers}}
            else:
                sent = {"json": body, "headers": headers}
            return await client.request(method, path, **sent)

    return asyncio.run(ask())


def chat_body(**more: Any) -> dict[str, Any]:
    return {"model": TUNED, "messages": [{"role": "user", "content": "Where is my parcel?"}], **more}


def events(response: Response) -> list[dict[str, Any]]:
    """The data of every server-sent event but `[DONE]`, with which a whole stream ends."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


class Caller:
    """A client that can hang up: an ASGI connection played by hand."""

    def __init__(self, application: Application, path: str, body: Mapping[str, Any]) -> None:
        self._app = application.app
        content = json.dumps(body).encode()
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [
                (b"host", b"127.0.0.1:8000"),
                (b"content-type", b"application/json"),
                (b"content-length", str(len(content)).encode()),
            ],
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 1),
        }
        self._content: bytes | None = content
        self.hangs_up = asyncio.Event()
        self.heard: list[dict[str, Any]] = []
        self.hears = asyncio.Event()

    async def run(self) -> None:
        await self._app(self._scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if self._content is not None:
            content, self._content = self._content, None
            return {"type": "http.request", "body": content, "more_body": False}
        await self.hangs_up.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.heard.append(dict(message))
        self.hears.set()
