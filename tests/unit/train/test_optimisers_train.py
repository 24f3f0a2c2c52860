"""Every optimiser trains a small model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_models import make_model, random_row

from tunesmith.recipe.optimizers import Adam, AdamW, AdamW8Bit, AnyOptimizer, Muon, RmsProp, Sgd
from tunesmith.recipe.schedules import Constant
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer, Penalties
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import train_steps

RATES: list[tuple[AnyOptimizer, float]] = [
    (AdamW(), 3e-3),
    (AdamW8Bit(), 3e-3),
    (Adam(l2=1e-4), 3e-3),
    (Sgd(), 0.1),
    (Sgd(nesterov=True), 0.1),
    (RmsProp(), 1e-3),
    (Muon(), 3e-3),
]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("settings", "rate", "dtype"),
    [(*each, torch.float32) for each in RATES] + [(Muon(), 3e-3, torch.bfloat16)],
    ids=str,
)
def test_it_learns_rows_by_heart(settings: AnyOptimizer, rate: float, dtype: torch.dtype) -> None:
    random = np.random.default_rng(0)
    rows = [random_row(random, str(n), [], 12) for n in range(4)]
    model = make_model("qwen2", num_hidden_layers=1).to(dtype)
    optimizer = FlatOptimizer(model.named_parameters(), settings, Penalties(l1=1e-5, layer_rate_decay=0.9))
    source = RowSource(rows, RowSampler(4, 4, seed=0), LayoutSettings(1000, True, "cpu"))
    schedule = make_schedule(Constant(), rate, 15, 3)
    losses = [
        report.loss_sum.item() / report.weight
        for report in train_steps(model, source, sft.loss, optimizer, schedule, range(15))
    ]
    assert losses[-1] < 0.7 * losses[0]
