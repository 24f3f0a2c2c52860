"""Both backends of the kernels against torch's own functions and autograd in float64."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, scaled_dot_product_attention, silu
from torch.nn.functional import rms_norm as torch_rms_norm
from transformers.models.qwen2.modeling_qwen2 import apply_rotary_pos_emb

from tunesmith.model.kernels import is_native, native, plain
from tunesmith.model.kernels.native import Documents, compile_library

BACKENDS = [plain, native]
TYPES = {torch.float32: 2e-6, torch.bfloat16: 1e-2}
"""Tolerance of a value rounded once to the type, relative to the largest."""


@pytest.fixture(params=BACKENDS, ids=["plain", "native"])
def kernels(request: pytest.FixtureRequest) -> Any:
    module: ModuleType = request.param
    if module is native and not is_native(torch.zeros(1)):
        pytest.skip("no C++ compiler: apt install g++")
    return module


@pytest.fixture(params=TYPES, ids=["fp32", "bf16"])
def dtype(request: pytest.FixtureRequest) -> torch.dtype:
    kind: torch.dtype = request.param
    return kind


def drawn(*shape: int, dtype: torch.dtype, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def leaf(x: Tensor) -> Tensor:
    return x.double().requires_grad_()


def assert_near(found: Tensor, expected: Tensor, dtype: torch.dtype) -> None:
    assert found.dtype == dtype
    assert (found.double() - expected).abs().max() <= TYPES[dtype] * expected.abs().max()


@pytest.mark.parametrize("shape", [(1, 16), (7, 100), (300, 128)])
def test_rms_norm(kernels: Any, dtype: torch.dtype, shape: tuple[int, int]) -> None:
    x, grad, weight = (drawn(*shape, dtype=dtype, seed=n) for n in (1, 2, 3))
    x, weight = 3.0 * x, weight[0].contiguous()
    x64, weight64 = leaf(x), leaf(weight)
    y64 = torch_rms_norm(x64, shape[1:], weight64, eps=1e-3)
    y64.backward(grad.double())
    y, inverse = kernels.rms_norm_forward(x, weight, 1e-3)
    grad_x, grad_weight = kernels.rms_norm_backward(grad, x, weight, inverse, wants_weight=True)
    assert_near(y, y64.detach(), dtype)
    assert_near(grad_x, x64.grad, dtype)
    assert_near(grad_weight, weight64.grad, dtype)
    assert kernels.rms_norm_backward(grad, x, weight, inverse, wants_weight=False)[1] is None


def test_swiglu(kernels: Any, dtype: torch.dtype) -> None:
    gate, up, grad = (4.0 * drawn(11, 777, dtype=dtype, seed=n) for n in (1, 2, 3))
    gate[0, :4] = torch.tensor([-200.0, -88.0, 88.0, 200.0])
    gate64, up64 = leaf(gate), leaf(up)
    out64 = silu(gate64) * up64
    out64.backward(grad.double())
    assert_near(kernels.swiglu_forward(gate, up), out64.detach(), dtype)
    grad_gate, grad_up = kernels.swiglu_backward(grad, gate, up)
    assert_near(grad_gate, gate64.grad, dtype)
    assert_near(grad_up, up64.grad, dtype)


def test_rotate(kernels: Any, dtype: torch.dtype) -> None:
    x, grad = (drawn(9, 3, 32, dtype=dtype, seed=n) for n in (1, 2))
    angles = torch.outer(torch.arange(9.0), 100.0 ** -(torch.arange(16) / 16)).repeat(1, 2)
    cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
    x64 = leaf(x)
    out64, _ = apply_rotary_pos_emb(x64[None].transpose(1, 2), x64[None].transpose(1, 2), cos[None], sin[None])
    out64 = out64.transpose(1, 2)[0]
    out64.backward(grad.double())
    assert_near(kernels.rotate(x, cos, sin, 1.0), out64.detach(), dtype)
    assert_near(kernels.rotate(grad, cos, sin, -1.0), x64.grad, dtype)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy(kernels: Any, dtype: torch.dtype, smoothing: float) -> None:
    logits, targets = 5.0 * drawn(13, 999, dtype=dtype), torch.arange(13) * 70
    weights = torch.linspace(-1.0, 2.0, 13)
    logits[4, targets[4]] = 50.0
    logits64 = leaf(logits)
    losses64 = cross_entropy(logits64, targets, label_smoothing=smoothing, reduction="none")
    (losses64 * weights).sum().backward()
    losses, correct = kernels.cross_entropy(logits.clone(), targets, weights, smoothing, wants_gradient=False)
    assert_near(losses, losses64.detach(), torch.float32)
    assert correct.tolist() == (logits64.argmax(1) == targets).float().tolist()
    gradient = logits.clone()
    kernels.cross_entropy(gradient, targets, weights, smoothing, wants_gradient=True)
    assert_near(gradient, logits64.grad, dtype)


@pytest.mark.parametrize(("num_heads", "num_key_heads", "size"), [(2, 1, 64), (4, 4, 16), (6, 2, 32)])
def test_attention(dtype: torch.dtype, num_heads: int, num_key_heads: int, size: int) -> None:
    if not is_native(torch.zeros(1)):
        pytest.skip("no C++ compiler: apt install g++")
    lengths = [1, 3, 16, 17, 70]
    num_tokens = sum(lengths)
    # five more tokens belong to no document: they are given no output, and gradient 0
    query, key, value = (
        drawn(num_tokens + 5, heads, size, dtype=dtype, seed=heads + n)
        for n, heads in enumerate((num_heads, num_key_heads, num_key_heads))
    )
    grad = drawn(num_tokens, num_heads, size, dtype=dtype, seed=9)
    starts = torch.tensor([0, *lengths[:-1]]).cumsum(0)
    documents = Documents(starts, torch.tensor(lengths), num_tokens)
    out, log_sums = native.attention_forward(query, key, value, documents, 0.3)
    grads = native.attention_backward(grad, (query, key, value, out, log_sums), documents, 0.3)
    leaves = [leaf(states) for states in (query, key, value)]
    pieces = [
        scaled_dot_product_attention(
            *(states[start : start + length].transpose(0, 1) for states in leaves),
            is_causal=True,
            scale=0.3,
            enable_gqa=True,
        ).transpose(0, 1)
        for start, length in zip(starts.tolist(), lengths, strict=True)
    ]
    out64 = torch.cat(pieces)
    out64.backward(grad.double())
    assert_near(out, out64.detach(), dtype)
    for found, states in zip(grads, leaves, strict=True):
        assert_near(found, states.grad, dtype)
        assert not found[num_tokens:].any()


def test_what_is_no_number_shows(kernels: Any, dtype: torch.dtype) -> None:
    """A kernel must not swallow the sign that a training has gone wrong."""
    bad = drawn(4, 64, dtype=dtype)
    bad[2, 5] = float("nan")
    ones = torch.ones(64, dtype=dtype)
    assert kernels.rms_norm_forward(bad, ones, 1e-6)[0][2].isnan().all()
    assert kernels.swiglu_forward(bad, bad)[2, 5].isnan()
    for wrong in ("nan", "inf"):
        bad[2, 5] = float(wrong)
        losses, _ = kernels.cross_entropy(bad.clone(), torch.arange(4), torch.ones(4), 0.0, wants_gradient=False)
        assert losses.isfinite().tolist() == [True, True, False, True]


def test_threads_change_nothing(dtype: torch.dtype) -> None:
    if not is_native(torch.zeros(1)):
        pytest.skip("no C++ compiler: apt install g++")

    def results() -> list[Tensor]:
        x, weight = drawn(700, 64, dtype=dtype), drawn(64, dtype=dtype)
        y, inverse = native.rms_norm_forward(x, weight, 1e-6)
        states = x.view(700, 1, 64)
        documents = Documents(torch.arange(7) * 100, torch.full((7,), 100), 700)
        out, log_sums = native.attention_forward(states, states, states, documents, 0.1)
        grads = native.attention_backward(out, (states, states, states, out, log_sums), documents, 0.1)
        normed = native.rms_norm_backward(y, x, weight, inverse, wants_weight=True)
        return [y, out, *grads, normed[0], normed[1], native.swiglu_forward(x, y)]

    alone = results()
    torch.set_num_threads(2)
    try:
        together = results()
    finally:
        torch.set_num_threads(1)
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))


def test_a_compiler_that_fails_leaves_nothing(tmp_path: Path) -> None:
    assert not compile_library("false", tmp_path / "native.so")
    assert not compile_library(str(tmp_path / "no-such-compiler"), tmp_path / "native.so")
    assert list(tmp_path.iterdir()) == []
