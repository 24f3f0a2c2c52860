"""Dropout of LoRA and of layers against the formula with the same mask, and against autograd."""

from __future__ import annotations

import pytest
import torch
from tiny_models import make_model
from torch import nn

from tunesmith.errors import TunesmithError
from tunesmith.model.dropout import attach_dropout
from tunesmith.model.lora import AdapterRouting, LoraLinear
from tunesmith.recipe import Lora


def lora_linear(dropout: float) -> LoraLinear:
    torch.manual_seed(0)
    layer = LoraLinear(nn.Linear(6, 5), Lora(rank=3, alpha=4.0, dropout=dropout), AdapterRouting())
    nn.init.normal_(layer.lora_a_SRI)
    nn.init.normal_(layer.lora_b_SOR)
    return layer.train()


def test_lora_drops_the_inputs_of_a_as_the_formula_and_autograd_say() -> None:
    layer = lora_linear(0.4)
    x = torch.randn(7, 6, requires_grad=True)
    grad = torch.randn(7, 5)
    torch.manual_seed(5)
    found = layer(x)
    found.backward(grad)
    torch.manual_seed(5)
    kept = torch.empty(7, 6, dtype=torch.bool).bernoulli_(0.6)
    assert 0 < kept.sum() < kept.numel()
    twin = x.detach().clone().requires_grad_()
    a, b = (p.detach()[0].clone().requires_grad_() for p in (layer.lora_a_SRI, layer.lora_b_SOR))
    dropped = torch.where(kept, twin / 0.6, 0.0)
    expected = nn.functional.linear(twin, layer.weight, layer.bias) + 4.0 / 3 * dropped @ a.T @ b.T
    expected.backward(grad)
    torch.testing.assert_close(found, expected)
    assert x.grad is not None
    assert layer.lora_a_SRI.grad is not None
    assert layer.lora_b_SOR.grad is not None
    torch.testing.assert_close(x.grad, twin.grad)
    torch.testing.assert_close(layer.lora_a_SRI.grad[0], a.grad)
    torch.testing.assert_close(layer.lora_b_SOR.grad[0], b.grad)


def test_lora_drops_nothing_outside_training() -> None:
    x = torch.randn(7, 6)
    assert torch.equal(lora_linear(0.4).eval()(x), lora_linear(0.0)(x))


def test_the_parts_of_a_layer_drop_their_share_in_training_alone() -> None:
    model = make_model("llama", num_hidden_layers=1)
    ids = torch.arange(40)[None]
    plain = model(ids).logits
    attach_dropout(model, 0.25)
    assert torch.equal(model(ids).logits, plain)
    model.train()
    parts: list[torch.Tensor] = []
    layer = model.base_model.layers[0]
    for module in (layer.self_attn.o_proj, layer.mlp.down_proj):
        module.register_forward_hook(lambda _module, inputs, output: parts.append((inputs[0], output)))
    model(ids)
    for module, (inputs, output) in zip((layer.self_attn.o_proj, layer.mlp.down_proj), parts, strict=True):
        whole = nn.functional.linear(inputs, module.weight)
        share = (output == 0).float().mean().item()
        assert share == pytest.approx(0.25, abs=0.04)
        torch.testing.assert_close(output[output != 0], (whole / 0.75)[output != 0])


def test_a_model_without_such_layers_is_refused() -> None:
    with pytest.raises(TunesmithError) as failure:
        attach_dropout(nn.Linear(2, 2), 0.1)
    assert failure.value.code == "dropout-no-layers"
