"""Answers of a model that runs elsewhere, behind an OpenAI-compatible server such as vLLM. No torch here.

Conversations go there as they are and are rendered there; prompts are rendered here too, to be refused or counted as
those of a model in this process are. One thread has an event loop and all connections; pieces are told from it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from tunesmith.chat import Chat
from tunesmith.engine.abilities import abilities, directions, json_format, scores, worded
from tunesmith.engine.chunk import Chunk
from tunesmith.engine.interface import CHARACTERS_PER_TOKEN, Capabilities, Delta, EngineLoad, OnDelta, Prompt, Request
from tunesmith.engine.told import Pieces
from tunesmith.engine.upstream import Upstream
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.records import Message

TEXTS_AT_ONCE: Final = 16
"""Texts of one request for embeddings."""
SEEDS: Final = 2**63
SEED_STEP: Final = 0x9E3779B97F4A7C15
"""Seeds of the samples of one prompt lie so far apart (2^64 by the golden ratio); the first has the seed itself."""

_Result = TypeVar("_Result")
_Given = ParamSpec("_Given")


@dataclass(slots=True, eq=False)
class _Answer:
    """One request under way."""

    number: int
    request: Request
    on_delta: OnDelta
    num_prompt_tokens: int
    deadline: float | None
    """By the clock of the loop."""
    task: asyncio.Task[Delta] | None = None


class RemoteEngine:
    """Answers of one model and its chat; `Engine` says what each method does. Close it when done."""

    def __init__(
        self, upstream: Upstream, chat: Chat, *, max_tokens: int, max_running: int = 32, max_waiting: int = 64
    ) -> None:
        """Finds out what the server can do. `max_tokens` bounds a prompt with its answer; `max_running` requests are
        under way at once while `max_waiting` more wait here.

        Raises what `abilities` raises.
        """
        self._upstream, self._chat = upstream, chat
        self._max_running, self._max_waiting = max_running, max_waiting
        self._numbers = count(1)
        self._answers: dict[int, _Answer] = {}
        self._is_closed = False
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._places, self._stopping = asyncio.Semaphore(max_running), asyncio.Event()
        self._beside = asyncio.Semaphore(max_running)
        """Of what is no answer: a proof waits for nobody's."""
        self._thread = threading.Thread(target=self._run, name="tunesmith-remote-engine", daemon=True)
        self._thread.start()
        try:
            self._can = self._wait_for(abilities, upstream, chat)
        except BaseException:
            self.close()
            raise
        self._max_tokens = min(max_tokens, self._can.max_tokens or max_tokens)

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._can.capabilities, max_characters=CHARACTERS_PER_TOKEN * self._max_tokens)

    @property
    def adapters(self) -> tuple[str, ...]:
        """None: whatever the server has loaded, it is known by one name."""
        return ()

    def submit(self, request: Request, on_delta: OnDelta) -> int:
        num_prompt_tokens = self.num_tokens_of(request.prompt)
        self._refuse_long(num_prompt_tokens + 1)
        self._refuse_adapter(request.adapter)
        deadline = None if request.max_seconds is None else self._loop.time() + request.max_seconds
        answer = _Answer(next(self._numbers), request, on_delta, num_prompt_tokens, deadline)
        with self._changed:
            self._refuse_closed()
            if len(self._answers) >= self._max_running + self._max_waiting:
                raise TunesmithError("queue-full", waiting=self._max_waiting)
            self._answers[answer.number] = answer
            self._loop.call_soon_threadsafe(self._begin, answer)
        return answer.number

    def cancel(self, number: int) -> None:
        with self._changed:
            if number in self._answers:
                self._loop.call_soon_threadsafe(self._hang_up, self._answers[number])

    def score(self, prompt_ids: Sequence[int], answer_ids: Sequence[int], adapter: str | None) -> list[float]:
        self._refuse_long(len(prompt_ids) + len(answer_ids) + 1)  # the server writes a token more
        self._refuse_adapter(adapter)
        return self._wait_for(self._score, prompt_ids, answer_ids)

    def label(
        self, conversations: Sequence[Sequence[Message]], labels: Sequence[str], adapter: str | None
    ) -> list[list[float]]:
        self._refuse_adapter(adapter)
        if not conversations:
            return []
        answers = [self._chat.answer_ids(Message("assistant", label), conversations[0]) for label in labels]
        prompts = [self._chat.prompt_ids(each) for each in conversations]
        for prompt_ids in prompts:
            self._refuse_long(len(prompt_ids) + max(map(len, answers)) + 1)
        return self._wait_for(self._label, prompts, answers)

    def embed(self, texts: Sequence[str], adapter: str | None) -> NDArray[np.float32]:
        self._refuse_adapter(adapter)
        for text in texts:
            self._refuse_long(len(self._chat.read_ids(text)))
        return self._wait_for(self._embed, texts)

    def num_tokens_of(self, prompt: Prompt) -> int:
        return len(self._ids_of(prompt))

    def num_read_tokens(self, text: str) -> int:
        return len(self._chat.read_ids(text))

    def load_adapter(self, name: str, folder: Path) -> None:
        raise TunesmithError("engine-lacks", field="adapter")

    def unload_adapter(self, name: str) -> None:
        self._refuse_adapter(name)

    def load(self) -> EngineLoad:
        """Of its own requests; what else the server does, it does not tell."""
        num_answers = len(self._answers)
        num_running = min(num_answers, self._max_running)
        return EngineLoad(num_running, num_answers - num_running, num_cached_tokens=0, max_cached_tokens=0)

    def close(self, drain_seconds: float = 0.0) -> None:
        with self._changed:
            is_first, self._is_closed = not self._is_closed, True
            self._changed.wait_for(lambda: not self._answers, drain_seconds)
            if is_first:
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _ids_of(self, prompt: Prompt) -> list[int]:
        return self._chat.text_ids(prompt) if isinstance(prompt, str) else self._chat.prompt_ids(prompt)

    def _refuse_long(self, num_tokens: int) -> None:
        if num_tokens > self._max_tokens:
            raise TunesmithError("prompt-too-long", tokens=num_tokens, limit=self._max_tokens)

    def _refuse_adapter(self, name: str | None) -> None:
        if name is not None:
            raise TunesmithError("adapter-unknown", name=name, known="-")

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise RunFailed("engine-closed")

    def _wait_for(
        self, work: Callable[_Given, Coroutine[Any, Any, _Result]], *given: _Given.args, **named: _Given.kwargs
    ) -> _Result:
        """What `work` gives, done on the engine's loop; that loop itself may not call this."""
        with self._changed:
            self._refuse_closed()
            done = asyncio.run_coroutine_threadsafe(work(*given, **named), self._loop)
        try:
            return done.result()
        except CancelledError:
            raise RunFailed("engine-closed") from None

    def _run(self) -> None:
        """The engine's thread."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        async with self._upstream:
            await self._stopping.wait()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    def _begin(self, answer: _Answer) -> None:
        """On the loop, as is all below."""
        answer.task = asyncio.create_task(self._write(answer))
        answer.task.add_done_callback(partial(self._end, answer))

    def _hang_up(self, answer: _Answer) -> None:
        assert answer.task is not None  # it was begun before anybody knew its number
        answer.task.cancel()

    async def _write(self, answer: _Answer) -> Delta:
        """Tell the pieces of an answer but its last, which is given."""
        pieces = Pieces(answer.num_prompt_tokens)
        path, body = self._asked(answer)
        try:
            async with (
                asyncio.timeout_at(answer.deadline),
                self._places,
                aclosing(self._upstream.events(path, body, Chunk)) as chunks,
            ):
                async for chunk in chunks:
                    delta = pieces.take(chunk)
                    if delta is not None:
                        answer.on_delta(delta)
        except TimeoutError:
            return pieces.end("timeout")
        return pieces.last()

    def _end(self, answer: _Answer, task: asyncio.Task[Delta]) -> None:
        with self._changed:
            del self._answers[answer.number]
            self._changed.notify_all()
        failure = None if task.cancelled() else task.exception()
        if task.cancelled():
            last = Delta("", finish_reason="cancelled")
        elif failure is None:
            last = task.result()
        elif isinstance(failure, TunesmithError):
            last = Delta("", failure=failure)
        else:
            last = Delta("", failure=RunFailed("engine-failed", problem=type(failure).__name__))
        with suppress(Exception):  # whoever asked is gone
            answer.on_delta(last)

    def _asked(self, answer: _Answer) -> tuple[str, dict[str, object]]:
        """The path and the body of a request."""
        request, sampling = answer.request, answer.request.sampling
        body: dict[str, object] = {
            **self._can.neutral,
            "max_tokens": min(sampling.max_new_tokens, self._max_tokens - answer.num_prompt_tokens),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": (sampling.seed + request.sample * SEED_STEP) % SEEDS,
            "stream_options": {"include_usage": True},
        }
        if request.stop:
            body["stop"] = list(request.stop)
        if request.is_json or request.json_schema is not None:
            body["response_format"] = json_format(request.json_schema)
        if isinstance(request.prompt, str):
            logs = {} if request.num_top is None else {"logprobs": request.num_top}
            return "completions", body | {"prompt": self._text(request.prompt)} | logs
        logs = {} if request.num_top is None else {"logprobs": True, "top_logprobs": request.num_top}
        return "chat/completions", body | {"messages": worded(request.prompt)} | logs

    def _text(self, prompt: str) -> str | list[int]:
        """What begins a text is then ours, where the server takes ids: it scores them."""
        return self._chat.text_ids(prompt) if self._can.capabilities.scores else prompt

    async def _score(self, prompt_ids: Sequence[int], answer_ids: Sequence[int]) -> list[float]:
        async with self._beside:
            return await scores(self._upstream, prompt_ids, answer_ids)

    async def _label(self, prompts: Sequence[list[int]], answers: Sequence[list[int]]) -> list[list[float]]:
        found = []
        for prompt_ids in prompts:
            logs = await asyncio.gather(*(self._score(prompt_ids, answer_ids) for answer_ids in answers))
            logs_C = np.array([sum(each) for each in logs])
            shares_C = np.exp(logs_C - logs_C.max())
            found.append((shares_C / shares_C.sum()).tolist())
        return found

    async def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        parts = [np.zeros((0, 0), np.float32)] if not texts else []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            async with self._beside:
                parts.append(await directions(self._upstream, texts[start : start + TEXTS_AT_ONCE]))
        return np.concatenate(parts)
