"""Answers over HTTP from a server of this test: order, keys, patience, memory, and what is said when nothing helps."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from chat_server import ChatServer, serving

from tunesmith.engine.endpoint import Endpoint
from tunesmith.errors import RunFailed
from tunesmith.prepare.teacher import plain_reply
from tunesmith.records import Message


def ask(*texts: str) -> list[tuple[Message, ...]]:
    return [(Message("system", "shout"), Message("user", text)) for text in texts]


def endpoint(server: ChatServer, cache: Path, **changes: object) -> Endpoint:
    return Endpoint(**{"url": server.url, "model": "m", "cache": cache, "wait_seconds": 0.01, **changes})  # type: ignore[arg-type]


def test_answers_keep_their_order_whatever_order_they_come_in(tmp_path: Path) -> None:
    together = threading.Barrier(4, timeout=5)

    def slow_first(system: str, text: str) -> str:
        together.wait()  # passes only when all are under way at once
        time.sleep(0.05 if text == "a" else 0.0)
        return text.upper()

    with serving(slow_first) as server:
        found = endpoint(server, tmp_path, parallel=4, key="secret", temperature=0.5, max_tokens=9)
        assert found.answers(ask("a", "b", "c", "d"), [3, 4, 5, 6]) == ["A", "B", "C", "D"]
    first = next(body for body in server.bodies if body["messages"][1]["content"] == "a")
    assert first == {
        "model": "m",
        "messages": [{"role": "system", "content": "shout"}, {"role": "user", "content": "a"}],
        "temperature": 0.5,
        "max_tokens": 9,
        "seed": 3,
    }
    assert set(server.keys) == {"Bearer secret"}
    assert "secret" not in repr(found)


def test_nothing_is_asked_twice(tmp_path: Path) -> None:
    with serving(lambda system, text: text.upper()) as server:
        for _ in range(2):
            assert endpoint(server, tmp_path).answers(ask("a", "b"), [0, 0]) == ["A", "B"]
        assert len(server.bodies) == 2
        endpoint(server, tmp_path).answers(ask("a"), [1])
        endpoint(server, tmp_path, model="other").answers(ask("a"), [0])
        assert len(server.bodies) == 4


@pytest.mark.thorough
def test_equal_requests_under_way_at_once_each_have_their_answer(tmp_path: Path) -> None:
    together = threading.Barrier(8, timeout=5)

    def at_once(system: str, text: str) -> str:
        together.wait()
        return text.upper()

    with serving(at_once) as server:
        found = endpoint(server, tmp_path, parallel=8)
        for number in range(4):
            assert found.answers(ask(*[f"a{number}"] * 8), [0] * 8) == [f"A{number}"] * 8


@pytest.mark.thorough
def test_what_may_pass_is_tried_again_and_nothing_else(tmp_path: Path) -> None:
    with serving(lambda system, text: text.upper(), failures=[503, 429, 500]) as server:
        assert endpoint(server, tmp_path).answers(ask("a"), [0]) == ["A"]
        assert len(server.bodies) == 4
    for failures, num_tries in (([401], 1), ([503] * 9, 4)):
        with serving(lambda system, text: "never", failures=failures) as server:
            with pytest.raises(RunFailed) as caught:
                endpoint(server, tmp_path / "other").answers(ask("a"), [0])
            assert (caught.value.code, len(server.bodies)) == ("endpoint-failed", num_tries)
            assert f"HTTP {failures[0]}" in caught.value.message()
            assert server.url in caught.value.hint()
    with pytest.raises(RunFailed) as caught:
        endpoint(server, tmp_path / "other").answers(ask("a"), [0])  # nobody listens there any more
    assert "ConnectError" in caught.value.message("zh")


@pytest.mark.parametrize("body", ["<html>", "{}", '{"choices": []}', '{"choices": [{"message": {"content": null}}]}'])
def test_what_is_no_chat_completion_is_said_so(tmp_path: Path, body: str) -> None:
    with serving(lambda system, text: "", raw=body) as server, pytest.raises(RunFailed) as caught:
        endpoint(server, tmp_path).answers(ask("a"), [0])
    assert caught.value.code == "endpoint-answer"
    assert body in caught.value.message()
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thinking_that_comes_apart_stands_in_front(tmp_path: Path, name: str) -> None:
    for content, expected in (("7", "<think>\nthree and four\n</think>\n\n7"), (None, "<think>\nthree and four")):
        body = json.dumps({"choices": [{"message": {"content": content, name: "three and four"}}]})
        with serving(lambda system, text: "", raw=body) as server:
            assert endpoint(server, tmp_path / str(content)).answers(ask("3+4"), [0]) == [expected]
            assert plain_reply(expected) == (content or "")
