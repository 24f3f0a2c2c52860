"""AdamW over flat buffers against torch's AdamW, parameter by parameter, and against AdamW written out for bf16."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from tunesmith.recipe.optimizers import AdamW
from tunesmith.train.optimizer import FlatOptimizer, Penalties

SHAPES = [(7, 5), (5,), (3, 4, 6), (1,), (11,), (2, 2)]


def parameters(dtype: torch.dtype = torch.float32) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator).to(dtype)) for shape in SHAPES]


def named(trained: list[nn.Parameter]) -> list[tuple[str, nn.Parameter]]:
    return [(f"parameter_{index}", parameter) for index, parameter in enumerate(trained)]


def gradients(step: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(100 + step)
    return [(torch.randn(shape, generator=generator) * (1 + step)).to(dtype) for shape in SHAPES]


def backward(trained: list[nn.Parameter], grads: list[Tensor]) -> None:
    """A backward pass that leaves exactly these gradients, added to what is there."""
    sum((p * g).sum() for p, g in zip(trained, grads, strict=True)).backward()  # type: ignore[union-attr]


@pytest.mark.parametrize("max_norm", [1.0, 1e6])
@pytest.mark.parametrize("micro_batches", [1, 3])
def test_five_steps_of_torchs_adamw(max_norm: float, micro_batches: int) -> None:
    ours, theirs = parameters(), parameters()
    settings = AdamW(beta1=0.8, beta2=0.95, epsilon=1e-6, weight_decay=0.3)
    flat = FlatOptimizer(named(ours), settings, Penalties(max_norm))
    groups = [
        {"params": [p for p in theirs if p.ndim >= 2], "weight_decay": 0.3},
        {"params": [p for p in theirs if p.ndim < 2], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=1.0, betas=(0.8, 0.95), eps=1e-6)
    worst = 0.0
    for step, rate in enumerate((0.1, 0.05, 0.2, 0.0, 0.1)):
        for part in range(micro_batches):
            backward(ours, gradients(10 * step + part))
            flat.collect()
            backward(theirs, [grad / 4.0 for grad in gradients(10 * step + part)])
        norm = flat.step(rate, weight=4.0)
        expected_norm = nn.utils.clip_grad_norm_(theirs, max_norm)
        for group in reference.param_groups:
            group["lr"] = rate
        reference.step()
        reference.zero_grad()
        assert norm.item() == pytest.approx(expected_norm.item(), rel=1e-6)
        assert (norm > 1.0).item()  # so that the smaller limit does clip
        worst = max(worst, *(((a - b).norm() / b.norm()).item() for a, b in zip(ours, theirs, strict=True)))
    print(f"largest relative difference: {worst:.1e}")
    assert worst < 1e-6


def test_bf16_weights_follow_their_fp32_masters() -> None:
    """AdamW written out in double precision; the model's weights are the rounded masters."""
    trained = parameters(torch.bfloat16)
    flat = FlatOptimizer(named(trained), AdamW(weight_decay=0.1))
    masters = [p.detach().double() for p in parameters(torch.bfloat16)]
    moments = [(torch.zeros_like(m), torch.zeros_like(m)) for m in masters]
    for step in range(1, 6):
        parts = [gradients(10 * step + part, torch.bfloat16) for part in range(2)]
        for part in parts:
            backward(trained, part)
            flat.collect()
        flat.step(1e-3, weight=2.0)
        grads = [sum(grad.double() for grad in grads) / 2.0 for grads in zip(*parts, strict=True)]
        norm = math.sqrt(sum(float(grad.square().sum()) for grad in grads))
        for index, master in enumerate(masters):
            grad = grads[index] * min(1.0, 1.0 / (norm + 1e-6))
            first = 0.9 * moments[index][0] + 0.1 * grad
            second = 0.99 * moments[index][1] + 0.01 * grad.square()
            moments[index] = (first, second)
            if master.ndim >= 2:
                master *= 1.0 - 1e-3 * 0.1
            master -= 1e-3 * (first / (1 - 0.9**step)) / ((second / (1 - 0.99**step)).sqrt() + 1e-8)
    order = sorted(range(len(SHAPES)), key=lambda index: len(SHAPES[index]) < 2)
    expected_N = torch.cat([masters[index].flatten() for index in order])
    torch.testing.assert_close(flat.master_N.double(), expected_N, rtol=1e-5, atol=1e-6)
    # steps this small would be lost in bf16: the masters have moved on
    assert (flat.master_N != flat.master_N.bfloat16().float()).any()
    for parameter, index in zip(sorted(trained, key=lambda p: p.ndim < 2), order, strict=True):
        assert parameter.dtype == torch.bfloat16
        torch.testing.assert_close(parameter.double(), masters[index], rtol=2**-8, atol=1e-6)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_gradient_that_is_not_finite_changes_nothing(bad: float, dtype: torch.dtype) -> None:
    trained = parameters(dtype)
    flat = FlatOptimizer(named(trained), AdamW())
    backward(trained, gradients(0, dtype))
    flat.collect()
    flat.step(0.1, 1.0)
    before = {name: tensor.clone() for name, tensor in flat.state().items()}
    weights = [p.detach().clone() for p in trained]
    spoiled = gradients(1, dtype)
    spoiled[2][0, 0, 0] = bad
    backward(trained, spoiled)
    flat.collect()
    assert not math.isfinite(flat.step(0.1, 1.0).item())
    assert all(torch.equal(tensor, before[name]) for name, tensor in flat.state().items())
    assert all(torch.equal(p, weight) for p, weight in zip(trained, weights, strict=True))
    # and the next sound gradient is taken as if nothing had been
    twin = parameters(dtype)
    undisturbed = FlatOptimizer(named(twin), AdamW())
    for step in (0, 2):
        backward(twin, gradients(step, dtype))
        undisturbed.collect()
        undisturbed.step(0.1, 1.0)
    backward(trained, gradients(2, dtype))
    flat.collect()
    flat.step(0.1, 1.0)
    assert torch.equal(flat.master_N, undisturbed.master_N)


