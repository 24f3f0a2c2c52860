"""One optimiser step, however its rows are cut into micro-batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_models import make_model, random_row, twin_of

from tunesmith.recipe.optimizers import AdamW
from tunesmith.recipe.schedules import Cosine
from tunesmith.records import Rendered
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import StepReport, train_steps

NUM_STEPS = 3


def rows() -> list[Rendered]:
    random = np.random.default_rng(5)
    prefix = random.integers(0, 320, 25).tolist()
    return [random_row(random, str(n), prefix if n % 3 else [], 8 + n) for n in range(12)]


def train(budget: int, share: bool) -> tuple[list[StepReport], torch.Tensor]:
    model = make_model("qwen2")
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(epsilon=1e-3))
    source = RowSource(rows(), RowSampler(12, 8, seed=0), LayoutSettings(budget, share, "cpu"))
    schedule = make_schedule(Cosine(), 1e-3, NUM_STEPS, 0.0)
    reports = list(train_steps(model, source, sft.loss, optimizer, schedule, range(NUM_STEPS)))
    return reports, optimizer.master_N


@pytest.mark.thorough
@pytest.mark.parametrize(("budget", "share"), [(10_000, False), (60, True), (1, False)])
def test_micro_batches_change_nothing(budget: int, share: bool) -> None:
    """Loss, norm and the weights after three steps; epsilon is large, so that rounding is not blown up by Adam."""
    whole, whole_N = train(10_000, True)
    reports, master_N = train(budget, share)
    for one, other in zip(whole, reports, strict=True):
        assert one.step == other.step
        assert sorted(one.row_ids) == sorted(other.row_ids)
        assert (one.num_tokens, one.learning_rate) == (other.num_tokens, other.learning_rate)
        assert other.weight == pytest.approx(one.weight, rel=1e-6)
        assert other.loss_sum.item() == pytest.approx(one.loss_sum.item(), rel=1e-5)
        assert other.grad_norm.item() == pytest.approx(one.grad_norm.item(), rel=1e-5)
        assert other.metrics["mean_token_accuracy"].item() == pytest.approx(
            one.metrics["mean_token_accuracy"].item(), abs=1e-3
        )
    difference = ((master_N - whole_N).norm() / whole_N.norm()).item()
    print(f"weights after {NUM_STEPS} steps: {difference:.1e}")
    assert difference < 1e-6


def test_a_step_is_plain_training_on_its_rows() -> None:
    """The first step, with transformers' own forward, torch's clipping and torch's AdamW."""
    model = twin_of(make_model("qwen2"), "eager")
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": 0.01},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), eps=1e-3)
    loss_sum = torch.zeros(())
    weight = 0.0
    all_rows = rows()
    for index in RowSampler(12, 8, seed=0).rows_of_step(0):
        ids_T = torch.from_numpy(all_rows[index].ids_T.astype(np.int64))
        weights_T = torch.from_numpy(all_rows[index].weights_T[1:])
        losses_T = torch.nn.functional.cross_entropy(model(ids_T[None]).logits[0, :-1], ids_T[1:], reduction="none")
        loss_sum = loss_sum + (losses_T * weights_T).sum()
        weight += float(weights_T.sum())
    (loss_sum / weight).backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    reference.step()

    ours = make_model("qwen2")
    optimizer = FlatOptimizer(ours.named_parameters(), AdamW(epsilon=1e-3))
    source = RowSource(all_rows, RowSampler(12, 8, seed=0), LayoutSettings(64, True, "cpu"))
    (report,) = train_steps(ours, source, sft.loss, optimizer, lambda _: 1e-3, range(1))
    assert report.loss_sum.item() == pytest.approx(loss_sum.item(), rel=1e-5)
    assert report.grad_norm.item() == pytest.approx(norm.item(), rel=1e-5)
    assert norm > 1.0
    for found, expected in zip(ours.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_it_goes_on_from_any_step() -> None:
    """The numbers of the steps decide rates; tensors are read only by whom they concern."""
    model = make_model("qwen2", num_hidden_layers=1)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW())
    source = RowSource(rows(), RowSampler(12, 8, seed=0), LayoutSettings(10_000, True, "cpu"))
    source.restore({"next_step": 5, "micro_batch_tokens": 10_000})
    schedule = make_schedule(Cosine(), 1e-3, 10, 0.0)
    (report,) = train_steps(model, source, sft.loss, optimizer, schedule, range(5, 6))
    assert (report.step, report.learning_rate) == (6, schedule(5))
    assert set(report.row_ids) == {str(index) for index in RowSampler(12, 8, seed=0).rows_of_step(5)}
