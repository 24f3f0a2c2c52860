"""Ask an engine and wait for whole answers, whatever engine it is. No torch here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from tunesmith.engine.interface import Delta, Engine, Request
from tunesmith.records import FinishReason


@dataclass(slots=True)
class Said:
    """A whole answer."""

    text: str = ""
    ids: list[int] = field(default_factory=list)
    """With the end token, where it came to one."""
    finish_reason: FinishReason = "stop"
    num_prompt_tokens: int = 0
    seconds: float = 0.0
    """From the request to the last piece."""


def ask(engine: Engine, requests: Sequence[Request], num_at_once: int) -> list[Said]:
    """The answers to all requests, at most so many of them on their way. Raises what `submit` raises, and a failure."""
    heard: SimpleQueue[tuple[int, Delta]] = SimpleQueue()
    answers = [Said() for _ in requests]
    started = [0.0] * len(requests)
    num_sent = num_done = 0
    while num_done < len(requests):
        while num_sent < min(num_done + num_at_once, len(requests)):
            started[num_sent] = time.perf_counter()
            engine.submit(requests[num_sent], lambda delta, place=num_sent: heard.put((place, delta)))  # type: ignore[misc]
            num_sent += 1
        place, delta = heard.get()
        if delta.failure is not None:
            raise delta.failure
        said = answers[place]
        said.text += delta.text
        said.ids += delta.ids
        if delta.finish_reason is not None:
            said.finish_reason, said.num_prompt_tokens = delta.finish_reason, delta.num_prompt_tokens
            said.seconds = time.perf_counter() - started[place]
            num_done += 1
    return answers