def test_only_matrices_decay() -> None:
    trained = parameters()
    flat = FlatOptimizer(named(trained), AdamW(weight_decay=0.5))
    flat.step(0.1, 1.0)  # no gradient at all
    for parameter, start in zip(trained, parameters(), strict=True):
        factor = 1.0 - 0.1 * 0.5 if parameter.ndim >= 2 else 1.0
        torch.testing.assert_close(parameter, start * factor, rtol=1e-6, atol=0.0)


def test_frozen_parameters_are_left_out() -> None:
    trained = parameters()
    trained[0].requires_grad_(False)
    flat = FlatOptimizer(named(trained), AdamW())
    assert flat.master_N.numel() == sum(p.numel() for p in trained[1:])
    vectors = [p for p in parameters() if p.ndim < 2]
    flat = FlatOptimizer(named(vectors), AdamW(weight_decay=0.5))
    flat.step(0.1, 1.0)
    assert torch.equal(torch.cat([p.detach() for p in vectors]), torch.cat([p for p in parameters() if p.ndim < 2]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_its_state_is_all_there_is(dtype: torch.dtype) -> None:
    runs = []
    for restored in (False, True):
        trained = parameters(dtype)
        flat = FlatOptimizer(named(trained), AdamW())
        for step in range(4):
            if restored and step == 2:
                saved = {name: tensor.clone() for name, tensor in flat.state().items()}
                trained = parameters(dtype)
                flat = FlatOptimizer(named(trained), AdamW())
                flat.restore(saved)
            backward(trained, gradients(step, dtype))
            flat.collect()
            flat.step(0.1, 1.0)
        runs.append([p.detach().clone() for p in trained])
    assert all(torch.equal(a, b) for a, b in zip(*runs, strict=True))


def test_other_weights_are_put_in_place() -> None:
    trained = parameters()
    flat = FlatOptimizer(named(trained), AdamW())
    best = flat.master_N.clone()
    backward(trained, gradients(0))
    flat.collect()
    flat.step(0.1, 1.0)
    flat.load_master(best)
    assert all(torch.equal(p, start) for p, start in zip(trained, parameters(), strict=True))
