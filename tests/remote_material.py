"""Servers for an engine to stand in front of: our own, and one that does what no healthy server does."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tunesmith.chat import Chat
from tunesmith.engine.remote import RemoteEngine
from tunesmith.engine.upstream import Upstream
from tunesmith.recipe.endpoint import Host
from tunesmith.records import Message
from tunesmith.serve.deployment import Deployment
from tunesmith.serve.run import Server

MODEL = "model"
VLLM = frozenset(("response_format", "logprobs", "prompt_logprobs", "return_token_ids", "embeddings", "top_k"))
"""`top_k` stands for all that sampling takes."""
Score = Callable[[Sequence[int]], list[dict[str, Any] | None]]
"""From the ids of a text to vLLM's `prompt_logprobs`."""


class Asked(BaseHTTPRequestHandler):
    """One request, which is answered by hand."""

    body: dict[str, Any]

    def whole(self, status: int, told: object, **headers: str) -> None:
        """Anything but bytes is told as JSON."""
        content = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), "content-type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.write(content)

    def stream(self, *events: object, content_type: str = "text/event-stream") -> None:
        """The head of a stream and its first events; whoever returns then hangs up."""
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.end_headers()
        for event in events:
            self.write(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode())

    def write(self, content: bytes) -> bool:
        """Whether somebody still reads."""
        try:
            self.wfile.write(content)
        except OSError:
            return False
        return True

    def log_message(self, format: str, *args: object) -> None: ...


Act = Callable[[Asked], None]


def piece(text: str | None = None, finish_reason: str | None = None, **delta: str) -> dict[str, Any]:
    """A chunk of a chat."""
    said = delta | ({} if text is None else {"content": text})
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish_reason}]}


def usage(prompt: int, answer: int, **more: Any) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": answer, **more}}


def says(*events: object) -> Act:
    """A stream of these events, ended as it should be."""
    return lambda asked: asked.stream(*events, piece(finish_reason="stop"), usage(3, 2), "[DONE]")


@dataclass
class StandIn:
    """What it was asked, and what it does where an answer is to be streamed."""

    act: Act
    models: Sequence[Mapping[str, Any]] = ({"id": MODEL},)
    knows: frozenset[str] = frozenset()
    """Fields and paths that it takes beside a plain chat: some of VLLM."""
    chat: Chat | None = None
    """Renders as this does, and tells it, else otherwise."""
    score: Score | None = None
    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """Of streamed requests."""
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    @property
    def host(self) -> Host:
        return Host(url=self.url, model=MODEL)

    def answer(self, asked: Asked) -> None:
        body = asked.body
        if body.get("stream"):
            self.bodies.append(body)
            self.act(asked)
        elif body.keys() & VLLM - self.knows:
            asked.whole(400, {"error": {"message": "unknown field"}})
        elif asked.path.endswith("/embeddings"):
            rows = [{"index": place, "embedding": [3.0, 4.0]} for place, _ in enumerate(body["input"])]
            asked.whole(*((200, {"data": rows}) if "embeddings" in self.knows else (404, {})))
        elif "prompt_logprobs" in body and self.score is not None:
            asked.whole(200, {"choices": [{"prompt_logprobs": self.score(body["prompt"])}]})
        else:
            asked.whole(200, self._probed(body))

    def _probed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        messages = [Message(each["role"], each["content"]) for each in body["messages"]]
        ids = [1] if self.chat is None else self.chat.prompt_ids(messages)
        content = '{ "tunesmith-probe" : true}' if "response_format" in body else "Hello."
        logs = {"content": [{"token": "Hello.", "logprob": -0.5, "top_logprobs": []}]} if "logprobs" in body else None
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "logprobs": logs, "finish_reason": "length"}
        told = {"choices": [choice], "usage": {"prompt_tokens": len(ids), "completion_tokens": 1}}
        return told | ({"prompt_token_ids": ids} if "return_token_ids" in body else {})


@contextmanager
def standing_in(stand_in: StandIn) -> Iterator[StandIn]:
    """On a free port of this machine."""

    class Handler(Asked):
        def do_GET(self) -> None:
            stand_in.keys.append(self.headers["authorization"])
            self.whole(200, {"object": "list", "data": list(stand_in.models)})

        def do_POST(self) -> None:
            self.body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            stand_in.paths.append(self.path)
            stand_in.answer(self)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield stand_in
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


@contextmanager
def in_front_of(host: Host, chat: Chat, key: str | None = None, **limits: int) -> Iterator[RemoteEngine]:
    engine = RemoteEngine(Upstream(host, key), chat, **{"max_tokens": 512, **limits})
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def running(deployment: Deployment) -> Iterator[str]:
    """Our own server in a thread; its address, once it is ready."""
    ready = threading.Event()
    server = Server(deployment, lambda address: ready.set())
    thread = threading.Thread(target=server.run, kwargs={"sockets": [server.listening]})
    thread.start()
    try:
        assert ready.wait(60)
        yield server.address
    finally:
        server.drain()
        thread.join(60)
