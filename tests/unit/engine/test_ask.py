"""Whole answers from an engine that tells them in pieces."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tunesmith.engine.ask import ask
from tunesmith.engine.interface import Delta, OnDelta, Request
from tunesmith.errors import RunFailed
from tunesmith.records import Sampling


class Slow:
    """Answers with the words of the prompt, last request first, from a thread of its own."""

    def __init__(self) -> None:
        self.on_the_way = self.most = 0
        self.lock = threading.Lock()

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        with self.lock:
            self.on_the_way += 1
            self.most = max(self.most, self.on_the_way)
        threading.Timer(0.02, self._answer, (request, on_delta)).start()
        return 0

    def _answer(self, request: Request, on_delta: OnDelta) -> None:
        with self.lock:
            self.on_the_way -= 1
        if request.prompt == "fail":
            on_delta(Delta("", failure=RunFailed("engine-closed")))
            return
        for number, word in enumerate(str(request.prompt).split()):
            on_delta(Delta(word + " ", ids=(number,)))
        on_delta(Delta("", ids=(99,), finish_reason="length", num_prompt_tokens=7))


def requests(*prompts: str) -> list[Request]:
    return [Request(prompt, Sampling()) for prompt in prompts]


def test_answers_come_in_the_order_of_the_questions_and_few_at_once() -> None:
    engine: Any = Slow()
    found = ask(engine, requests("a b c", "d", "e f", "g h", "i"), 2)
    assert [said.text for said in found] == ["a b c ", "d ", "e f ", "g h ", "i "]
    assert [said.ids for said in found] == [[0, 1, 2, 99], [0, 99], [0, 1, 99], [0, 1, 99], [0, 99]]
    assert {(said.finish_reason, said.num_prompt_tokens) for said in found} == {("length", 7)}
    assert all(said.seconds >= 0.02 for said in found)
    assert engine.most == 2


def test_a_failure_is_raised() -> None:
    engine: Any = Slow()
    with pytest.raises(RunFailed) as caught:
        ask(engine, requests("a", "fail"), 1)
    assert caught.value.code == "engine-closed"
