"""A few steps of a training, taken on a copy of the model and timed.

The copy is loaded anew and thrown away, and torch's random state is put back: the training that follows is equal to
the bit with and without them.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from safetensors.torch import save_file

from tunesmith.artifacts.folder import hash_file, sync
from tunesmith.model.layout import MicroBatch
from tunesmith.records import Rendered
from tunesmith.runtime import Runtime, Silent
from tunesmith.train.group import Group
from tunesmith.train.run import assemble
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import micro_batches, visits_of
from tunesmith.train.step import train_steps
from tunesmith.train.training import Training

WRITTEN_BYTES: Final = 64 << 20
"""Written to learn how fast a checkpoint is saved."""


@dataclass(frozen=True, slots=True)
class TimedSteps:
    """What a machine took for parts of a training."""

    load_seconds: float
    step_seconds: tuple[float, ...]
    written_bytes_per_second: float
    """Of what saving does: write, flush, read back and hash."""


def timed_steps(training: Training, rows: Sequence[Rendered], steps: Sequence[int], runtime: Runtime) -> TimedSteps:
    """Load the model and take the training's steps of these numbers, in their order, at a rate of 0."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        return _take(training, rows, steps, runtime)


class _Chosen:
    """The rows of chosen steps, in the order of the list."""

    def __init__(self, batches: Sequence[list[MicroBatch]], group: Group) -> None:
        self._batches = batches
        self.group = group

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        return iter(self._batches)

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None: ...


def _take(training: Training, rows: Sequence[Rendered], steps: Sequence[int], runtime: Runtime) -> TimedSteps:
    section = training.section
    started = time.perf_counter()
    with TemporaryDirectory() as folder:  # where no checkpoint is
        loop = assemble(training, replace(runtime, rank=0, world_size=1), Silent(), Path(folder))
    load_seconds = time.perf_counter() - started
    torch.set_num_threads(runtime.num_threads)
    visits, source = visits_of(rows), loop.source
    sampler = RowSampler(len(visits), section.batch_rows, training.seed)
    batches = [micro_batches([visits[row] for row in sampler.rows_of_step(step)], source.layout) for step in steps]
    chosen = _Chosen(batches, source.group)
    seconds = []
    started = time.perf_counter()
    for report in train_steps(loop.model, chosen, loop.objective, loop.optimizer, lambda step: 0.0, range(len(steps))):
        report.grad_norm.item()  # waits for the device
        seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
    bandwidth = _bandwidth(runtime.workspace)
    del loop
    gc.collect()
    return TimedSteps(load_seconds, tuple(seconds), bandwidth)


def _bandwidth(workspace: Path) -> float:
    workspace.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workspace) as folder:
        file = Path(folder) / "probe.safetensors"
        content = {"numbers": torch.rand(WRITTEN_BYTES // 4, generator=torch.Generator().manual_seed(0))}
        started = time.perf_counter()
        save_file(content, file)
        sync(file)
        hash_file(file)
        return WRITTEN_BYTES / (time.perf_counter() - started)
