"""A short training on a copy of the model: what it reaches, and nothing that outlives it.

Torch's random state is put back: the training that follows is equal to the bit with and without trials.
"""

from __future__ import annotations

import gc
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from tunesmith.chat.subset import nested_rows
from tunesmith.runtime import Runtime, Silent
from tunesmith.train.drive import Loop, validation_figures
from tunesmith.train.random_state import seed_process
from tunesmith.train.run import assemble
from tunesmith.train.source import micro_batches
from tunesmith.train.step import StepOutOfMemory, train_steps
from tunesmith.train.training import Training

NUM_JUDGED: Final = 64
"""Validation rows whose loss is told, drawn by the seed."""


def trial_losses(training: Training, runtime: Runtime) -> tuple[NDArray[np.float64], float]:
    """Take all steps of the training; then the (V,) losses of up to NUM_JUDGED validation rows, and the seconds.

    A row's loss is the mean over what it supervises. All are infinite where memory ran out.
    """
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        with TemporaryDirectory() as folder:  # where no checkpoint is
            loop = assemble(training, replace(runtime, rank=0, world_size=1), Silent(), Path(folder))
        torch.set_num_threads(runtime.num_threads)
        seed_process(training.seed, 0)
        started = time.perf_counter()
        losses_V = _losses(loop, training)
        seconds = time.perf_counter() - started
        del loop
        gc.collect()
    return losses_V, seconds


def _losses(loop: Loop, training: Training) -> NDArray[np.float64]:
    rows = nested_rows(loop.validation_rows, NUM_JUDGED, training.seed)
    steps = range(training.plan.body.num_steps)
    try:
        for _ in train_steps(loop.model, loop.source, loop.objective, loop.optimizer, loop.schedule, steps):
            pass
    except StepOutOfMemory:
        return np.full(len(rows), np.inf)
    batches = (micro_batches([row], loop.source.layout) for row in rows)
    return np.array([validation_figures(loop.model, loop.measure, batch)["loss"] for batch in batches])
