"""Dropout of LoRA, of layers and of attention against the formula with the same mask, and against autograd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_bases import ENCODERS, make_encoder, make_gpt2, save_base
from tiny_models import MIXTURES, VOCABULARY, make_model, random_row, save_model
from torch import nn

from tunesmith.artifacts.head import Head
from tunesmith.errors import TunesmithError
from tunesmith.model.attention import attend_flat
from tunesmith.model.dropout import attach_dropout, set_attention_dropout, silence_dropout
from tunesmith.model.layout import lay_out
from tunesmith.model.load import hidden_states, load_model
from tunesmith.model.lora import AdapterRouting, LoraLinear, attach_lora
from tunesmith.model.score import load_with_head
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


@pytest.mark.parametrize("architecture", sorted(MIXTURES))
@pytest.mark.parametrize("adapts_experts", [False, True])
def test_what_a_mixture_puts_out_is_dropped_as_a_whole(architecture: str, adapts_experts: bool) -> None:
    """Against the sum of routed and shared experts as the same layer computes it outside training."""
    model = make_model(architecture)
    if adapts_experts:
        attach_lora(model, Lora(targets=("o_proj", "experts")), seed=0)
    mixture = model.base_model.layers[1].mlp
    x = torch.randn(1, 50, 64, generator=torch.Generator().manual_seed(0))
    whole = mixture(x)
    attach_dropout(model, 0.25)
    assert torch.equal(mixture(x), whole)
    model.train()
    torch.manual_seed(5)
    found = mixture(x)
    torch.manual_seed(5)
    kept = torch.empty(1, 50, 64, dtype=torch.bool).bernoulli_(0.75)
    torch.testing.assert_close(found, torch.where(kept, whole / 0.75, 0.0))
    model(torch.arange(40)[None])  # the whole model computes too


def test_a_model_without_such_layers_is_refused() -> None:
    with pytest.raises(TunesmithError) as failure:
        attach_dropout(nn.Linear(2, 2), 0.1)
    assert failure.value.code == "dropout-no-layers"


def states(num_tokens: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Queries of four heads, keys and values of two."""
    generator = torch.Generator().manual_seed(3)
    shapes = [(num_tokens, heads, 16) for heads in (4, 2, 2)]
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("num_tokens", [64, 320])
def test_attention_drops_weights_as_the_formula_and_autograd_say(num_tokens: int) -> None:
    """One document without filling, short or long; head 2 k + g is query head g of key head k."""
    (batch,) = lay_out([random_row(np.random.default_rng(0), "0", [], num_tokens)], 1000, share=True)
    ours, theirs = states(num_tokens), states(num_tokens)
    grad = torch.randn(num_tokens, 4, 16)
    torch.manual_seed(5)
    found = attend_flat(ours[0], ours[1], ours[2], batch.attention, 0.25, 0.3)
    found.backward(grad)
    torch.manual_seed(5)
    kept_HTT = torch.empty(2, 2 * num_tokens, num_tokens).bernoulli_(0.7).view(4, num_tokens, num_tokens)
    query, key, value = theirs
    scores_HTT = 0.25 * torch.einsum("thd,uhd->htu", query, key.repeat_interleave(2, 1))
    later = torch.ones(num_tokens, num_tokens, dtype=torch.bool).triu(1)
    weights_HTT = scores_HTT.masked_fill(later, -torch.inf).softmax(-1) * kept_HTT / 0.7
    expected = torch.einsum("htu,uhd->thd", weights_HTT, value.repeat_interleave(2, 1))
    expected.backward(grad)
    torch.testing.assert_close(found, expected)
    for one, other in zip(ours, theirs, strict=True):
        assert one.grad is not None
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)


def test_attentions_gradient_is_that_of_finite_differences_with_padding_and_shared_beginnings() -> None:
    random = np.random.default_rng(0)
    prefix = random.integers(0, VOCABULARY, 20).tolist()
    rows = [random_row(random, str(n), prefix, num) for n, num in enumerate((3, 9, 9))]
    (batch,) = lay_out(rows, 1000, share=True)
    assert any(group.is_padded or group.ancestors_A.numel() for group in batch.attention.groups)

    def attended(*of_tokens: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(7)
        return attend_flat(of_tokens[0], of_tokens[1], of_tokens[2], batch.attention, 0.25, 0.3)

    assert torch.autograd.gradcheck(attended, states(batch.num_tokens, torch.float64), fast_mode=True)


@pytest.mark.thorough
def test_attention_with_dropout_is_on_average_attention_without() -> None:
    random = np.random.default_rng(0)
    rows = [random_row(random, str(n), [], num) for n, num in enumerate((5, 30, 29))]
    (batch,) = lay_out(rows, 1000, share=True)
    query, key, value = (tensor.detach() for tensor in states(batch.num_tokens))
    torch.manual_seed(0)
    draws = torch.stack([attend_flat(query, key, value, batch.attention, 0.25, 0.4) for _ in range(200)])
    exact = attend_flat(query, key, value, batch.attention, 0.25)
    errors = (draws.mean(0) - exact) / (draws.std(0) / 200**0.5)
    assert errors.abs().max() < 6
    assert errors.square().mean().item() == pytest.approx(1.0, abs=0.25)


@pytest.mark.parametrize("architecture", ["qwen3", "llama with a head", "deepseek_v3", "gpt2", *ENCODERS])
def test_a_model_drops_attention_in_training_alone(tmp_path: Path, architecture: str) -> None:
    """All but the first two attend by transformers' modules; a base's own setting is turned off."""
    if architecture == "llama with a head":
        folder = save_model(tmp_path, make_model("llama", attention_dropout=0.5))
        head = Head(kind="classification", classes=("no", "yes"))
        model = load_with_head(folder, head, dtype=torch.float32, device="cpu")
    elif architecture in ENCODERS:
        model = make_encoder(architecture).eval()
        silence_dropout(model)
    elif architecture == "gpt2":
        model = load_model(save_base(tmp_path, make_gpt2()), dtype=torch.float32, device="cpu")
    else:
        folder = save_model(tmp_path, make_model(architecture, attention_dropout=0.5))
        model = load_model(folder, dtype=torch.float32, device="cpu")
    row = random_row(np.random.default_rng(0), "0", [], 40)
    (batch,) = lay_out([row], 1000, share=True, is_causal=architecture not in ENCODERS)
    with torch.no_grad():
        plain = hidden_states(model, batch)
        assert torch.equal(hidden_states(model.train(), batch), plain)
        set_attention_dropout(model, 0.3)
        first, second = hidden_states(model, batch), hidden_states(model, batch)
        assert not torch.allclose(first, plain)
        assert not torch.allclose(first, second)
        assert torch.equal(hidden_states(model.eval(), batch), plain)
