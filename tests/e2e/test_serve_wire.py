"""The guards on real sockets: what a client sends slowly, without end, or broken costs the server nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from guard_material import SayingEngine, Server, chat, server

from tunesmith.serve import connection
from tunesmith.serve.connection import PatientProtocol

pytestmark = pytest.mark.thorough
BODY_BYTES = 100_000
MIBYTE = 2**20


class Hasty(PatientProtocol):
    """Waits for headers, and for its answer to be taken, for a moment only."""

    header_seconds = send_seconds = 0.5


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    served = server(tmp_path_factory.mktemp("served"), {"limits": {"max_body_bytes": BODY_BYTES}})
    with listening(served) as found:
        yield found
    served.store.close()


class listening:
    """uvicorn in a thread, as `serve` runs it."""

    def __init__(self, served: Server) -> None:
        config = uvicorn.Config(
            served.app, http=Hasty, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False
        )
        self.server = uvicorn.Server(config)
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)

    def __enter__(self) -> int:
        self.thread.start()
        deadline = time.monotonic() + 10
        while not self.server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        return int(self.socket.getsockname()[1])

    def __exit__(self, *failure: object) -> None:
        self.server.should_exit = True
        self.thread.join(10)


def talk(port: int, *parts: bytes, pause: float = 0.0, seconds: float = 5.0) -> tuple[bytes, float]:
    """What comes back until the server hangs up or is silent, and how long that took."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        heard = b""
        try:
            for part in parts:
                client.sendall(part)
                time.sleep(pause)
            while more := client.recv(65_536):
                heard += more
        except (ConnectionError, TimeoutError):
            pass
    return heard, time.monotonic() - started


def head(method: str = "POST", target: str = "/v1/chat/completions", *lines: str) -> bytes:
    shown = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", *lines]
    return ("\r\n".join(shown) + "\r\n\r\n").encode()


@contextmanager
def asking(port: int, **more: Any) -> Iterator[socket.socket]:
    """A client that has asked, and heard that it is answered."""
    body = json.dumps(chat(**more)).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head("POST", "/v1/chat/completions", f"Content-Length: {len(body)}") + body)
        assert client.recv(12) == b"HTTP/1.1 200"
        yield client


def test_it_answers_at_all(port: int) -> None:
    heard, _ = talk(port, head("GET", "/livez", "Connection: close"))
    assert heard.startswith(b"HTTP/1.1 200")
    assert b"server:" not in heard.lower()


def test_headers_that_come_slowly_are_hung_up_on(port: int) -> None:
    for begun in (
        [],
        [b"GET /livez HTTP/1.1\r\n"],
        [bytes([each]) for each in b"GET /livez HTTP/1.1\r\nX: " + b"a" * 50],
    ):
        heard, seconds = talk(port, *begun, pause=0.05)
        assert heard == b""
        assert seconds < 4


def test_a_connection_that_is_used_again_slowly_is_hung_up_on(port: int) -> None:
    heard, seconds = talk(port, head("GET", "/livez"), b"GET /livez HTTP/1.1\r\n", pause=0.1)
    assert heard.count(b"HTTP/1.1 200") == 1
    assert seconds < 4


def test_a_connection_serves_many_requests_and_outlives_the_patience(port: int) -> None:
    heard, _ = talk(port, *[head("GET", "/livez")] * 6, head("GET", "/livez", "Connection: close"), pause=0.15)
    assert heard.count(b"HTTP/1.1 200") == 7


def test_a_body_of_ten_gigabytes_is_refused_at_once(port: int) -> None:
    heard, seconds = talk(port, head("POST", "/v1/chat/completions", "Content-Length: 10000000000"))
    assert heard.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in heard
    assert seconds < 2


def test_a_body_without_an_end_is_cut_off(port: int) -> None:
    chunk = b"2000\r\n" + b" " * 0x2000 + b"\r\n"
    heard, seconds = talk(port, head("POST", "/v1/chat/completions", "Transfer-Encoding: chunked"), *[chunk] * 40)
    assert heard.startswith(b"HTTP/1.1 413") or heard == b""  # or the connection broke before it was heard
    assert seconds < 4


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\xff\n\n",
        b"GET\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n",
        b"POST /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"GET /livez HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_server_goes_on(port: int, request_: bytes) -> None:
    heard, _ = talk(port, request_, seconds=2.0)
    assert heard == b"" or heard.startswith(b"HTTP/1.1 4")
    assert talk(port, head("GET", "/livez", "Connection: close"))[0].startswith(b"HTTP/1.1 200")


def test_a_foreign_host_is_refused_on_the_wire(port: int) -> None:
    for method in ("GET", "POST", "DELETE", "OPTIONS", "PROPFIND"):
        request = f"{method} /v1/models HTTP/1.1\r\nHost: 127.0.0.1.evil.com\r\nConnection: close\r\n\r\n"
        assert talk(port, request.encode())[0].startswith(b"HTTP/1.1 403")


def test_an_upgrade_to_a_socket_is_none(port: int) -> None:
    lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13")
    heard, _ = talk(port, head("GET", "/v1/models", *lines), seconds=1.0)
    assert heard.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_takes_nothing_is_hung_up_on(tmp_path: Path, stream: bool) -> None:
    served = server(tmp_path, {"record": "off"}, SayingEngine(("x" * MIBYTE,) * 32))
    there = listening(served)
    with there as port, asking(port, stream=stream):
        connections, slots = there.server.server_state.connections, served.guards.slots
        deadline = time.monotonic() + 10
        while (connections or slots.num_taken) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (len(connections), slots.num_taken) == (0, 0)
    served.store.close()


def test_a_client_that_takes_it_slowly_gets_all_of_it(tmp_path: Path) -> None:
    served = server(tmp_path, {"record": "off"}, SayingEngine(("x" * MIBYTE,) * 32))
    with listening(served) as port, asking(port, stream=True) as client:
        num_heard, end = 0, b""
        while b"[DONE]" not in end:
            more = client.recv(MIBYTE)
            assert more
            end, num_heard = (end + more)[-100:], num_heard + len(more)
            if num_heard < 5 * MIBYTE:  # a second or two, in which it never takes nothing for long
                time.sleep(0.35 * len(more) / MIBYTE)
    assert num_heard > 32 * MIBYTE
    served.store.close()


def test_five_hundred_who_never_finish_leave_nothing_behind(port: int) -> None:
    async def half_open() -> None:
        pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(500)]
        for _, writer in pairs:
            writer.write(b"POST /v1/chat/completions HT")
        started = time.monotonic()
        assert {await reader.read() for reader, _ in pairs} == {b""}
        assert time.monotonic() - started < 8
        for _, writer in pairs:
            writer.close()

    asyncio.run(half_open())
    assert talk(port, head("GET", "/livez", "Connection: close"))[0].startswith(b"HTTP/1.1 200")
    assert connection.HEADER_SECONDS <= 30
