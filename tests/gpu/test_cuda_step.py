"""A step on a GPU against the same step on the CPU: loss, gradient, scaled losses, compiled layers, no waiting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from flat_rows import three_levels
from tiny_models import make_model, save_model
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.compile import compile_layers
from tunesmith.model.load import load_model
from tunesmith.model.method import begin_method
from tunesmith.recipe import Full, Lora, Method
from tunesmith.recipe.optimizers import AdamW
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.sampler import RowSampler
from tunesmith.train.source import LayoutSettings, RowSource
from tunesmith.train.step import StepReport, forward_backward, train_steps

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("default"),
]
ROWS = three_levels(np.random.default_rng(0))
METHODS: dict[str, Method] = {"full": Full(), "lora": Lora(rank=4, targets=("all-linear",))}
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 4e-2, torch.float16: 1e-2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"), make_model("qwen3"))


def begun(folder: Path, method: Method, dtype: torch.dtype, device: str) -> tuple[PreTrainedModel, FlatOptimizer]:
    model = load_model(folder, dtype=dtype, device=device)
    begin_method(model, method, seed=1)
    if isinstance(method, Lora):  # B starts at 0, and A's gradient with it
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "lora_b" in name:
                    drawn = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2))
                    parameter.copy_(0.1 * drawn)
    optimizer = FlatOptimizer(model.named_parameters(), AdamW(weight_decay=0.0))
    if dtype == torch.float16:  # at the first scale the gradients of so small a model overflow
        optimizer.restore({**optimizer.state(), "loss_scale": torch.tensor(256.0)})
    return model, optimizer


def source(device: str, budget: int = 100_000) -> RowSource:
    return RowSource(ROWS, RowSampler(len(ROWS), len(ROWS), seed=0), LayoutSettings(budget, True, device))


def gradient(folder: Path, method: Method, dtype: torch.dtype, device: str, *, compiled: bool = False) -> Tensor:
    """The loss, then the whole gradient, on the CPU."""
    model, optimizer = begun(folder, method, dtype, device)
    if compiled:
        compile_layers(model)
    total = torch.zeros((), device=device)
    for batch in source(device, budget=200).next_step():
        total += forward_backward(model, optimizer, sft.loss, batch).sum
    scale = optimizer.loss_scale
    grad_N = optimizer.grad_N if scale is None else optimizer.grad_N / scale
    return torch.cat((total.view(1), grad_N)).double().cpu()


def difference(found: Tensor, expected: Tensor) -> tuple[float, float]:
    """Of loss and gradient, relative."""
    loss = abs(float(found[0] - expected[0]) / float(expected[0]))
    return loss, float((found[1:] - expected[1:]).norm() / expected[1:].norm())


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_loss_and_gradient_are_those_of_the_cpu(folder: Path, method: str, dtype: torch.dtype) -> None:
    expected = gradient(folder, METHODS[method], torch.float32, "cpu")
    loss, grad = difference(gradient(folder, METHODS[method], dtype, "cuda"), expected)
    print(f"{method} {dtype}: loss {loss:.1e}, gradient {grad:.1e}")
    assert loss < TOLERANCE[dtype]
    assert grad < TOLERANCE[dtype]


@pytest.mark.parametrize("method", METHODS)
def test_compiled_layers_compute_the_same(folder: Path, method: str) -> None:
    plain = gradient(folder, METHODS[method], torch.bfloat16, "cuda")
    loss, grad = difference(gradient(folder, METHODS[method], torch.bfloat16, "cuda", compiled=True), plain)
    print(f"{method}: loss {loss:.1e}, gradient {grad:.1e}")
    assert loss < TOLERANCE[torch.bfloat16]
    assert grad < TOLERANCE[torch.bfloat16]


def trained(folder: Path, dtype: torch.dtype, device: str, num_steps: int) -> list[StepReport]:
    model, optimizer = begun(folder, METHODS["lora"], dtype, device)
    return list(train_steps(model, source(device), sft.loss, optimizer, lambda _: 2e-2, range(num_steps)))


def test_a_few_steps_in_fp16_follow_those_in_fp32(folder: Path) -> None:
    expected, found = (
        [report.loss.item() for report in trained(folder, dtype, device, 6)]
        for dtype, device in ((torch.float32, "cpu"), (torch.float16, "cuda"))
    )
    print([f"{loss:.4f}" for loss in expected], [f"{loss:.4f}" for loss in found])
    assert found == pytest.approx(expected, rel=2e-2)
    assert found[-1] < 0.9 * found[0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_the_host_never_waits_in_a_step(folder: Path, dtype: torch.dtype) -> None:
    """After a step that compiles what it needs; torch raises where the host would wait."""
    model, optimizer = begun(folder, METHODS["lora"], dtype, "cuda")
    steps = train_steps(model, source("cuda"), sft.loss, optimizer, lambda _: 1e-3, range(4))
    next(steps)
    torch.cuda.set_sync_debug_mode("error")
    try:
        reports = [next(steps), next(steps)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(report.loss_sum.isfinite().item() for report in reports)
