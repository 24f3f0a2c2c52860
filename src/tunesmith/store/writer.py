"""One thread that commits what is queued, in groups: a commit waits for the disk, and many rows share one wait."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Engine

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.store.open import writing

MAX_QUEUED: Final = 1024
MAX_GROUP: Final = 256

Job = Callable[[Connection], None]
"""Writes a row. May refuse it by a TunesmithError, before it has written anything."""


@dataclass(frozen=True, slots=True)
class Write:
    """A job, and who waits for it."""

    job: Job
    done: Future[None] = field(default_factory=Future)


class Writer:
    """Runs jobs in the order they came in; a future is done when its row is committed."""

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._queue: deque[Write] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._last: Future[None] | None = None
        self._thread = threading.Thread(target=self._run, name="tunesmith-store", daemon=True)
        self._thread.start()

    @property
    def num_queued(self) -> int:
        return len(self._queue)

    def submit(self, job: Job) -> Future[None]:
        """Raises RunFailed `store-full`, TunesmithError `store-closed`; never waits."""
        write = Write(job)
        # from here on it cannot be cancelled: a caller that goes away takes no row with it
        write.done.set_running_or_notify_cancel()
        with self._changed:
            if self._is_closed:
                raise TunesmithError("store-closed")
            if len(self._queue) >= MAX_QUEUED:
                raise RunFailed("store-full", limit=MAX_QUEUED)
            self._queue.append(write)
            self._last = write.done
            self._changed.notify()
        return write.done

    def flush(self) -> None:
        """Wait until all that is queued now is committed or has failed."""
        if self._last is not None:
            wait([self._last])

    def close(self) -> None:
        """Take no more, write what is queued, end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            self._commit(group)

    def _next_group(self) -> list[Write]:
        """Empty once it is closed and all is written."""
        with self._changed:
            while not self._queue and not self._is_closed:
                self._changed.wait()
            return [self._queue.popleft() for _ in range(min(MAX_GROUP, len(self._queue)))]

    def _commit(self, group: Sequence[Write]) -> None:
        """In one transaction; where that fails each alone, so that a bad row takes no other with it."""
        try:
            refusals = self._in_one_transaction(group)
        except Exception as failure:
            is_down = isinstance(failure, RunFailed) and failure.code == "store-unavailable"
            if len(group) == 1 or is_down:
                for write in group:
                    write.done.set_exception(failure)
            else:
                for write in group:
                    self._commit([write])
            return
        for write, refusal in zip(group, refusals, strict=True):
            if refusal is None:
                write.done.set_result(None)
            else:
                write.done.set_exception(refusal)

    def _in_one_transaction(self, group: Sequence[Write]) -> list[TunesmithError | None]:
        refusals: list[TunesmithError | None] = []
        with writing(self._database) as connection:
            for write in group:
                try:
                    write.job(connection)
                    refusals.append(None)
                except TunesmithError as refusal:
                    refusals.append(refusal)
        return refusals
