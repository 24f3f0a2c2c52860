"""A small OpenAI-compatible server in this process, for tests that talk to one over real HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[str, str], str]
"""From the system's and the user's text to the answer."""


@dataclass
class ChatServer:
    """What it was asked."""

    url: str
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    """HTTP codes to answer the next requests with; 0 for an answer."""


@contextmanager
def serving(answer: Answer, *, failures: list[int] | None = None, raw: str | None = None) -> Iterator[ChatServer]:
    """Serve on a free port of this machine: first the failures (HTTP codes), then answers, or always the raw body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.bodies.append(body)
            server.keys.append(self.headers["authorization"])
            if self.path != "/v1/chat/completions":
                self._reply(404, "no such path")
            elif server.failures and (failure := server.failures.pop(0)):
                self._reply(failure, "busy")
            elif raw is not None:
                self._reply(200, raw)
            else:
                said = {message["role"]: message["content"] for message in body["messages"]}
                content = answer(said.get("system", ""), said["user"])
                message = {"role": "assistant", "content": content}
                usage = {"prompt_tokens": len(str(body["messages"])), "completion_tokens": len(content)}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                self._reply(200, json.dumps({"choices": [choice], "usage": usage}))

        def _reply(self, status: int, body: str) -> None:
            content = body.encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            with suppress(BrokenPipeError):  # whoever asked waited no longer
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None: ...

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = ChatServer(f"http://127.0.0.1:{http.server_address[1]}/v1", failures=list(failures or ()))
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
