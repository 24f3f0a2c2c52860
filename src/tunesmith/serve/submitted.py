"""The engine's answers on the event loop: pieces come in its own thread, and whoever stops listening ends them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from functools import partial
from types import TracebackType

from tunesmith.engine.interface import Delta, Engine, Request

Come = asyncio.Queue[tuple[int, Delta]]


class Arrivals:
    """What an engine tells, brought to the event loop: all of a step at once, since waking the loop for each piece
    costs as much as a small model's token."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._told: dict[asyncio.AbstractEventLoop, list[tuple[Come, int, Delta]]] = {}
        """What waits for a loop that is woken already."""
        self._changing = threading.Lock()

    def tell(self, loop: asyncio.AbstractEventLoop, come: Come, place: int, delta: Delta) -> None:
        """In the engine's thread. Raises RuntimeError where the loop is closed."""
        with self._changing:
            is_woken = loop in self._told
            self._told.setdefault(loop, []).append((come, place, delta))
        if not is_woken:
            loop.call_soon_threadsafe(self._deliver, loop)

    def _deliver(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._changing:
            told = self._told.pop(loop)
        for come, place, delta in told:
            come.put_nowait((place, delta))


class Submitted:
    """Answers that an engine writes at once, as an async context: leaving it cancels those that are not over.

    Entering raises what `Engine.submit` raises; then none of them is begun.
    """

    def __init__(self, arrivals: Arrivals, requests: Sequence[Request]) -> None:
        self._arrivals = arrivals
        self._engine = arrivals.engine
        self._requests = requests
        self._numbers: list[int] = []
        self._is_left = False
        self._come: Come = asyncio.Queue()

    async def __aenter__(self) -> Submitted:
        self._loop = asyncio.get_running_loop()
        try:
            # rendering and tokenising a long prompt would hold up every other answer
            await asyncio.to_thread(self._submit)
        except BaseException:
            self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    async def deltas(self) -> AsyncIterator[tuple[int, Delta]]:
        """Each piece with the place of its request, until all answers are over."""
        num_over = 0
        while num_over < len(self._requests):
            place, delta = await self._come.get()
            num_over += delta.is_last
            yield place, delta

    def cancel(self, place: int) -> None:
        self._engine.cancel(self._numbers[place])

    def _submit(self) -> None:
        """In a thread. Whoever left meanwhile finds the numbers so far; the one just begun is ended here."""
        for place, request in enumerate(self._requests):
            if self._is_left:
                break
            self._numbers.append(self._engine.submit(request, partial(self._hear, place)))
        if self._is_left:
            self._leave()

    def _hear(self, place: int, delta: Delta) -> None:
        """In the engine's thread. Nobody listens to what comes after whoever asked has left."""
        if not self._is_left:
            self._arrivals.tell(self._loop, self._come, place, delta)

    def _leave(self) -> None:
        """An answer that is over stays as it is."""
        self._is_left = True
        for number in self._numbers:
            self._engine.cancel(number)
