"""Our side of a training comparison: takes the steps it is asked for, one JSON line in, one out.

The first line is a TrainingJob; the answer is `{"versions": ...}` once everything is loaded. Each further line asks
for one optimiser step; the answer is a TakenStep.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

import tunesmith
from benchmarks.training_job import TakenStep, TrainingJob
from tunesmith.model.base import find_base
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import compute_dtype, load_model
from tunesmith.model.lora import load_adapter
from tunesmith.plan.geometry import geometry_of
from tunesmith.plan.memory import Computation
from tunesmith.recipe import Lora, Train
from tunesmith.recipe.optimizers import AdamW
from tunesmith.recipe.schedules import Constant
from tunesmith.records import Rendered
from tunesmith.train.group import ALONE
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer, Penalties
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, micro_batches
from tunesmith.train.step import StepReport, train_steps


class GivenOrder:
    """The rows in the order they were written, over and over."""

    group = ALONE

    def __init__(self, rows: list[Rendered], rows_per_step: int, layout: LayoutSettings) -> None:
        self._rows = rows
        self._rows_per_step = rows_per_step
        self._layout = layout
        self._next_row = 0

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        while True:
            rows = rows_of_step(self._rows, self._next_row // self._rows_per_step, self._rows_per_step)
            self._next_row += self._rows_per_step
            yield micro_batches(rows, self._layout)

    def state(self) -> dict[str, Any]:
        return {"next_row": self._next_row}

    def restore(self, state: dict[str, Any]) -> None:
        self._next_row = state["next_row"]


def measured_steps(job: TrainingJob) -> Iterator[TakenStep]:
    """Load everything, then take one optimiser step at a time. Layout settings are the recipe's defaults."""
    model = load_model(Path(job.model), dtype=compute_dtype(job.precision), device=job.device)
    load_adapter(model, Path(job.adapter))
    settings = AdamW(beta1=job.beta1, beta2=job.beta2, epsilon=job.epsilon, weight_decay=job.weight_decay)
    optimizer = FlatOptimizer(model.named_parameters(), settings, Penalties(job.max_grad_norm))
    layout = LayoutSettings(micro_batch_tokens(job), job.shares_prefixes, job.device)
    source = GivenOrder(read_rows(Path(job.rows)), job.rows_per_step, layout)
    schedule = make_schedule(Constant(), job.learning_rate, job.max_steps, 0.0)
    return _timed(job, train_steps(model, source, sft.loss, optimizer, schedule, range(job.max_steps)))


def micro_batch_tokens(job: TrainingJob) -> int:
    """As `plan` derives it for this model and adapter."""
    adapter = json.loads((Path(job.adapter) / "adapter_config.json").read_text(encoding="utf-8"))
    section, geometry = Train(method=Lora(rank=adapter["r"])), geometry_of(find_base(job.model))
    return Computation(geometry, section, job.precision, job.device).micro_batch_tokens


def _timed(job: TrainingJob, steps: Iterator[StepReport]) -> Iterator[TakenStep]:
    for _ in range(job.max_steps):
        start = time.perf_counter()
        report = next(steps)
        # reading the numbers waits for a GPU, as TRL's log does
        loss, grad_norm = report.loss_sum.item() / report.weight, report.grad_norm.item()
        seconds = time.perf_counter() - start
        yield TakenStep(seconds, loss, grad_norm, report.num_tokens, peak_bytes(job.device))


def read_rows(file: Path) -> list[Rendered]:
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Rendered(str(i), np.array(line["input_ids"], np.int32), np.array(line["completion_mask"], np.float32))
        for i, line in enumerate(lines)
    ]


def rows_of_step(rows: list[Rendered], step: int, rows_per_step: int) -> list[Rendered]:
    """The rows of optimiser step `step`, counted from 0."""
    places = range(step * rows_per_step, (step + 1) * rows_per_step)
    return [rows[place % len(rows)] for place in places]


def peak_bytes(device: str) -> int:
    """Largest memory of this process so far: on a GPU what torch allocated there, else the kernel's VmHWM
    (`ru_maxrss` would count the parent's too)."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def serve(steps_of: Callable[[TrainingJob], Iterator[TakenStep]]) -> None:
    """Read the job, then answer each line with one more step, until the input ends."""
    # libraries print to standard output; only the answers may reach the pipe
    answers = sys.stdout
    sys.stdout = sys.stderr
    job = TrainingJob(**json.loads(sys.stdin.readline()))
    torch.set_num_threads(job.num_threads)
    steps = steps_of(job)
    versions = {"tunesmith": tunesmith.__version__, "torch": torch.__version__}
    print(json.dumps({"versions": versions}), file=answers, flush=True)
    for _, step in zip(sys.stdin, steps, strict=False):
        print(json.dumps(asdict(step)), file=answers, flush=True)


if __name__ == "__main__":
    serve(measured_steps)
