"""Ctrl-C and SIGTERM during training: finish the step, save, then stop. A second signal stops at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether a signal asked training to stop."""

    def __init__(self) -> None:
        self.received = False

    def handle(self, signal_number: int, frame: FrameType | None) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = True


@contextmanager
def deferred_signals() -> Iterator[StopRequest]:
    """Hold back SIGINT and SIGTERM inside the block. Only the main thread can, elsewhere nothing changes."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    previous = {number: signal.signal(number, request.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
