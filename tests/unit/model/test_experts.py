"""Routed experts: LoRA on each against a loop over tokens, and the tokens that each gets against a count by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_models import MIXTURES, make_model, random_row
from torch import Tensor, nn
from transformers import PreTrainedModel

from tunesmith.model.experts import ExpertLinear, LoraExperts, counted_experts
from tunesmith.model.layout import lay_out
from tunesmith.model.load import hidden_states
from tunesmith.recipe import Lora

BATCH = lay_out([random_row(np.random.default_rng(n), str(n), [], 45) for n in (0, 1)], 1000, share=True)[0]
"""90 tokens of two rows, and filler behind them."""


def adapted_experts(rank: int, dropout: float = 0.0) -> tuple[LoraExperts, nn.Module]:
    """With random B, and what they were made from."""
    base = make_model("qwen2_moe").get_submodule("model.layers.0.mlp.experts")
    experts = LoraExperts(base, Lora(rank=rank, alpha=6.0, dropout=dropout))
    generator = torch.Generator().manual_seed(3)
    experts.initialise(generator)
    with torch.no_grad():
        for layer in (experts.gate_up_proj, experts.down_proj):
            layer.lora_b_EOR.normal_(0.0, 0.3, generator=generator)
    return experts.eval(), base


def routed() -> tuple[Tensor, Tensor, Tensor]:
    """States of 30 tokens, their experts (none to number 2) and weights."""
    generator = torch.Generator().manual_seed(1)
    x_TH = torch.randn(30, 64, generator=generator, requires_grad=True)
    experts_TK = torch.stack([torch.arange(30) % 2, 1 + 2 * (torch.arange(30) % 5 > 0)], dim=1)
    experts_TK[:, 1] = torch.where(experts_TK[:, 0] == experts_TK[:, 1], 3, experts_TK[:, 1])
    return x_TH, experts_TK, torch.rand(30, 2, generator=generator)


def token_by_token(
    experts: LoraExperts, base: nn.Module, rank: int, x_TH: Tensor, experts_TK: Tensor, weights_TK: Tensor
) -> Tensor:
    """W + alpha / rank * B A of each expert, multiplied out."""

    def merged(layer: ExpertLinear, weight_EOI: Tensor) -> list[Tensor]:
        return [
            weight_OI + 6.0 / rank * b_OR @ a_RI
            for weight_OI, a_RI, b_OR in zip(weight_EOI, layer.lora_a_ERI, layer.lora_b_EOR, strict=True)
        ]

    gate_up = merged(experts.gate_up_proj, base.get_parameter("gate_up_proj"))
    down = merged(experts.down_proj, base.get_parameter("down_proj"))
    rows = []
    for x_H, numbers, weights in zip(x_TH, experts_TK.tolist(), weights_TK, strict=True):
        parts = []
        for number, weight in zip(numbers, weights, strict=True):
            gate, up = (gate_up[number] @ x_H).split(48)
            parts.append(weight * (down[number] @ (gate * torch.sigmoid(gate) * up)))
        rows.append(torch.stack(parts).sum(dim=0))
    return torch.stack(rows)


@pytest.mark.thorough
@pytest.mark.parametrize("rank", [3, 8])
def test_each_expert_has_a_path_of_its_own(rank: int) -> None:
    experts, base = adapted_experts(rank)
    x_TH, experts_TK, weights_TK = routed()
    found = experts(x_TH, experts_TK, weights_TK)
    expected = token_by_token(experts, base, rank, x_TH, experts_TK, weights_TK)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    trained = [x_TH, *(p for p in experts.parameters() if p.requires_grad)]
    upstream = torch.randn(found.shape, generator=torch.Generator().manual_seed(2))
    for ours, theirs in zip(
        torch.autograd.grad(found, trained, upstream), torch.autograd.grad(expected, trained, upstream), strict=True
    ):
        assert (ours - theirs).norm() < 1e-5 * theirs.norm()
    # nobody was sent to number 2
    assert all(not p[2].any() for p in torch.autograd.grad(experts(*routed()).sum(), trained[1:]))


def test_it_starts_as_the_experts_it_stands_for() -> None:
    base = make_model("qwen2_moe").get_submodule("model.layers.0.mlp.experts")
    experts = LoraExperts(base, Lora(rank=4))
    experts.initialise(torch.Generator().manual_seed(0))
    x_TH, experts_TK, weights_TK = routed()
    torch.testing.assert_close(experts(x_TH, experts_TK, weights_TK), base(x_TH, experts_TK, weights_TK))
    a_ERI = experts.down_proj.lora_a_ERI
    assert 0.95 < a_ERI.abs().max() * 48**0.5 <= 1.0
    assert len({tuple(a_RI.flatten().tolist()) for a_RI in a_ERI}) == 4


def test_dropout_drops_inputs_of_the_path_alone_and_only_in_training() -> None:
    experts, _ = adapted_experts(4, dropout=0.5)
    layer, x_NI = experts.gate_up_proj, torch.ones(4, 64)
    ends_E = torch.tensor([1, 2, 3, 4], dtype=torch.int32)
    whole_NO = layer(x_NI, ends_E)
    layer.train()
    torch.manual_seed(0)
    found_NO = layer(x_NI, ends_E)
    torch.manual_seed(0)
    dropped_NI = nn.functional.dropout(x_NI, 0.5)
    for number in range(4):
        path_OI = 6.0 / 4 * layer.lora_b_EOR[number] @ layer.lora_a_ERI[number]
        expected = layer.weight[number] @ x_NI[number] + path_OI @ dropped_NI[number]
        torch.testing.assert_close(found_NO[number], expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found_NO, whole_NO)


def chosen_by_hand(architecture: str, x_TH: NDArray[Any], weight_EH: NDArray[Any]) -> NDArray[np.int64]:
    """(T, 2) experts: the two likeliest; DeepSeek's only those of the group whose best two add up to more."""
    logits_TE = x_TH @ weight_EH.T
    if architecture == "deepseek_v3":  # two groups of two
        scores_TE = 1.0 / (1.0 + np.exp(-logits_TE))
        is_first_T = scores_TE[:, :2].sum(1) > scores_TE[:, 2:].sum(1)
        return np.where(is_first_T[:, None], [0, 1], [2, 3])
    return np.argsort(-logits_TE, axis=1)[:, :2]


