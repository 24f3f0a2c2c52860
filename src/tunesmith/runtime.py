"""What the machine offers a stage, read once at the border, and how a stage says how far it is.

`cli` makes one frozen `Runtime` from the environment and hands it on; no stage reads the environment itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

Level = Literal["info", "warning", "error"]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Runtime:
    """Devices, threads, folders and the clock of this process."""

    workspace: Path
    """Folder that holds `runs/` and `artifacts/`."""
    cache: Path
    """Folder of things that can be made again: rendered rows."""
    device: str = "cpu"
    num_threads: int = 1
    has_bf16_products: bool = False
    """Whether the device multiplies bf16 matrices natively."""
    memory_bytes: int | None = None
    """Memory of the device that this process may come to hold; None where that is not known."""
    rank: int = 0
    world_size: int = 1
    language: Literal["en", "zh"] = "en"
    clock: Callable[[], datetime] = utc_now
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values of the environment variables that a recipe may name as secrets; never logged, never written."""


class Progress(Protocol):
    """How a stage reports; a terminal, a log and a test each implement it."""

    def begin(self, task: str, total: int | None) -> None:
        """Start a task whose name is a catalogue key; `total` is its number of steps where known."""

    def advance(self, steps: int = 1, **figures: float) -> None:
        """Say that `steps` more steps of the present task are done, with figures worth showing beside the bar."""

    def end(self) -> None:
        """Finish the present task."""

    def say(self, key: str, level: Level = "info", **parameters: object) -> None:
        """Show the catalogue entry `key`."""


class Silent:
    """A progress that shows nothing, for library use."""

    def begin(self, task: str, total: int | None) -> None: ...

    def advance(self, steps: int = 1, **figures: float) -> None: ...

    def end(self) -> None: ...

    def say(self, key: str, level: Level = "info", **parameters: object) -> None: ...
