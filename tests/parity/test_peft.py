"""PEFT as the second opinion: our folders in its model, its folders in ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from tiny_models import make_model, random_row
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.layout import lay_out
from tunesmith.model.lora import LoraLinear, attach_lora, load_adapter, save_adapter
from tunesmith.recipe import Lora
from tunesmith.train.objectives import sft

IDS = torch.arange(40)[None] * 11 % 320
# PEFT asks for a property that transformers has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def logits(model: torch.nn.Module) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(IDS).logits
    return found


def tuned(architecture: str, method: Lora) -> PreTrainedModel:
    model = make_model(architecture)
    attach_lora(model, method, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLinear):
                layer.lora_b_SOR.copy_(torch.randn(layer.lora_b_SOR.shape, generator=generator) * 0.1)
    return model


@pytest.mark.parametrize("architecture", ["llama", "mistral", "qwen2", "qwen3"])
@pytest.mark.parametrize("targets", [("all-linear",), ("q_proj", "v_proj")])
def test_peft_reads_our_folder(tmp_path: Path, architecture: str, targets: tuple[str, ...]) -> None:
    method = Lora(rank=4, alpha=12.0, targets=targets)
    ours = tuned(architecture, method)
    save_adapter(ours, method, "base", tmp_path)
    theirs = peft.PeftModel.from_pretrained(make_model(architecture, "eager"), tmp_path)
    largest = (logits(ours) - logits(theirs)).abs().max().item()
    print(f"{architecture} {targets}: logits up to {logits(ours).abs().max():.1f}, largest difference {largest:.1e}")
    assert largest < 1e-4
    assert (logits(ours) - logits(make_model(architecture))).abs().max() > 0.1


def test_gradients_are_those_of_peft(tmp_path: Path) -> None:
    method = Lora(rank=4, alpha=12.0)
    ours = tuned("qwen2", method)
    save_adapter(ours, method, "base", tmp_path)
    theirs = peft.PeftModel.from_pretrained(make_model("qwen2", "eager"), tmp_path, is_trainable=True)
    random = np.random.default_rng(3)
    prefix = random.integers(0, 320, 30).tolist()
    rows = [random_row(random, str(n), prefix, 10 + n) for n in range(3)]
    (batch,) = lay_out(rows, 1000, share=True)
    sft.loss(ours, batch).sum.backward()
    for each in rows:
        ids_T = torch.from_numpy(each.ids_T.astype(np.int64))
        losses_T = torch.nn.functional.cross_entropy(theirs(ids_T[None]).logits[0, :-1], ids_T[1:], reduction="none")
        (losses_T * torch.from_numpy(each.weights_T[1:])).sum().backward()
    worst = 0.0
    for name, layer in ours.named_modules():
        if isinstance(layer, LoraLinear):
            twin = theirs.base_model.model.get_submodule(name)
            for found, expected in (
                (layer.lora_a_SRI.grad, twin.lora_A["default"].weight.grad),
                (layer.lora_b_SOR.grad, twin.lora_B["default"].weight.grad),
            ):
                assert found is not None
                worst = max(worst, ((found[0] - expected).norm() / expected.norm()).item())
    print(f"largest relative difference of a gradient: {worst:.1e}")
    assert worst < 1e-5


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "down_proj"], r".*layers\.1.*\.(k|o)_proj"])
def test_we_read_a_folder_of_peft(tmp_path: Path, targets: str | list[str]) -> None:
    config = peft.LoraConfig(r=3, lora_alpha=7, target_modules=targets, task_type="CAUSAL_LM", init_lora_weights=False)
    theirs = peft.get_peft_model(make_model("qwen2", "eager"), config).eval()
    theirs.save_pretrained(tmp_path)
    ours = make_model("qwen2")
    load_adapter(ours, tmp_path)
    largest = (logits(ours) - logits(theirs)).abs().max().item()
    print(f"{targets}: largest difference {largest:.1e}")
    assert largest < 1e-4
    assert (logits(ours) - logits(make_model("qwen2"))).abs().max() > 0.1
