"""What a load test says of servers whose delays are known, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

import pytest

from tunesmith.cli.loadtest import read_prompts
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.serve.loadtest import Asked, Level, Load, Quantiles, _rising, first_model, measure, quantiles, summary


@dataclass
class Delays:
    """How a server answers: at most `slots` at once, each with `num_tokens` pieces."""

    first_seconds: float = 0.02
    rest_seconds: float = 0.02
    num_tokens: int = 3
    slots: int = 64
    status: int = 200
    counts: bool = True
    cuts: bool = False
    word: str = "w"
    page: str | None = None
    """What is answered in place of the models."""
    url: str = ""
    prompts: list[str] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)
    busy: list[float] = field(default_factory=list)
    """Seconds that each answer took by the server's own clock."""


class _Handler(BaseHTTPRequestHandler):
    delays: ClassVar[Delays]
    free: ClassVar[threading.Semaphore]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        models = json.dumps({"data": [{"id": "desk"}, {"id": "base"}]})
        self._reply(200, models if self.delays.page is None else self.delays.page)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.delays.prompts.append(body["messages"][0]["content"])
        self.delays.keys.add(self.headers["authorization"])
        if self.delays.status != 200:
            self._reply(self.delays.status, json.dumps({"error": {"code": "queue-full"}}), {"retry-after": "0"})
            return
        with self.free:
            began = time.perf_counter()
            self._stream()
            self.delays.busy.append(time.perf_counter() - began)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        time.sleep(self.delays.first_seconds)
        for number in range(self.delays.num_tokens):
            self._event({"choices": [{"delta": {"content": f"{self.delays.word}{number} "}}]})
            time.sleep(self.delays.rest_seconds / self.delays.num_tokens)
        if self.delays.counts:
            self._event({"choices": [], "usage": {"completion_tokens": 7}})
        if not self.delays.cuts:
            self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, value: dict[str, Any]) -> None:
        self._chunk(f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode())

    def _chunk(self, content: bytes) -> None:
        with suppress(BrokenPipeError):
            self.wfile.write(f"{len(content):x}\r\n".encode() + content + b"\r\n")

    def _reply(self, status: int, page: str, headers: dict[str, str] | None = None) -> None:
        content = page.encode()
        self.send_response(status)
        for name, said in {**(headers or {}), "content-length": str(len(content))}.items():
            self.send_header(name, said)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None: ...


class _Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def answering(delays: Delays) -> Iterator[Delays]:
    handler = type("Handler", (_Handler,), {"delays": delays, "free": threading.Semaphore(delays.slots)})
    http = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    delays.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    try:
        yield delays
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def load_of(delays: Delays, **more: Any) -> Load:
    return replace(Load(url=delays.url, model="desk", prompts=("one", "二"), seconds=0.15, max_clients=1), **more)


@pytest.mark.thorough
def test_one_client_gets_what_the_delays_allow() -> None:
    with answering(Delays()) as delays:
        report = asyncio.run(measure(load_of(delays, key="sk-1")))
    (level,) = report.levels
    assert level.first_token is not None
    assert level.latency is not None
    # a sleep is never shorter than it says; a busy machine may make it longer
    assert 0.02 <= level.first_token.p50 < level.latency.p50
    assert level.latency.p50 >= 0.04
    assert 0.2 <= level.requests_per_second * fmean(delays.busy) <= 1.0
    assert level.requests_per_second <= 1 / 0.04
    assert level.tokens_per_second == pytest.approx(7 * level.requests_per_second)
    assert level.num_answers == len(delays.prompts)
    assert delays.prompts[:3] == ["one", "二", "one"]
    assert delays.keys == {"Bearer sk-1"}
    assert report.best == level


@pytest.mark.thorough
def test_the_answer_is_the_most_that_keeps_the_target() -> None:
    """Four at once: rates follow Little's law, requests in service = rate x time of service, and no clock is needed."""
    with answering(Delays(first_seconds=0.05, rest_seconds=0.0, slots=4)) as delays:
        report = asyncio.run(measure(load_of(delays, seconds=0.4, max_clients=32, target_seconds=0.135)))
    tried = {level.num_clients: level for level in report.levels}
    assert not tried[max(tried)].keeps_target
    for num_clients, level in tried.items():
        in_service = level.requests_per_second * fmean(delays.busy)
        assert 0.4 * min(num_clients, 4) <= in_service <= 1.2 * min(num_clients, 4)
        assert level.requests_per_second <= 4 / 0.05
    best = report.best
    assert best is None or all(
        best.requests_per_second >= level.requests_per_second for level in tried.values() if level.keeps_target
    )


def test_pieces_are_counted_where_the_server_does_not_count() -> None:
    with answering(Delays(first_seconds=0.0, rest_seconds=0.0, counts=False)) as delays:
        (level,) = asyncio.run(measure(load_of(delays, seconds=0.05))).levels
    assert level.tokens_per_second == pytest.approx(3 * level.requests_per_second)


