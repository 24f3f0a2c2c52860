"""Every kernel of a GPU against the plain formulas on the CPU, forward and backward.

`benchmarks/gpu.sh` runs this folder before it measures anything.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from flat_rows import CASES
from torch import Tensor

from tunesmith.model.attention import attend_flat
from tunesmith.model.kernels import flash, kernels_of, plain
from tunesmith.model.layout import lay_out
from tunesmith.records import Rendered

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("default"),
]
TYPES = {torch.float32: 5e-6, torch.bfloat16: 1e-2, torch.float16: 2e-3}
"""Tolerance of a value rounded once to the type, relative to the largest."""
LENGTHS = (64, 192, 1024)
"""The second makes the compiler take lengths as they come."""


def drawn(*shape: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def assert_near(found: Tensor, expected: Tensor, tolerance: float) -> None:
    assert (found.double().cpu() - expected.double().cpu()).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("length", LENGTHS)
def test_each_pass_is_the_plain_one(dtype: torch.dtype, length: int) -> None:
    x, grad, up = (drawn(length, 256, dtype=dtype, seed=seed) for seed in (1, 2, 3))
    weight = drawn(256, dtype=dtype, seed=4)
    kernels = kernels_of(x.cuda())
    assert kernels is not plain

    y, inverse = kernels.rms_norm_forward(x.cuda(), weight.cuda(), 1e-5)
    wide_y, wide_inverse = plain.rms_norm_forward(x.double(), weight.double(), 1e-5)
    assert_near(y, wide_y, TYPES[dtype])
    for wants_weight in (True, False):
        found = kernels.rms_norm_backward(grad.cuda(), x.cuda(), weight.cuda(), inverse, wants_weight=wants_weight)
        expected = plain.rms_norm_backward(
            grad.double(), x.double(), weight.double(), wide_inverse, wants_weight=wants_weight
        )
        assert_near(found[0], expected[0], TYPES[dtype])
        assert (found[1] is None) is (not wants_weight)
        if found[1] is not None and expected[1] is not None:
            assert_near(found[1], expected[1], TYPES[dtype])

    assert_near(
        kernels.swiglu_forward(x.cuda(), up.cuda()), plain.swiglu_forward(x.double(), up.double()), TYPES[dtype]
    )
    gates = kernels.swiglu_backward(grad.cuda(), x.cuda(), up.cuda())
    for found_gate, wide_gate in zip(gates, plain.swiglu_backward(grad.double(), x.double(), up.double()), strict=True):
        assert_near(found_gate, wide_gate, TYPES[dtype])

    angles = torch.outer(torch.arange(float(length)), 100.0 ** -(torch.arange(32) / 32)).repeat(1, 2)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    for num_heads in (4, 1):
        heads = x.view(-1, 4, 64)[:, :num_heads].contiguous()
        for direction in (1.0, -1.0):
            turned = kernels.rotate(heads.cuda(), cos.cuda(), sin.cuda(), direction)
            assert_near(turned, plain.rotate(heads.double(), cos.double(), sin.double(), direction), TYPES[dtype])


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_head_is_the_plain_one(dtype: torch.dtype, smoothing: float) -> None:
    for num_pairs in (32, 96):
        logits, targets = 4.0 * drawn(num_pairs, 999, dtype=dtype), torch.arange(num_pairs) * 10
        weights = torch.linspace(-1.0, 2.0, num_pairs)
        ours, wide = logits.cuda(), logits.double()
        found = kernels_of(ours).cross_entropy(ours, targets.cuda(), weights.cuda(), smoothing, wants_gradient=True)
        expected = plain.cross_entropy(wide, targets, weights, smoothing, wants_gradient=True)
        assert_near(found[0], expected[0], 1e-5)
        assert torch.equal(found[1].cpu(), expected[1])
        assert_near(ours, wide, TYPES[dtype])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(("num_heads", "num_key_heads", "size"), [(4, 2, 64), (2, 2, 128), (8, 1, 32)])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_flash_attention_is_the_plain_path(
    dtype: torch.dtype,
    num_heads: int,
    num_key_heads: int,
    size: int,
    case: Callable[[np.random.Generator], list[Rendered]],
) -> None:
    """Shared beginnings of several levels, long rows and short ones; the plain path in float32 on the CPU."""
    (batch,) = lay_out(case(np.random.default_rng(3)), 100_000, share=True)
    heads = (num_heads, num_key_heads, num_key_heads, num_heads)
    *states, grad = (drawn(batch.num_tokens, each, size, dtype=dtype, seed=n) for n, each in enumerate(heads))
    ours = [each.cuda().requires_grad_() for each in states]
    wide = [each.float().requires_grad_() for each in states]
    assert flash.takes(ours[0])
    found = attend_flat(ours[0], ours[1], ours[2], batch.attention.to("cuda"), size**-0.5)
    expected = attend_flat(wide[0], wide[1], wide[2], batch.attention, size**-0.5)
    found.backward(grad.cuda())
    expected.backward(grad.float())
    assert_near(found, expected, 2 * TYPES[dtype])
    for one, other in zip(ours, wide, strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert_near(one.grad, other.grad, 3 * TYPES[dtype])


def test_rows_of_an_encoder_look_at_all_of_themselves() -> None:
    (batch,) = lay_out(CASES[0](np.random.default_rng(0)), 100_000, share=False, is_causal=False)
    states = [drawn(batch.num_tokens, 4, 64, dtype=torch.bfloat16, seed=n) for n in range(3)]
    found = attend_flat(*(each.cuda() for each in states), batch.attention.to("cuda"), 0.125)
    expected = attend_flat(*(each.float() for each in states), batch.attention, 0.125)
    assert_near(found, expected, 2 * TYPES[torch.bfloat16])
