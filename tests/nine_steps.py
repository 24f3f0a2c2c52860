"""A training of nine steps that can be stopped and started again at any place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from killing import advance, digest, num_operations, resumed, save
from tiny_models import make_model, random_row
from transformers import PreTrainedModel

from tunesmith.model.layout import MicroBatch
from tunesmith.recipe.optimizers import AdamW, AnyOptimizer
from tunesmith.recipe.schedules import Cosine
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import LossSum, train_steps

NUM_STEPS, EVERY, KEY = 9, 2, "settings"


def noisy_loss(model: PreTrainedModel, batch: MicroBatch) -> LossSum:
    """SFT times a number from torch's own generator, so that a lost random state shows."""
    loss = sft.loss(model, batch)
    return LossSum(loss.sum * (0.5 + torch.rand(())), loss.weight, loss.metrics)


def train(folder: Path, result: Path, log: Path | None = None, settings: AnyOptimizer | None = None) -> None:
    """Nine steps over an epoch boundary, two micro-batches each, a checkpoint every second step."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    rows = [random_row(random, str(n), [], 12) for n in range(10)]
    model = make_model("qwen2", num_hidden_layers=1)
    torch.manual_seed(1)
    optimizer = FlatOptimizer(model.named_parameters(), settings or AdamW())
    source = RowSource(rows, RowSampler(10, 4, seed=0), LayoutSettings(30, True, "cpu"))
    progressed, num_damaged = resumed(folder, KEY, optimizer, source)
    if log is not None:
        with log.open("a") as stream:
            stream.write(f"{progressed.step} {num_damaged}\n")
    schedule = make_schedule(Cosine(), 1e-2, NUM_STEPS, 0.2)
    for report in train_steps(model, source, noisy_loss, optimizer, schedule, range(progressed.step, NUM_STEPS)):
        progressed = advance(progressed, report, source)
        if report.step % EVERY == 0:
            save(folder, KEY, progressed, optimizer)
    result.write_text(digest(progressed, optimizer))


@dataclass(frozen=True)
class Finished:
    """A run that nobody disturbed."""

    folder: Path
    digest: str
    num_operations: int


def finish(folder: Path, settings: AnyOptimizer | None = None) -> Finished:
    """Train in a process of its own that nobody disturbs."""
    run = folder / "run"
    num = num_operations(lambda: train(run, folder / "result", settings=settings), run, folder / "note")
    return Finished(run, (folder / "result").read_text(), num)
