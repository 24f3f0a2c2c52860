"""Which base an arm is judged over: that which it was trained on, and the base alone as it is under the tuned model."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tiny_models import make_model, save_model
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.evaluate.asked import sources_of
from tunesmith.model.base import find_base
from tunesmith.model.four_bit import FourBitLinear, FourBitWeight
from tunesmith.model.load import load_model, ready_models
from tunesmith.model.lora import LoraLinear
from tunesmith.model.method import begin_method, save_method
from tunesmith.recipe import Lora

pytestmark = pytest.mark.thorough  # what packs a base takes seconds to import


def is_packed(model: PreTrainedModel) -> bool:
    """Of all matrices of its layers, adapted or not."""
    layers = [module for module in model.modules() if isinstance(module, FourBitLinear | LoraLinear)]
    found = {isinstance(layer.weight, FourBitWeight) for layer in layers}
    assert len(found) < 2
    return found == {True}


def logits(model: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(torch.arange(30)[None]).logits
    return found


def test_each_arm_has_the_base_it_was_trained_on(tmp_path: Path) -> None:
    base = find_base(str(save_model(tmp_path / "base", make_model("qwen2"))))
    trained = load_model(base.folder, dtype=torch.float32, device="cpu", four_bit=True)
    begin_method(trained, Lora(name="qlora", rank=2), seed=0)
    save_method(trained, Lora(name="qlora", rank=2), "base", tmp_path / "adapter")

    def tuned(four_bit: bool) -> Any:
        payload = tmp_path / "adapter"
        return SimpleNamespace(is_four_bit=four_bit, head=lambda: None, form="adapter", payload=payload)

    for under_tuned in (False, True):
        models = {"tuned": tuned(under_tuned), "whole": tuned(False), "packed": tuned(True)}
        section: Any = SimpleNamespace(arms=("base", "tuned"))
        evaluation: Any = SimpleNamespace(base=base, base_of=lambda _: base, models=models, section=section)
        evaluation.untuned = lambda: {"base": base}
        packed: dict[str, bool] = {}
        of_packed: list[Tensor] = []
        for name, model in ready_models(sources_of(evaluation), dtype=torch.float32, device="cpu"):
            packed[name] = is_packed(model)
            of_packed += [logits(model)] if name == "packed" else []
        assert packed == {"base": under_tuned, "tuned": under_tuned, "whole": False, "packed": True}
        assert torch.equal(of_packed[0], logits(trained))
