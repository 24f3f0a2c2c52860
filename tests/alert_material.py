"""Health reports, alerts, and receivers of alerts that behave badly, over real sockets of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tunesmith.artifacts.health import Family, Figure, HealthBody, Shift

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)


def shift(feature: str = "length", family: Family = "input", *, is_alarm: bool = True) -> Shift:
    p_value = 0.0001 if is_alarm else 0.4
    return Shift(
        feature=feature,
        family=family,
        test="ks",
        effect=0.25,
        p_value=p_value,
        num_reference=500,
        num_window=200,
        is_alarm=is_alarm,
    )


def body(week: int = 0, *shifts: Shift, **fields: Any) -> HealthBody:
    """Of the given week after MONDAY."""
    told = {
        "model": "support-bot",
        "bundle": "0123456789abcdef",
        "since": MONDAY + week * WEEK,
        "until": MONDAY + (week + 1) * WEEK,
        "num_exchanges": 200,
        "num_feedback": 3,
        "is_judged": True,
        "level": 0.01,
        "false_alarms_per_year": 1.0,
    }
    return HealthBody(**{**told, **fields}, shifts=list(shifts))


def figures(**values: float | None) -> list[Figure]:
    return [Figure(name=name, family="operations", value=value) for name, value in values.items()]


@dataclass
class Post:
    """One request, as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Trap:
    """A server that answers each connection as it is told, and remembers what came."""

    host: str
    port: int
    posts: list[Post] = field(default_factory=list)
    num_connections: int = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/hook"


Behave = Callable[[socket.socket, Trap, threading.Event], None]
"""What is done with a connection; the event is set when the test ends."""


@contextmanager
def trap(behave: Behave, host: str = "127.0.0.1", port: int = 0) -> Iterator[Trap]:
    """Listens until the block ends; connections that hang are let go then."""
    over = threading.Event()
    listener = socket.create_server((host, port))
    made = Trap(host, listener.getsockname()[1])
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):  # the listener was shut down
            while True:
                connection, _ = listener.accept()
                made.num_connections += 1
                threads.append(threading.Thread(target=handle, args=(connection,)))
                threads[-1].start()

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # whoever asked hung up
            behave(connection, made, over)

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield made
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in [accepting, *threads]:
            thread.join()


def read_post(connection: socket.socket) -> Post:
    with connection.makefile("rb") as stream:
        line = stream.readline().decode().strip()
        headers = {}
        while header := stream.readline().strip():
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        return Post(line, headers, stream.read(int(headers.get("content-length", 0))))


def answers(*statuses: int, more: bytes = b"") -> Behave:
    """Answers with these in turn, then always with the last; `more` are further headers."""
    left = list(statuses)

    def behave(connection: socket.socket, made: Trap, over: threading.Event) -> None:
        made.posts.append(read_post(connection))
        status = left.pop(0) if len(left) > 1 else left[0]
        connection.sendall(f"HTTP/1.1 {status} said\r\n".encode() + more + b"Content-Length: 0\r\n\r\n")

    return behave


def hangs(connection: socket.socket, made: Trap, over: threading.Event) -> None:
    """Reads, and never answers."""
    made.posts.append(read_post(connection))
    over.wait(30)


def is_silent(connection: socket.socket, made: Trap, over: threading.Event) -> None:
    """Takes the connection and says nothing."""
    over.wait(30)


def resets(connection: socket.socket, made: Trap, over: threading.Event) -> None:
    """Breaks the connection instead of an answer."""
    made.posts.append(read_post(connection))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


def drips(connection: socket.socket, made: Trap, over: threading.Event) -> None:
    """A byte now and then, each in time, the whole never."""
    made.posts.append(read_post(connection))
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 1000:
        connection.sendall(bytes([byte]))
        if over.wait(0.02):
            return


def floods(connection: socket.socket, made: Trap, over: threading.Event) -> None:
    """Taken, with an answer that does not end."""
    made.posts.append(read_post(connection))
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"x" * 65536)
