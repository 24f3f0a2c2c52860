"""The one place that reads the environment."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from tunesmith.errors import TunesmithError
from tunesmith.runtime import Runtime

Language = Literal["en", "zh"]
LAUNCH: Final = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}
"""What torchrun sets, and what holds for a process that nobody launched with others."""
CONTROL_GROUPS: Final = (
    ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory.stat", "inactive_file"),
    (
        "sys/fs/cgroup/memory/memory.limit_in_bytes",
        "sys/fs/cgroup/memory/memory.usage_in_bytes",
        "sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)
"""Files of the second and the first version: limit, use, statistics, and the statistic of pages that can be dropped."""


def language_of_environment(environment: Mapping[str, str]) -> Language:
    """TUNESMITH_LANG, else the locale; English unless it says Chinese."""
    for name in ("TUNESMITH_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if environment.get(name):
            return "zh" if environment[name].lower().startswith("zh") else "en"
    return "en"


def make_runtime(workspace: Path, language: Language) -> Runtime:
    """What this process may use but for its devices: all that reading and checking rows needs."""
    rank, world_size = processes_of_environment(os.environ)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Runtime(
        workspace=workspace,
        cache=home / "tunesmith",
        num_threads=threads_of_environment(os.environ) or num_cores(),
        memory_bytes=available_bytes(),
        rank=rank,
        world_size=world_size,
        language=language,
        secrets=os.environ,
    )


def threads_of_environment(environment: Mapping[str, str]) -> int | None:
    """OMP_NUM_THREADS, of whose list of numbers (`4,2`) the first one counts; None where it says no number."""
    first = environment.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def processes_of_environment(environment: Mapping[str, str]) -> tuple[int, int]:
    """RANK and WORLD_SIZE as torchrun sets them. Raises TunesmithError `several-machines`."""
    rank, world_size, here = (int(environment.get(name) or least) for name, least in LAUNCH.items())
    if here < world_size:
        raise TunesmithError("several-machines", here=here, world=world_size)
    return rank, world_size


def num_cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def with_devices(runtime: Runtime) -> Runtime:
    """The same with what torch sees; of several GPUs, that of LOCAL_RANK. Imports torch.

    Raises TunesmithError `too-few-gpus`.
    """
    import torch

    if not torch.cuda.is_available():
        return replace(runtime, has_bf16_products=bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))
    if runtime.world_size > 1:
        num_gpus = torch.cuda.device_count()
        if num_gpus < runtime.world_size:
            raise TunesmithError("too-few-gpus", gpus=num_gpus, processes=runtime.world_size)
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    free_bytes, _ = torch.cuda.mem_get_info()
    has_bf16 = bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return replace(runtime, device="cuda", has_bf16_products=has_bf16, memory_bytes=free_bytes)


def available_bytes(root: Path = Path("/")) -> int | None:
    """Memory that this process may come to hold, with what it holds: the kernel's estimate or the group's limit.

    None where there is no /proc. A control group's own use leaves out file pages that it can drop.
    """
    memory, own = root / "proc/meminfo", root / "proc/self/status"
    if not memory.is_file():
        return None
    held = _kilobytes(own, "VmRSS:")
    bounds = [_kilobytes(memory, "MemAvailable:") + held]
    for limit, used, statistics, droppable in CONTROL_GROUPS:
        if (root / limit).is_file() and (text := (root / limit).read_text().strip()) != "max":
            lines = dict(line.split() for line in (root / statistics).read_text().splitlines())
            others = int((root / used).read_text()) - int(lines[droppable]) - held
            bounds.append(int(text) - max(0, others))
    return min(bounds)


def _kilobytes(file: Path, name: str) -> int:
    line = next(line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def user_name() -> str:
    """Who runs this: the name that the system knows, else the number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
