"""How long a training will take, from a few of its own steps taken on a copy of the model.

The copy is loaded anew and thrown away, and torch's random state is put back: the training that follows is equal to
the bit with and without a probe.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from safetensors.torch import save_file

from tunesmith.artifacts.folder import hash_file, sync
from tunesmith.artifacts.history import TimeEstimate
from tunesmith.model.layout import MicroBatch
from tunesmith.plan.memory import state_bytes
from tunesmith.plan.predict import Workload
from tunesmith.runtime import Runtime, Silent
from tunesmith.train.group import Group
from tunesmith.train.run import assemble, threads_of
from tunesmith.train.source import micro_batches, visits_of
from tunesmith.train.step import train_steps
from tunesmith.train.training import Training

WRITTEN_BYTES: Final = 64 << 20
"""Written to learn how fast a checkpoint is saved."""
MODEL_BYTES: Final = 4
"""Of each trained number in the tuned model."""


def probe(training: Training, work: Workload, runtime: Runtime) -> TimeEstimate:
    """Take up to three steps, a middling one, a small one and a large one, and scale them to all."""
    costs = work.costs(training.section, training.plan.body.precision)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        load_seconds, seconds, bandwidth = _take(training, work, [step for step, _ in costs.to_probe], runtime)
    # the first step finds nothing warm: its excess comes once
    settled = list(zip(seconds, costs.to_probe, strict=True))[1:] or list(zip(seconds, costs.to_probe, strict=True))
    rate = sum(operations for _, (_, operations) in settled) / sum(taken for taken, _ in settled)
    excess = max(0.0, seconds[0] - costs.to_probe[0][1] / rate)
    body = training.plan.body
    num_validations = -(-body.num_steps // body.evaluate_every) if costs.validation else 0
    saved = {
        step
        for step in range(1, body.num_steps + 1)
        for every in (body.checkpoint_every, body.evaluate_every)
        if step % every == 0
    }
    state = state_bytes(work.computation(training.section, body.precision))
    written = state * len(saved | {body.num_steps}) + MODEL_BYTES * body.num_trainable
    total = (
        load_seconds
        + excess
        + (costs.step_mean * body.num_steps + costs.validation * num_validations) / rate
        + written / bandwidth
    )
    return TimeEstimate(
        step_seconds=tuple(seconds),
        operations_per_second=rate,
        written_bytes_per_second=bandwidth,
        load_seconds=load_seconds,
        total_seconds=total,
    )


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


def _take(
    training: Training, work: Workload, steps: Sequence[int], runtime: Runtime
) -> tuple[float, list[float], float]:
    """Seconds to load, seconds of each step, bytes written in a second."""
    section = training.section
    started = time.perf_counter()
    with TemporaryDirectory() as folder:  # where no checkpoint is
        loop = assemble(training, replace(runtime, rank=0, world_size=1), Silent(), Path(folder))
    load_seconds = time.perf_counter() - started
    torch.set_num_threads(threads_of(training, loop, runtime))  # remembered: the training will not measure them again
    visits, source = visits_of(work.train), loop.source
    sampler = work.make_sampler(len(visits), section.batch_rows, training.seed)
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
    return load_seconds, seconds, bandwidth


def _bandwidth(workspace: Path) -> float:
    """Bytes a second of what saving does: write, flush, read back and hash."""
    workspace.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=workspace) as folder:
        file = Path(folder) / "probe.safetensors"
        content = {"numbers": torch.rand(WRITTEN_BYTES // 4, generator=torch.Generator().manual_seed(0))}
        started = time.perf_counter()
        save_file(content, file)
        sync(file)
        hash_file(file)
        return WRITTEN_BYTES / (time.perf_counter() - started)
