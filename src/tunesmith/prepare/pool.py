"""Work spread over processes: results in order, few tasks in flight, and none started where the work is small."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

Context = TypeVar("Context")
Task = TypeVar("Task")
Result = TypeVar("Result")
# Fewer tasks are done before a fresh process has imported what it needs.
_NUM_LOCAL_TASKS: Final = 8


class Pool(Generic[Context]):
    """Calls `function(context, task)` for each task; the context is sent to every process once.

    The processes are spawned by the first `map` that has more than a few tasks, so a script that prepares much data
    needs the usual `if __name__ == "__main__":`. Context, functions, tasks and results must then be picklable.
    """

    def __init__(self, context: Context, num_workers: int) -> None:
        self.context = context
        self._num_workers = num_workers
        self._executor: ProcessPoolExecutor | None = None

    def map(self, function: Callable[[Context, Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """The results in the order of the tasks. What a task raises is raised here."""
        waiting = iter(tasks)
        first = list(islice(waiting, _NUM_LOCAL_TASKS)) if self._executor is None else []
        if self._num_workers == 1 or (self._executor is None and len(first) < _NUM_LOCAL_TASKS):
            for task in chain(first, waiting):
                yield function(self.context, task)
            return
        executor = self._started()
        running: deque[Future[Result]] = deque()
        for task in chain(first, waiting):
            running.append(executor.submit(_call, function, task))
            if len(running) > 2 * self._num_workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()

    def __enter__(self) -> Pool[Context]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def _started(self) -> ProcessPoolExecutor:
        if self._executor is None:
            # A forked child would inherit the locks of threads that it does not have.
            self._executor = ProcessPoolExecutor(
                self._num_workers, multiprocessing.get_context("spawn"), _start, (self.context,)
            )
        return self._executor


_context: Any = None


def _start(context: object) -> None:
    global _context
    _context = context
    # Ctrl-C reaches the whole terminal group; the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(function: Callable[[Any, Task], Result], task: Task) -> Result:
    return function(_context, task)
