"""The kernels that torch's compiler makes of the plain ones, here for a CPU: the same numbers, compiled once each."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters

from tunesmith.model.kernels import compiled, describe_kernels, is_native, kernels_of, plain

WIDTH, VOCABULARY = 48, 77


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def results(kernels: Any, num_tokens: int, *, wants_gradient: bool) -> list[Tensor]:
    """What each kernel gives for so many tokens; `wants_gradient`: of the states, which changes nothing."""
    x, grad, up = (drawn(num_tokens, WIDTH, seed=seed) for seed in (1, 2, 3))
    x.requires_grad_(wants_gradient)
    weight = drawn(WIDTH, seed=4)
    with torch.no_grad():
        y, inverse = kernels.rms_norm_forward(x, weight, 1e-5)
        found = [y, inverse]
        for wants_weight in (True, False):
            grads = kernels.rms_norm_backward(grad, x, weight, inverse, wants_weight=wants_weight)
            found += [each for each in grads if each is not None]
        found += [kernels.swiglu_forward(x, up), *kernels.swiglu_backward(grad, x, up)]
        heads = x.view(num_tokens, 3, 16)
        angles = torch.outer(torch.arange(float(num_tokens)), 10.0 ** -(torch.arange(8.0) / 8)).repeat(1, 2)
        found += [kernels.rotate(heads, angles.cos(), angles.sin(), direction) for direction in (1.0, -1.0)]
        logits, targets = drawn(num_tokens, VOCABULARY, seed=5), torch.arange(num_tokens) % VOCABULARY
        weights = torch.linspace(-1.0, 2.0, num_tokens)
        found += [*kernels.cross_entropy(logits, targets, weights, 0.1, wants_gradient=True), logits]
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_they_are_the_plain_ones_and_are_compiled_once_for_all_lengths() -> None:
    torch.compiler.reset()
    counters.clear()
    num_graphs = []
    for num_tokens, wants_gradient in ((64, True), (192, False), (320, True)):
        ours = results(compiled.kernels(), num_tokens, wants_gradient=wants_gradient)
        for found, expected in zip(ours, results(plain, num_tokens, wants_gradient=wants_gradient), strict=True):
            torch.testing.assert_close(found, expected.detach(), rtol=1e-5, atol=1e-6)
        num_graphs.append(counters["stats"]["unique_graphs"])
    print(num_graphs)
    assert num_graphs[0] == num_graphs[-1]


def test_a_cpu_has_its_own_kernels() -> None:
    x = torch.zeros(1, 16)
    assert kernels_of(x.half()) is plain  # no native kernel computes float16
    assert describe_kernels("cpu").startswith("native") is is_native(x)