def test_answers_that_break_off_are_errors() -> None:
    with (
        answering(Delays(first_seconds=0.0, rest_seconds=0.0, cuts=True)) as delays,
        pytest.raises(RunFailed) as caught,
    ):
        asyncio.run(measure(load_of(delays, seconds=0.05)))
    assert "cut off" in caught.value.message()


def test_what_unicode_ends_lines_by_ends_no_event() -> None:
    with answering(Delays(first_seconds=0.0, rest_seconds=0.0, word="a\u2028b\x85")) as delays:
        report = asyncio.run(measure(load_of(delays, seconds=0.05)))
    assert (report.levels[0].errors, report.levels[0].num_answers > 0) == ({}, True)


@pytest.mark.thorough
def test_a_server_that_answers_nothing_is_told() -> None:
    with answering(Delays(status=401)) as delays, pytest.raises(RunFailed) as caught:
        asyncio.run(measure(load_of(delays, seconds=0.05)))
    assert caught.value.code == "loadtest-failed"
    assert "HTTP 401" in caught.value.message()
    with pytest.raises(RunFailed):
        first_model("http://127.0.0.1:9/v1", None)
    with pytest.raises(RunFailed, match="loadtest-failed"):
        first_model("http://[::1", None)
    for page in ("<html>Welcome</html>", "[1]", '{"data": [{}]}', '{"data": 3}'):
        with answering(Delays(page=page)) as delays, pytest.raises(RunFailed, match="loadtest-failed"):
            first_model(delays.url, None)


def test_the_first_model_is_asked() -> None:
    with answering(Delays()) as delays:
        assert first_model(delays.url, None) == "desk"


def rising(max_clients: int, most_that_keep: int) -> list[int]:
    levels: dict[int, Level] = {}
    tried = []
    for number in _rising(max_clients, levels):
        tried.append(number)
        levels[number] = Level(number, 1, 1.0, 1.0, None, None, {}, keeps_target=number <= most_that_keep)
    return tried


def test_clients_double_and_then_close_in() -> None:
    assert rising(64, 10) == [1, 2, 4, 8, 16, 12, 10, 11]
    assert rising(64, 64) == [1, 2, 4, 8, 16, 32, 64]
    assert rising(24, 24) == [1, 2, 4, 8, 16, 24]
    assert rising(24, 20) == [1, 2, 4, 8, 16, 24, 20, 22, 21]
    assert rising(64, 0) == [1]
    assert rising(1, 1) == [1]


def test_quantiles_are_of_nearest_rank() -> None:
    assert quantiles([float(number) for number in range(1, 101)]) == Quantiles(50.0, 95.0)
    assert quantiles([3.0, 1.0]) == Quantiles(1.0, 3.0)
    assert quantiles([]) is None


def test_a_level_is_summed_up_from_its_requests() -> None:
    load = Load("http://x/v1", "desk", target_seconds=0.5)
    asked = [Asked(0.1 + number / 1000, 1.0, 10) for number in range(100)]
    level = summary(asked, 20.0, 4, load)
    assert (level.num_answers, level.requests_per_second, level.tokens_per_second) == (100, 5.0, 50.0)
    assert level.first_token == Quantiles(0.1 + 49 / 1000, 0.1 + 94 / 1000)
    assert level.keeps_target
    assert not summary(asked, 20.0, 4, replace(load, target="latency")).keeps_target
    # one in a hundred may fail, two may not
    assert summary([*asked[1:], Asked(None, 0.1, 0, "HTTP 429")], 20.0, 4, load).keeps_target
    failed = summary([*asked[2:], *[Asked(None, 0.1, 0, "HTTP 429")] * 2], 20.0, 4, load)
    assert not failed.keeps_target
    assert failed.errors == {"HTTP 429": 2}


def test_prompts_are_read_line_by_line(tmp_path: Path) -> None:
    lines, rows = tmp_path / "p.txt", tmp_path / "p.jsonl"
    lines.write_text("one\n\n二 三\n", encoding="utf-8")
    rows.write_text('{"prompt": "one"}\n{"prompt": "二"}\n', encoding="utf-8")
    assert read_prompts(lines) == ("one", "二 三")
    assert read_prompts(rows) == ("one", "二")
    rows.write_text('{"prompt": "one\u2028line"}\r\n{"prompt": "二"}', encoding="utf-8")
    assert read_prompts(rows) == ("one\u2028line", "二")
    for content in ("", '{"question": 1}\n', '{"prompt": 1}\n', "[]\n"):
        rows.write_text(content, encoding="utf-8")
        with pytest.raises(TunesmithError, match="loadtest-prompts"):
            read_prompts(rows)
    with pytest.raises(TunesmithError, match="loadtest-prompts"):
        read_prompts(tmp_path / "absent")