@torch.no_grad()
def states_and_counts(model: PreTrainedModel) -> tuple[dict[str, Tensor], dict[str, list[int]]]:
    """What each router reads of the rows' tokens, and the counts."""
    states: dict[str, Tensor] = {}
    places = np.concatenate(BATCH.places_R)
    for name, module in model.named_modules():
        if name.endswith(".mlp.gate"):
            number = name.split(".")[2]
            module.register_forward_pre_hook(
                lambda _, inputs, n=number: states.__setitem__(n, inputs[0].view(-1, 64)[places])
            )
    with counted_experts(model, [BATCH]) as counts:
        hidden_states(model, BATCH)
    hidden_states(model, BATCH)  # counts no more
    return states, {layer: counts_E.tolist() for layer, counts_E in counts.items()}


@pytest.mark.parametrize("architecture", sorted(MIXTURES))
def test_every_token_is_counted_for_the_experts_it_is_sent_to(architecture: str) -> None:
    model = make_model(architecture)
    for name, buffer in model.named_buffers():
        assert not name.endswith("e_score_correction_bias") or not buffer.any()
    states, found = states_and_counts(model)
    assert list(found) == (["0", "1"] if architecture == "qwen2_moe" else ["1"])
    for layer, counts in found.items():
        weight_EH = model.get_parameter(f"model.layers.{layer}.mlp.gate.weight").detach().numpy()
        chosen_TK = chosen_by_hand(architecture, states[layer].numpy(), weight_EH)
        assert counts == np.bincount(chosen_TK.flatten(), minlength=4).tolist()
        assert sum(counts) == 2 * 90
        assert len(set(counts)) > 1


def test_a_dense_model_has_nothing_to_count() -> None:
    with counted_experts(make_model("qwen2"), [BATCH]) as counts:
        assert counts == {}
