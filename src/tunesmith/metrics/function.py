"""Metrics of the user's own: a function called in a process of its own, which may fail, hang or die by itself.

The function is given one case as a mapping, `prompt` (messages with `role` and `content`), `answer`, `reasoning`,
`references` and `reference_reasoning`, and gives a number from 0 (worst) to 1 (best), a truth value, or None where
it has nothing to say about the case.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final

from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.metrics.case import FAILED, Case, Values
from tunesmith.recipe.metrics import Function

_START_SECONDS: Final = 120.0
"""For the function's module and all that it imports."""
_MAX_TIMEOUTS: Final = 10
_MAX_SHOWN: Final = 2000
"""Last characters of what the process wrote to its standard error."""


def function_values(metric: Function, cases: Sequence[Case]) -> Values:
    """The value of each case: `FAILED` where the function raised, gave no number from 0 to 1, or took too long.

    Raises TunesmithError `metric-function` where there is no such function, RunFailed `metric-function-died` where its
    process ends, `metric-function-slow` where more than ten items take too long.
    """
    values: Values = []
    num_late = 0
    worker = _Worker(metric.function)
    try:
        for case in cases:
            value = worker.ask(case, metric.seconds_per_item)
            if value is None:
                num_late += 1
                if num_late > _MAX_TIMEOUTS:
                    raise RunFailed(
                        "metric-function-slow",
                        function=metric.function,
                        seconds=metric.seconds_per_item,
                        items=num_late,
                    )
                worker.stop()
                worker = _Worker(metric.function)
            values.append(FAILED if value is None or "failed" in value else value["value"])
    finally:
        worker.stop()
    return values


def find_function(function: str) -> None:
    """Raises TunesmithError `metric-function` where a process of its own cannot import `module:function`."""
    _Worker(function).stop()


class _Worker:
    """One process and what it says, line by line."""

    def __init__(self, function: str) -> None:
        self._function = function
        self._open = ExitStack()
        self._errors = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._process = self._open.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tunesmith.metrics.worker", function],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,  # so that what it starts ends with it
            )
        )
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._next(_START_SECONDS):
            problem = self._last_errors()
            self.stop()
            raise TunesmithError("metric-function", place=Place(function), function=function, problem=problem)

    def ask(self, case: Case, seconds: float) -> dict[str, Any] | None:
        """What the process says of the case; None where it is silent for so long. Raises RunFailed where it is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(_told(case)).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            line: bytes | None = b""
        else:
            line = self._next(seconds)
        if line is None:
            return None
        if not line:
            raise RunFailed(
                "metric-function-died",
                place=Place(self._function),
                function=self._function,
                status=self._process.wait(),
                problem=self._last_errors(),
            )
        said: dict[str, Any] = json.loads(line)
        return said

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        with suppress(BrokenPipeError):  # of what was never read
            self._open.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _next(self, seconds: float) -> bytes | None:
        """The next line, nothing at the end of all, None where none comes in time."""
        try:
            return self._lines.get(timeout=seconds)
        except Empty:
            return None

    def _last_errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-_MAX_SHOWN:].strip()


def _told(case: Case) -> dict[str, Any]:
    return {
        "prompt": [{"role": message.role, "content": message.content} for message in case.prompt],
        "answer": case.answer,
        "reasoning": case.reasoning,
        "references": list(case.references),
        "reference_reasoning": case.reference_reasoning,
    }
