"""A small OpenAI-compatible server in this process that answers piece by piece, and what it may send."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Respond = Callable[[dict[str, Any]], tuple[int, str, Iterable[bytes]]]
"""From a request to a status, a content type and what is sent one after the other."""
EVENTS = "text/event-stream"
Token = tuple[str, float]


@dataclass
class PieceServer:
    """What it was asked."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def streaming(respond: Respond) -> Iterator[PieceServer]:
    """Serve on a free port of this machine; the end of the connection ends an answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.bodies.append(body)
            status, kind, chunks = respond(body)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.end_headers()
            with suppress(OSError):  # whoever asked waited no longer
                for chunk in chunks:
                    self.wfile.write(chunk)
                    self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = PieceServer(f"http://127.0.0.1:{http.server_address[1]}/v1")
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def event(told: object) -> bytes:
    """Characters stand as they are, those among them that Unicode ends lines by."""
    return b"data: " + json.dumps(told, ensure_ascii=False).encode() + b"\n\n"


def logprobs(tokens: Sequence[Token]) -> dict[str, Any]:
    return {"content": [{"token": text, "logprob": value, "bytes": list(text.encode())} for text, value in tokens]}


def shown(token: str) -> str:
    """A model's end is told as a token and is no part of its answer."""
    return "" if token.startswith("<|") else token


def pieces(tokens: Sequence[Token], *, thinking: str = "", finish_reason: str = "stop") -> list[bytes]:
    """An answer as vLLM streams it: roles first, a piece a token, the reason it ended, then what it took."""
    deltas: list[tuple[dict[str, str], Sequence[Token]]] = [({"role": "assistant", "content": ""}, ())]
    deltas += [({"reasoning_content": thinking}, ())] * bool(thinking)
    deltas += [({"content": shown(text)}, [(text, value)]) for text, value in tokens]
    sent = [
        event({"choices": [{"index": 0, "delta": delta, "logprobs": logprobs(told) if told else None}], "usage": None})
        for delta, told in deltas
    ]
    sent.append(event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason}]}))
    sent.append(event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(tokens)}}))
    return [*sent, b"data: [DONE]\n\n"]


def whole(tokens: Sequence[Token], *, thinking: str = "", finish_reason: str = "stop") -> bytes:
    """The same answer in one."""
    message = {"role": "assistant", "content": "".join(shown(text) for text, _ in tokens)}
    message |= {"reasoning_content": thinking} if thinking else {}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": logprobs(tokens)}
    usage = {"prompt_tokens": 7, "completion_tokens": len(tokens)}
    return json.dumps({"choices": [choice], "usage": usage}, ensure_ascii=False).encode()


def answering(tokens_for: Callable[[dict[str, Any]], Sequence[Token]]) -> Respond:
    """Stream where that is asked for, else answer in one; log-probabilities only where they are asked for."""

    def respond(body: dict[str, Any]) -> tuple[int, str, Iterable[bytes]]:
        tokens = tokens_for(body)
        if body.get("stream"):
            return 200, EVENTS, _without(pieces(tokens), body)
        return 200, "application/json", _without([whole(tokens)], body)

    return respond


def _without(sent: Sequence[bytes], body: dict[str, Any]) -> list[bytes]:
    if body.get("logprobs"):
        return list(sent)
    found = []
    for one in sent:
        head, data = (b"data: ", one.removeprefix(b"data: ")) if one.startswith(b"data: ") else (b"", one)
        if data.strip() == b"[DONE]":
            found.append(one)
            continue
        told = json.loads(data)
        for choice in told["choices"]:
            choice.pop("logprobs", None)
        found.append(head + json.dumps(told, ensure_ascii=False).encode() + (b"\n\n" if head else b""))
    return found
