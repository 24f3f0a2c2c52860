"""Compiled layers compute what they did, and equal layers are compiled once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from flat_rows import three_levels
from tiny_models import make_model, save_model
from torch import Tensor
from torch._dynamo.utils import counters

from tunesmith.model.compile import compile_layers
from tunesmith.model.load import load_model
from tunesmith.model.method import begin_method
from tunesmith.recipe import Full, Lora, Method
from tunesmith.train.objectives import sft
from tunesmith.train.source import LayoutSettings, micro_batches

ROWS = three_levels(np.random.default_rng(0))
METHODS: dict[str, Method] = {"full": Full(), "lora": Lora(rank=4)}


def loss_and_gradient(folder: Path, method: Method, *, compiled: bool) -> Tensor:
    model = load_model(folder, dtype=torch.float32, device="cpu")
    begin_method(model, method, seed=1)
    if compiled:
        compile_layers(model, backend="aot_eager")
    torch.manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_b" in name:  # it starts at 0, and A's gradient with it
                parameter.copy_(0.1 * torch.randn_like(parameter))
    total = torch.zeros(())
    for batch in micro_batches(ROWS, LayoutSettings(200, True, "cpu")):
        loss = sft.loss(model, batch)
        loss.sum.backward()
        total += loss.sum.detach()
    grads = [parameter.grad.flatten() for parameter in model.parameters() if parameter.grad is not None]
    return torch.cat([total.view(1), *grads])


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("method", METHODS)
def test_loss_and_gradient_stay_and_layers_share_what_is_compiled(tmp_path: Path, method: str) -> None:
    num_graphs = []
    for num_layers in (2, 4):
        folder = save_model(tmp_path / str(num_layers), make_model("qwen3", num_hidden_layers=num_layers))
        plain = loss_and_gradient(folder, METHODS[method], compiled=False)
        torch.compiler.reset()
        counters.clear()
        found = loss_and_gradient(folder, METHODS[method], compiled=True)
        num_graphs.append(counters["stats"]["unique_graphs"])
        assert found.shape == plain.shape
        difference = ((found - plain).norm() / plain.norm()).item()
        print(f"{method}, {num_layers} layers: {num_graphs[-1]} graphs, difference {difference:.1e}")
        assert difference < 1e-5
    # the first layer's input has no gradient under LoRA: it is compiled apart
    assert 0 < num_graphs[0] == num_graphs[1]
