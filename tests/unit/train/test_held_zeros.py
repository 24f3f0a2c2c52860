"""Zeros of a pruned base stay zeros in whatever trains its weights, and the rest moves as if they were not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_models import make_model, save_model
from torch import Tensor, nn

from tunesmith.model.base import find_base
from tunesmith.model.changes import WEIGHTS, make_changed
from tunesmith.plan.geometry import geometry_of
from tunesmith.plan.memory import COMPUTE_BYTES, Computation, _held
from tunesmith.recipe import Full, Lora, Train
from tunesmith.recipe.bases import Changes, Prune
from tunesmith.recipe.optimizers import Adam, AdamW, AdamW8Bit, AnyOptimizer, Muon, RmsProp, Sgd
from tunesmith.train.optimizer import FlatOptimizer, Penalties

EVERY: list[AnyOptimizer] = [
    AdamW(weight_decay=0.3),
    AdamW8Bit(weight_decay=0.3),
    Adam(l2=0.1),
    Sgd(momentum=0.9, l2=0.1),
    RmsProp(l2=0.1, momentum=0.5),
    Muon(weight_decay=0.3),
]
SHAPES = {
    "embed.weight": (12, 8),
    "layers.0.q.weight": (8, 8),
    "layers.0.norm.weight": (8,),
    "layers.0.o.weight": (8, 8),
    "layers.1.up.weight": (16, 8),
    "head.weight": (12, 8),
}
HELD = ("layers.0.q.weight", "layers.1.up.weight")
ADDED = "layers.0.o.weight"
"""Of a layer that was added: 0 as a whole."""


def parameters(dtype: torch.dtype = torch.float32) -> dict[str, nn.Parameter]:
    """Every third number is 0; what is not a layer's matrix has such numbers too."""
    generator = torch.Generator().manual_seed(0)
    made = {}
    for name, shape in SHAPES.items():
        weight = torch.randn(shape, generator=generator)
        weight.view(-1)[::3] = 0.0
        made[name] = nn.Parameter((weight * (name != ADDED)).to(dtype))
    return made


def gradients(step: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def take(flat: FlatOptimizer, trained: dict[str, nn.Parameter], step: int) -> Tensor:
    of_step = gradients(step)
    sum((trained[name] * of_step[name].to(trained[name].dtype)).sum() for name in SHAPES).backward()  # type: ignore[union-attr]
    flat.collect()
    return flat.step(0.05, weight=1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_zeros_stay_zeros(settings: AnyOptimizer, dtype: torch.dtype) -> None:
    trained, before = parameters(dtype), parameters(dtype)
    flat = FlatOptimizer(trained.items(), settings, Penalties(l1=0.01, layer_rate_decay=0.9, holds_zeros=True))
    for step in range(5):
        take(flat, trained, step)
    for name, weight in trained.items():
        was_zero = before[name] == 0
        if name in HELD:
            assert not weight[was_zero].any(), name
            assert weight[~was_zero].ne(before[name][~was_zero]).float().mean() > 0.5, name
        else:
            assert weight[was_zero].ne(0).float().mean() > 0.5, name


@pytest.mark.parametrize("settings", EVERY, ids=str)
def test_nothing_is_held_unless_asked_for(settings: AnyOptimizer) -> None:
    trained, before = parameters(), parameters()
    flat = FlatOptimizer(trained.items(), settings)
    take(flat, trained, 0)
    assert all(weight[before[name] == 0].any() for name, weight in trained.items())


@pytest.mark.parametrize("max_norm", [1.0, 1e9])
def test_the_rest_moves_as_by_torchs_adamw_on_gradients_without_them(max_norm: float) -> None:
    """The norm by which gradients are clipped is that of what moves."""
    ours, theirs = parameters(), parameters()
    flat = FlatOptimizer(ours.items(), AdamW(weight_decay=0.3), Penalties(max_norm, holds_zeros=True))
    groups = [
        {"params": [p for p in theirs.values() if p.ndim >= 2], "weight_decay": 0.3},
        {"params": [p for p in theirs.values() if p.ndim < 2], "weight_decay": 0.0},
    ]
    settings = AdamW()
    reference = torch.optim.AdamW(groups, lr=0.05, betas=(settings.beta1, settings.beta2), eps=settings.epsilon)
    masks = {name: (weight != 0).float() for name, weight in parameters().items() if name in HELD}
    for step in range(5):
        norm = take(flat, ours, step)
        for name, gradient in gradients(step).items():
            theirs[name].grad = gradient * masks.get(name, 1.0)
        expected = nn.utils.clip_grad_norm_(theirs.values(), max_norm)
        reference.step()
        assert norm.item() == pytest.approx(expected.item(), rel=1e-6)
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=1e-5, atol=1e-6)
    moments = flat.state()["exp_avg.0"]
    held = sum(int((weight == 0).sum()) for name, weight in parameters().items() if name in HELD)
    assert int((moments == 0).sum()) == held


def test_a_resumed_training_holds_the_same(tmp_path: Path) -> None:
    """The zeros are those of the base, whatever the checkpoint has."""
    penalties = Penalties(holds_zeros=True)
    whole, halved = parameters(), parameters()
    undisturbed = FlatOptimizer(whole.items(), AdamW(), penalties)
    first = FlatOptimizer(halved.items(), AdamW(), penalties)
    for step in range(2):
        take(undisturbed, whole, step)
        take(first, halved, step)
    saved = {name: tensor.clone() for name, tensor in first.state().items()}
    halved = parameters()
    second = FlatOptimizer(halved.items(), AdamW(), penalties)
    second.restore(saved)
    for step in range(2, 5):
        take(undisturbed, whole, step)
        take(second, halved, step)
    assert all(torch.equal(whole[name], halved[name]) for name in SHAPES)


def test_memory_has_a_flag_for_each_trained_number(tmp_path: Path) -> None:
    base = find_base(str(save_model(tmp_path / "base", make_model("llama"))))
    make_changed(base, Changes(prune=Prune(weights=0.5)), tmp_path / "made")
    plain, sparse = geometry_of(base), geometry_of(find_base(str(tmp_path / "made" / WEIGHTS)))
    for precision in COMPUTE_BYTES:
        full, lora = Train(method=Full()), Train(method=Lora(rank=4))
        before, after = (sum(_held(Computation(each, full, precision, "cpu")).values()) for each in (plain, sparse))
        assert after - before == plain.num_parameters
        before, after = (sum(_held(Computation(each, lora, precision, "cpu")).values()) for each in (plain, sparse))
        assert after == before
