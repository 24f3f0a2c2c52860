"""QLoRA against PEFT: over transformers' own base in 4 bits, and over the base as it was published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from flat_rows import plain
from tiny_models import make_model, random_row, save_model
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel

from tunesmith.model.layout import lay_out
from tunesmith.model.load import load_model
from tunesmith.model.lora import LoraLinear
from tunesmith.model.method import begin_method, load_method, save_method
from tunesmith.recipe import Lora
from tunesmith.train.objectives import sft

IDS = torch.arange(40)[None] * 11 % 320
METHODS = {"plain": Lora(name="qlora", rank=4, alpha=12.0), "dora": Lora(name="qlora", rank=4, alpha=12.0, dora=True)}
NF4 = BitsAndBytesConfig(
    load_in_4bit=True,
    bnb_4bit_quant_type="nf4",
    bnb_4bit_use_double_quant=True,
    bnb_4bit_compute_dtype=torch.float32,
)
# PEFT asks for a property that transformers has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base"), make_model("qwen2"))


def tuned(folder: Path, method: Lora) -> PreTrainedModel:
    model = load_model(folder, dtype=torch.float32, device="cpu", four_bit=True)
    begin_method(model, method, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, LoraLinear):
                layer.lora_b_SOR.copy_(torch.randn(layer.lora_b_SOR.shape, generator=generator) * 0.1)
    return model


def logits(model: nn.Module) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(IDS).logits
    return found


def largest_difference(ours: nn.Module, theirs: nn.Module) -> float:
    found, expected = logits(ours), logits(theirs)
    return ((found - expected).abs().max() / max(1.0, expected.abs().max())).item()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_over_a_base_in_four_bits_logits_and_gradients_are_those_of_peft(
    folder: Path, tmp_path: Path, name: str
) -> None:
    ours = tuned(folder, METHODS[name])
    save_method(ours, METHODS[name], "base", tmp_path)
    base = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=NF4, dtype=torch.float32, attn_implementation="eager"
    )
    # in evaluation the library computes in bf16 on some CPUs; there is no dropout
    theirs = peft.PeftModel.from_pretrained(base, tmp_path, is_trainable=True).train()
    assert largest_difference(ours, theirs) < 1e-5
    random = np.random.default_rng(3)
    rows = [random_row(random, str(n), [], 20 + n) for n in range(3)]
    (batch,) = lay_out(rows, 1000, share=True)
    sft.loss(ours, batch).sum.backward()
    plain(theirs, rows)
    worst = 0.0
    for path, layer in ours.named_modules():
        if isinstance(layer, LoraLinear):
            twin = theirs.base_model.model.get_submodule(path)
            for parameter, module in ((layer.lora_a_SRI, twin.lora_A), (layer.lora_b_SOR, twin.lora_B)):
                expected = module["default"].weight.grad
                assert parameter.grad is not None
                worst = max(worst, ((parameter.grad[0] - expected).norm() / expected.norm()).item())
    print(f"{name}: gradient {worst:.1e}")
    assert worst < 1e-5


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_adapter_fits_the_base_as_it_was_published(folder: Path, tmp_path: Path, name: str) -> None:
    trained = tuned(folder, METHODS[name])
    save_method(trained, METHODS[name], "base", tmp_path)
    theirs = peft.PeftModel.from_pretrained(make_model("qwen2", "eager"), tmp_path).eval()
    ours = load_model(folder, dtype=torch.float32, device="cpu")
    load_method(ours, tmp_path)
    assert largest_difference(ours, theirs) < 1e-5
    again = load_model(folder, dtype=torch.float32, device="cpu", four_bit=True)
    load_method(again, tmp_path)
    assert torch.equal(logits(again), logits(trained))
    assert largest_difference(trained, theirs) > 1e-3  # four bits are not the base
