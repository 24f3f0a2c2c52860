"""Seconds and peak memory of a block of work."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

STATUS: Final = Path("/proc/self/status")
CLEAR: Final = Path("/proc/self/clear_refs")
RESET_PEAK: Final = "5"
"""proc(5): sets the peak resident set size to what is resident now."""


@dataclass
class Measured:
    """What a block took; filled when it ends."""

    seconds: float = 0.0
    peak_bytes: int | None = None


@contextmanager
def measured(device: str) -> Iterator[Measured]:
    """Measure the block: on a GPU the most that torch allocated, else the largest resident memory of the process."""
    found = Measured()
    _reset(device)
    started = time.perf_counter()
    yield found
    found.seconds, found.peak_bytes = time.perf_counter() - started, _peak(device)


def _tells_peak() -> bool:
    """Whether the kernel keeps the peak of a process and lets it begin anew; some containers do not."""
    return STATUS.is_file() and os.access(CLEAR, os.W_OK)


def _reset(device: str) -> None:
    if device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()
    elif _tells_peak():
        CLEAR.write_text(RESET_PEAK)


def _peak(device: str) -> int | None:
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    if not _tells_peak():
        return None
    lines = STATUS.read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024
