"""LoRA's options against PEFT: the same logits from our folder, the same gradients, its folders in ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import peft
import pytest
import torch
from tiny_models import make_model, random_row
from torch import Tensor, nn
from transformers import PreTrainedModel

from tunesmith.model.layout import lay_out
from tunesmith.model.lora import LoraLinear, attach_lora, load_adapter, save_adapter
from tunesmith.recipe import Lora
from tunesmith.records import Rendered
from tunesmith.train.objectives import sft

IDS = torch.arange(40)[None] * 11 % 320
METHODS = {
    "rslora": Lora(rank=4, alpha=6.0, rslora=True),
    "layers": Lora(rank=4, alpha=12.0, layers=(1, 2)),
    "dora": Lora(rank=4, alpha=12.0, dora=True),
    "all": Lora(rank=4, alpha=6.0, dora=True, rslora=True, layers=(0, 1), targets=("q_proj", "down_proj")),
    "dropout": Lora(rank=4, alpha=12.0, dropout=0.3),
    "dora with dropout": Lora(rank=4, alpha=12.0, dora=True, dropout=0.3),
}
# PEFT asks for a property that transformers has renamed
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")


def base(attention: str = "tunesmith") -> PreTrainedModel:
    return make_model("qwen2", attention, num_hidden_layers=3)


def lora_layers(model: PreTrainedModel) -> dict[str, LoraLinear]:
    return {name: module for name, module in model.named_modules() if isinstance(module, LoraLinear)}


def tuned(method: Lora) -> PreTrainedModel:
    """No part of it as it was at the start."""
    model = base()
    attach_lora(model, method, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for layer in lora_layers(model).values():
            layer.lora_b_SOR.copy_(torch.randn(layer.lora_b_SOR.shape, generator=generator) * 0.1)
            for magnitude_O in layer.magnitudes:
                magnitude_O.mul_(1.0 + 0.2 * torch.rand(magnitude_O.shape, generator=generator))
    return model


def logits(model: nn.Module) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(IDS).logits
    return found


class SameDropout(nn.Module):
    """torch's dropout with the masks that a generator of ours gives."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.empty(x.shape, dtype=torch.bool).bernoulli_(1.0 - self.share)
        return x * kept / (1.0 - self.share)


def same_dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    return SameDropout(p)(x) if p and training else x


@pytest.mark.parametrize("name", sorted(METHODS))
def test_peft_reads_our_folder_and_we_read_it(tmp_path: Path, name: str) -> None:
    ours = tuned(METHODS[name])
    save_adapter(ours, METHODS[name], "base", tmp_path)
    theirs = peft.PeftModel.from_pretrained(base("eager"), tmp_path).eval()
    adapted = {key for key, module in theirs.base_model.model.named_modules() if hasattr(module, "lora_A")}
    assert adapted == set(lora_layers(ours))
    largest = (logits(ours) - logits(theirs)).abs().max().item()
    print(f"{name}: largest difference {largest:.1e}")
    assert largest < 1e-4
    assert (logits(ours) - logits(base())).abs().max() > 0.1
    again = base()
    load_adapter(again, tmp_path)
    assert torch.equal(logits(again), logits(ours))


@pytest.mark.parametrize("name", sorted(METHODS))
def test_gradients_are_those_of_peft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Where inputs are dropped, by the same masks: one row that fills the buffer gives them the same places."""
    method = METHODS[name]
    ours = tuned(method)
    save_adapter(ours, method, "base", tmp_path)
    theirs = peft.PeftModel.from_pretrained(base("eager"), tmp_path, is_trainable=True)
    random = np.random.default_rng(3)
    rows = [random_row(random, "0", [], 64)]
    if method.dropout:
        # eager attention in training mode drops nothing: the configuration's share is 0
        ours.train()
        theirs.train()
        for layer in theirs.modules():
            if isinstance(layer, peft.tuners.lora.LoraLayer):
                layer.lora_dropout["default"] = SameDropout(method.dropout)
        monkeypatch.setattr(nn.functional, "dropout", same_dropout)
    else:
        prefix = random.integers(0, 320, 30).tolist()
        rows = [random_row(random, str(n), prefix, 10 + n) for n in range(3)]
    compare(ours, theirs, rows)


def compare(ours: PreTrainedModel, theirs: peft.PeftModel, rows: list[Rendered]) -> None:
    (batch,) = lay_out(rows, 1000, share=True)
    torch.manual_seed(7)
    found_loss = sft.loss(ours, batch).sum
    found_loss.backward()
    torch.manual_seed(7)
    expected_loss = 0.0
    for each in rows:
        ids_T = torch.from_numpy(each.ids_T.astype(np.int64))
        losses_T = nn.functional.cross_entropy(theirs(ids_T[None]).logits[0, :-1], ids_T[1:], reduction="none")
        loss = (losses_T * torch.from_numpy(each.weights_T[1:])).sum()
        loss.backward()
        expected_loss += loss.item()
    assert found_loss.item() == pytest.approx(expected_loss, rel=1e-5)
    worst = 0.0
    for name, layer in lora_layers(ours).items():
        twin = theirs.base_model.model.get_submodule(name)
        pairs = [(layer.lora_a_SRI, twin.lora_A["default"]), (layer.lora_b_SOR, twin.lora_B["default"])]
        pairs += [(magnitude_O, twin.lora_magnitude_vector["default"]) for magnitude_O in layer.magnitudes]
        for parameter, module in pairs:
            expected = module.weight.grad
            assert parameter.grad is not None
            worst = max(worst, ((parameter.grad.view_as(expected) - expected).norm() / expected.norm()).item())
    print(f"largest relative difference of a gradient: {worst:.1e}")
    assert worst < 1e-5


def test_we_read_a_folder_of_peft(tmp_path: Path) -> None:
    config = peft.LoraConfig(
        r=3,
        lora_alpha=7,
        target_modules=["q_proj", "up_proj"],
        layers_to_transform=[1],
        use_dora=True,
        use_rslora=True,
        lora_dropout=0.2,
        task_type="CAUSAL_LM",
        init_lora_weights=False,
    )
    theirs = peft.get_peft_model(base("eager"), config).eval()
    theirs.save_pretrained(tmp_path)
    ours = base()
    load_adapter(ours, tmp_path)
    assert (logits(ours) - logits(theirs)).abs().max() < 1e-4
    assert (logits(ours) - logits(base())).abs().max() > 0.1
