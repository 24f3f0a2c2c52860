"""The machine and the libraries a figure was measured with."""

from __future__ import annotations

import os
import platform
import re
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import tunesmith

LIBRARIES: Final = ("torch", "transformers", "tokenizers", "safetensors", "numpy")
NOTED_FLAGS: Final = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
"""Instruction sets that decide how fast matrix products are."""
MAX_IDLE_LOAD: Final = 0.8


@dataclass(frozen=True)
class Hardware:
    """One machine, and how busy it was before the benchmark began."""

    cpu: str
    num_cores: int
    """Cores this process may use."""
    memory_bytes: int
    flags: tuple[str, ...]
    load_1min_before: float
    """Mean number of running processes over the minute before."""
    is_idle: bool
    """Whether that load was low enough for a figure to be trusted."""

    @property
    def slug(self) -> str:
        """For file names: the processor and its cores."""
        words = re.findall(r"[a-z0-9.]+", re.sub(r"\((r|tm)\)", "", self.cpu.lower()))
        return "-".join([*words, f"{self.num_cores}core"])


def describe_hardware() -> Hardware:
    cpuinfo = _read("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    flags = re.search(r"^flags\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    present = set(flags[1].split()) if flags else set()
    load = os.getloadavg()[0]
    return Hardware(
        cpu=model[1].strip() if model else platform.processor() or platform.machine(),
        num_cores=num_usable_cores(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        flags=tuple(flag for flag in NOTED_FLAGS if flag in present),
        load_1min_before=round(load, 2),
        is_idle=load < MAX_IDLE_LOAD,
    )


def num_usable_cores() -> int:
    """Cores this process may use; all of the machine's where the system does not say."""
    return len(os.sched_getaffinity(0)) if platform.system() == "Linux" else os.cpu_count() or 1


def available_bytes() -> int | None:
    """Memory that a new process may take without swapping; None where the system does not say."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", _read("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def busy_cores(window_seconds: float) -> float:
    """Cores that were busy on average over the coming `window_seconds`, by whomever; NaN where the system does not
    say. Time that a virtual machine's host gave to others counts as busy."""
    before = _busy_seconds()
    start = time.perf_counter()
    time.sleep(window_seconds)
    return (_busy_seconds() - before) / (time.perf_counter() - start)


def _busy_seconds() -> float:
    """Processor time since the machine started that was not idle, over all cores."""
    counts = re.search(r"^cpu +(.+)$", _read("/proc/stat"), re.MULTILINE)
    if counts is None:
        return float("nan")
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = map(int, counts[1].split()[:8])
    busy = user + nice + system + interrupts + soft_interrupts + stolen
    return busy / float(os.sysconf("SC_CLK_TCK"))


def describe_versions() -> dict[str, str]:
    own = {"tunesmith": tunesmith.__version__, "python": platform.python_version(), "system": platform.platform()}
    return own | {name: version(name) for name in LIBRARIES}


def _read(path: str) -> str:
    file = Path(path)
    return file.read_text(encoding="utf-8") if file.is_file() else ""
