"""Our side of `train-cpu`: takes the steps it is asked for, one JSON line in, one out.

The first line is a TrainingJob; the answer is `{"versions": ...}` once everything is loaded. Each further line asks
for one optimiser step; the answer is its `seconds`, `loss` and the process's `peak_bytes` so far.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

import tunesmith
from benchmarks.training_job import TrainingJob
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import load_model
from tunesmith.model.lora import load_adapter
from tunesmith.recipe import Train
from tunesmith.records import Rendered
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import AdamWSettings, FlatAdamW
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, micro_batches
from tunesmith.train.step import StepReport, train_steps


class GivenOrder:
    """The rows in the order they were written, over and over."""

    def __init__(self, rows: list[Rendered], rows_per_step: int, layout: LayoutSettings) -> None:
        self._rows = rows
        self._rows_per_step = rows_per_step
        self._layout = layout
        self._next_row = 0

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        while True:
            places = range(self._next_row, self._next_row + self._rows_per_step)
            self._next_row = places.stop
            yield micro_batches([self._rows[place % len(self._rows)] for place in places], self._layout)

    def state(self) -> dict[str, Any]:
        return {"next_row": self._next_row}

    def restore(self, state: dict[str, Any]) -> None:
        self._next_row = state["next_row"]


def steps_of(job: TrainingJob) -> Iterator[StepReport]:
    """Load everything, then yield a report after each optimiser step. Layout settings are the recipe's defaults."""
    dtype = torch.bfloat16 if job.precision == "bf16" else torch.float32
    model = load_model(Path(job.model), dtype=dtype, device="cpu")
    load_adapter(model, Path(job.adapter))
    settings = AdamWSettings(job.beta1, job.beta2, job.epsilon, job.weight_decay, job.max_grad_norm)
    optimizer = FlatAdamW(model.parameters(), settings)
    defaults = Train()
    layout = LayoutSettings(defaults.micro_batch_tokens, defaults.share_prefixes, "cpu")
    source = GivenOrder(read_rows(Path(job.rows)), job.rows_per_step, layout)
    schedule = make_schedule("constant", job.learning_rate, job.max_steps, 0.0)
    return train_steps(model, source, sft.loss, optimizer, schedule, range(job.max_steps))


def read_rows(file: Path) -> list[Rendered]:
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Rendered(str(i), np.array(line["input_ids"], np.int32), np.array(line["completion_mask"], np.float32))
        for i, line in enumerate(lines)
    ]


def peak_bytes() -> int:
    """Largest resident memory of this process, the kernel's VmHWM; `ru_maxrss` would count the parent's too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    job = TrainingJob(**json.loads(sys.stdin.readline()))
    torch.set_num_threads(job.num_threads)
    steps = steps_of(job)
    _answer(versions={"tunesmith": tunesmith.__version__, "torch": torch.__version__})
    for _ in sys.stdin:
        start = time.perf_counter()
        (report,) = islice(steps, 1)
        loss = report.loss_sum.item() / report.weight
        _answer(seconds=time.perf_counter() - start, loss=loss, peak_bytes=peak_bytes())


def _answer(**values: Any) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
