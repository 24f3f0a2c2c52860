"""A pruned base's tuned model in every form: sizes that are no longer those of its kind, and zeros that are filled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from export_material import certified, exporting, tuned_model
from gguf import GGUFReader
from safetensors.torch import load_file
from tiny_models import make_model, save_model
from transformers import AutoModelForCausalLM

from tunesmith.artifacts.bundle import Bundle
from tunesmith.errors import TunesmithError
from tunesmith.export.gguf import FILE
from tunesmith.export.run import export
from tunesmith.model.base import Base, find_base
from tunesmith.model.changes import WEIGHTS, make_changed
from tunesmith.model.fits import linear_names, weight_shapes
from tunesmith.model.form import load_form
from tunesmith.model.load import load_model
from tunesmith.model.method import attached
from tunesmith.recipe import Lora
from tunesmith.recipe.bases import Changes
from tunesmith.runtime import Runtime, Silent

IDS = torch.arange(40)[None] * 11 % 320
LORA = Lora(rank=4, alpha=12.0)
PLAIN_ROPE = {"rope_type": "default", "rope_theta": 10000.0}


class Told(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def say(self, key: str, level: Any = "info", **parameters: Any) -> None:
        self.said.append((key, parameters))


def pruned(folder: Path, architecture: str, **prune: Any) -> Base:
    rope = {"rope_parameters": PLAIN_ROPE} if architecture == "llama" else {}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    base = find_base(str(save_model(folder / "whole", make_model(architecture, **rope, **heads))))
    make_changed(base, Changes.model_validate({"prune": prune}), folder / "made")
    return find_base(str(folder / "made" / WEIGHTS))


def shipped(folder: Path, base: Base, runtime: Runtime, forms: list[str], told: Told) -> Bundle:
    tuned = tuned_model(folder / "tuned", base, LORA)
    what = exporting(folder, str(base.folder), tuned, export={"forms": forms})
    return export(what, runtime=runtime, progress=told, out=folder / "out", certify=certified())


@pytest.mark.thorough
def test_every_form_of_a_model_with_fewer_heads_and_neurons_answers_alike(tmp_path: Path, runtime: Runtime) -> None:
    base = pruned(tmp_path, "llama", heads=0.5, neurons=0.4)
    told = Told()
    bundle = shipped(tmp_path, base, runtime, ["adapter", "merged", "int8", "gguf"], told)
    assert told.said == []
    judged = load_model(base.folder, dtype=torch.float32, device="cpu")
    with torch.no_grad(), attached(judged, bundle.folder / "adapter"):
        expected = judged(IDS).logits
    merged = AutoModelForCausalLM.from_pretrained(bundle.folder / "merged").eval()
    read = AutoModelForCausalLM.from_pretrained(bundle.folder / "gguf", gguf_file=FILE, dtype=torch.float32).eval()
    int8 = load_form(bundle.folder, bundle.body, "int8", dtype=torch.float32, device="cpu")
    with torch.no_grad():
        torch.testing.assert_close(merged(IDS).logits, expected, atol=1e-4, rtol=1e-4)
        # 8 bits: close, and closer than anything else would be
        assert (read(IDS).logits - expected).abs().mean() < 0.05 * expected.abs().mean()
        assert (int8(IDS).logits - expected).abs().mean() < 0.05 * expected.abs().mean()
    fields = {name: field.contents() for name, field in GGUFReader(bundle.folder / "gguf" / FILE).fields.items()}
    assert (fields["llama.attention.head_count"], fields["llama.attention.head_count_kv"]) == (2, 2)
    assert (fields["llama.attention.key_length"], fields["llama.feed_forward_length"]) == (32, 64)


@pytest.mark.thorough
def test_qwen2_with_fewer_heads_is_no_gguf(tmp_path: Path, runtime: Runtime) -> None:
    """llama.cpp reads its queries as wide as the hidden state."""
    base = pruned(tmp_path, "qwen2", heads=0.5)
    with pytest.raises(TunesmithError) as refused:
        shipped(tmp_path, base, runtime, ["gguf"], Told())
    assert refused.value.code == "form-setting"
    assert "num_attention_heads" in str(refused.value)


@pytest.mark.thorough
def test_zeros_that_an_adapter_fills_are_counted(tmp_path: Path, runtime: Runtime) -> None:
    base = pruned(tmp_path, "qwen2", weights=0.5)
    told = Told()
    bundle = shipped(tmp_path, base, runtime, ["merged", "int8", "gguf"], told)
    names = {f"{name}.weight" for name in linear_names(weight_shapes(base.folder))}
    tensors = load_file(bundle.folder / "merged" / "model.safetensors")
    num_zeros, num = (sum(f(tensors[name]) for name in names) for f in (lambda t: int((t == 0).sum()), torch.numel))
    ((key, parameters),) = told.said
    assert (key, parameters["before"]) == ("say.export-filled", "50.0%")
    assert parameters["after"] == f"{num_zeros / num:.1%}" == "0.0%"


@pytest.mark.thorough
def test_of_an_adapter_alone_nothing_is_said(tmp_path: Path, runtime: Runtime) -> None:
    told = Told()
    shipped(tmp_path, pruned(tmp_path, "qwen2", weights=0.5), runtime, ["adapter"], told)
    assert told.said == []
