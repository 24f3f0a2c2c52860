"""Distillation against torch's own losses, and five steps of it against a plain loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from flat_rows import LAYOUTS, gradient, prefixes_of_others, three_levels
from tiny_models import VOCABULARY, make_model, twin_of
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div
from transformers import PreTrainedModel

from tunesmith.model.head import CHUNK_PAIRS
from tunesmith.model.layout import lay_out
from tunesmith.model.soft_head import Softness, Teacher, distillation_of_pairs
from tunesmith.recipe.optimizers import AdamW
from tunesmith.records import Rendered
from tunesmith.train.objectives import distill, sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import train_steps

SOFT = Softness(temperature=2.5, share=0.3)
EXTRA = 32
"""Rows by which the teacher's vocabulary is padded further than the student's."""


def teacher() -> PreTrainedModel:
    """Wider, deeper, of another seed, its vocabulary padded."""
    sizes = {"hidden_size": 96, "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 3}
    return make_model("qwen2", seed=7, vocab_size=VOCABULARY + EXTRA, **sizes).requires_grad_(False)


def plain_loss(logits_TV: Tensor, taught_TV: Tensor, row: Rendered, softness: Softness) -> Tensor:
    """share * T^2 * KL(teacher || student) + (1 - share) * cross entropy, by torch, at every supervised token."""
    student_TV, told_TV = (
        (logits[:-1, :VOCABULARY] / softness.temperature).log_softmax(1) for logits in (logits_TV, taught_TV)
    )
    soft_T = kl_div(student_TV, told_TV, reduction="none", log_target=True).sum(1) * softness.temperature**2
    hard_T = cross_entropy(logits_TV[:-1], torch.from_numpy(row.ids_T[1:].astype(np.int64)), reduction="none")
    weights_T = torch.from_numpy(row.weights_T[1:])
    return ((softness.share * soft_T + (1 - softness.share) * hard_T) * weights_T).sum()


def logits(model: PreTrainedModel, row: Rendered) -> Tensor:
    found: Tensor = model(torch.from_numpy(row.ids_T.astype(np.int64))[None]).logits[0]
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("softness", [SOFT, Softness(1.0, 1.0)])
@pytest.mark.parametrize("make", [prefixes_of_others, three_levels])
def test_loss_and_gradient_are_those_of_torch(
    make: Callable[[np.random.Generator], list[Rendered]], softness: Softness
) -> None:
    rows = make(np.random.default_rng(4))
    model, teaching = make_model("qwen2"), teacher()
    twin, plain_teacher = twin_of(model, "eager"), twin_of(teaching, "eager")
    expected = 0.0
    for row in rows:
        with torch.no_grad():
            taught = logits(plain_teacher, row)
        loss = plain_loss(logits(twin, row), taught, row, softness)
        loss.backward()
        expected += loss.item()
    wanted, worst = gradient(twin), 0.0
    for budget, share in LAYOUTS[::2]:
        model.zero_grad()
        found = [distill.loss(model, batch, teaching, softness) for batch in lay_out(rows, budget, share=share)]
        torch.stack([loss.sum for loss in found]).sum().backward()
        worst = max(worst, abs(sum(loss.sum.item() for loss in found) - expected) / expected)
        worst = max(worst, ((gradient(model) - wanted).norm() / wanted.norm()).item())
    print(f"largest relative difference: {worst:.1e}")
    assert worst < 1e-5
    assert all(parameter.grad is None for parameter in teaching.parameters())


def test_without_a_share_it_is_sft_and_its_own_teacher_teaches_nothing() -> None:
    model = make_model("qwen2")
    twin = twin_of(model, "tunesmith").requires_grad_(False)
    (batch,) = lay_out(three_levels(np.random.default_rng(4)), 10_000, share=True)
    plain = sft.loss(model, batch)
    found = distill.loss(model, batch, twin, Softness(2.0, 0.0))
    assert found.sum.item() == pytest.approx(plain.sum.item(), rel=1e-6)
    assert found.metrics["mean_token_accuracy"].item() == pytest.approx(plain.metrics["mean_token_accuracy"].item())
    itself = distill.loss(model, batch, twin, Softness(2.0, 1.0))
    itself.sum.backward()
    assert abs(itself.sum.item()) < 1e-3
    assert gradient(model).norm() < 1e-3


def test_no_more_than_a_chunk_of_logits_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = partial(torch.randn, generator=generator)
    hidden, head, told = (
        drawn(50, 8).requires_grad_(),
        drawn(40, 8).requires_grad_(),
        Teacher(drawn(50, 6), drawn(40, 6)),
    )
    pairs = (torch.randint(50, (90,)), torch.randint(40, (90,)), drawn(90))
    whole = distillation_of_pairs(hidden, head, told, pairs, SOFT)
    whole[0].backward()
    grads = [hidden.grad, head.grad]
    hidden.grad = head.grad = None
    monkeypatch.setitem(CHUNK_PAIRS, "cpu", 7)
    parts = distillation_of_pairs(hidden, head, told, pairs, SOFT)
    parts[0].backward()
    for one, other in zip([*whole, *grads], [*parts, hidden.grad, head.grad], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.thorough
def test_five_steps_are_those_of_a_plain_loop() -> None:
    rows = three_levels(np.random.default_rng(2))
    model, teaching = make_model("qwen2"), teacher()
    plain, plain_teacher = twin_of(model, "eager"), twin_of(teaching, "eager")
    groups = [
        {"params": [p for p in plain.parameters() if p.ndim >= 2], "weight_decay": 0.01},
        {"params": [p for p in plain.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), eps=1e-3)
    sampler = RowSampler(len(rows), 6, seed=0)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(epsilon=1e-3))
    source = RowSource(rows, sampler, LayoutSettings(150, True, "cpu"))
    objective = partial(distill.loss, teacher=teaching, softness=SOFT)
    for report in train_steps(model, source, objective, optimizer, lambda _: 1e-3, range(5)):
        batch = [rows[index] for index in sampler.rows_of_step(report.step - 1)]
        with torch.no_grad():
            taught = [logits(plain_teacher, row) for row in batch]
        losses = [plain_loss(logits(plain, row), told, row, SOFT) for row, told in zip(batch, taught, strict=True)]
        loss = torch.stack(losses).sum() / sum(float(row.weights_T[1:].sum()) for row in batch)
        reference.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        reference.step()
        assert report.loss_sum.item() / report.weight == pytest.approx(loss.item(), rel=1e-4)
        assert report.grad_norm.item() == pytest.approx(norm.item(), rel=1e-4)
