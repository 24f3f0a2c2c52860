"""What each layer gives beside what it gave in another model."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
from tiny_models import make_model, save_model
from torch import nn
from transformers import PreTrainedModel

from tunesmith.model.gains import gain_errors, probed
from tunesmith.model.load import load_model
from tunesmith.model.lora import LoraLinear
from tunesmith.model.method import begin_method
from tunesmith.recipe import Lora

LAYER = "model.layers.1.mlp.down_proj"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedModel:
    folder = save_model(tmp_path_factory.mktemp("base"), make_model("qwen2"))
    return load_model(folder, dtype=torch.float32, device="cpu")


def test_the_same_model_has_no_error_in_any_layer(model: PreTrainedModel) -> None:
    probes = probed(model)
    linear = {name for name, layer in model.named_modules() if isinstance(layer, nn.Linear | nn.Embedding)}
    assert set(probes) == linear
    assert len(linear) == 2 * 7 + 2
    assert max(gain_errors(model, probes).values()) < 1e-12


@torch.no_grad()
def test_a_scale_and_swapped_rows_stand_out_in_their_layer_alone(model: PreTrainedModel) -> None:
    probes, wrong = probed(model), copy.deepcopy(model)
    wrong.get_submodule(LAYER).weight.mul_(1.02)
    errors = gain_errors(wrong, probes)
    assert errors.pop(LAYER) == pytest.approx(0.02, rel=1e-3)
    assert max(errors.values()) < 1e-12

    weight_OI = wrong.get_submodule(LAYER).weight
    weight_OI.copy_(weight_OI.flip(0) / 1.02)
    assert gain_errors(wrong, probes)[LAYER] > 0.5
    weight_OI[0, 0] = math.nan
    assert math.isnan(gain_errors(wrong, probes)[LAYER])


@torch.no_grad()
def test_rounding_to_eight_bits_averages_out(model: PreTrainedModel) -> None:
    probes, rounded = probed(model), copy.deepcopy(model)
    for layer in rounded.modules():
        if isinstance(layer, nn.Linear | nn.Embedding):
            step_O1 = layer.weight.abs().amax(1, keepdim=True) / 127
            layer.weight.copy_((layer.weight / step_O1).round() * step_O1)
    assert 1e-6 < max(gain_errors(rounded, probes).values()) < 2e-3


@torch.no_grad()
def test_a_low_rank_path_is_seen_as_part_of_its_layer(model: PreTrainedModel, tmp_path: Path) -> None:
    """W x + s B A x beside (W + s B A) x, and beside a merge that forgets s."""
    adapted, merged = copy.deepcopy(model), copy.deepcopy(model)
    begin_method(adapted, Lora(rank=4, alpha=16.0), seed=0)
    generator = torch.Generator().manual_seed(0)
    for name, layer in adapted.named_modules():
        if isinstance(layer, LoraLinear):
            layer.lora_b_SOR.copy_(torch.randn(layer.lora_b_SOR.shape, generator=generator) * 0.1)
            merged.get_submodule(name).weight.add_(layer.scale * layer.lora_b_SOR[0] @ layer.lora_a_SRI[0])
    adapted.eval()
    probes = probed(adapted)
    assert max(gain_errors(merged, probes).values()) < 1e-5
    assert max(gain_errors(model, probes).values()) > 0.02
