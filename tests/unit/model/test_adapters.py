"""Several adapters beside one base against each of them alone, attached as training attaches it."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_material import make_adapter
from tiny_bases import make_gpt2
from tiny_models import make_model
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.errors import TunesmithError
from tunesmith.model.adapters import EVERYWHERE, Adapters
from tunesmith.model.fuse import fuse
from tunesmith.model.layout import lay_out
from tunesmith.model.load import hidden_states
from tunesmith.model.lora import BASE_ONLY
from tunesmith.model.method import begin_method, load_method, save_method
from tunesmith.recipe import Lora, Prompt
from tunesmith.records import Rendered

START = 4
"""Tokens of no row, which fill the flat buffer up to 64, come first."""
METHODS = (Lora(rank=4, alpha=6.0), Lora(rank=3, alpha=9.0, targets=("q_proj", "down_proj"), dora=True, rslora=True))


def make(architecture: str) -> PreTrainedModel:
    model = make_gpt2(seed=1) if architecture == "gpt2" else make_model(architecture, seed=1)
    fuse(model)
    return model


def states(model: PreTrainedModel) -> Tensor:
    """(60, 64) of three rows of 20 tokens."""
    ids_RT = np.random.default_rng(0).integers(5, 300, (3, 20)).astype(np.int32)
    rows = [Rendered(str(n), ids_T, np.zeros(20, np.float32)) for n, ids_T in enumerate(ids_RT)]
    (batch,) = lay_out(rows, 1000, share=False)
    assert [places_T[0] for places_T in batch.places_R] == [START, START + 20, START + 40]
    with torch.no_grad():
        return hidden_states(model, batch)[START:]


def alone(model: PreTrainedModel, folder: Path) -> Tensor:
    adapted = deepcopy(model)
    load_method(adapted, folder)
    return states(adapted)


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", ["qwen2", "gpt2", "qwen2_moe"])
def test_each_stretch_has_its_own_adapter(architecture: str, tmp_path: Path) -> None:
    model = make(architecture)
    methods = {
        "qwen2": METHODS,
        "gpt2": (METHODS[0], Lora(rank=2, alpha=5.0, targets=("c_attn",))),
        "qwen2_moe": (METHODS[0], Lora(rank=2, alpha=5.0, targets=("experts", "q_proj"))),
    }[architecture]
    folders = [make_adapter(model, tmp_path / str(n), method, n) for n, method in enumerate(methods)]
    base, names = states(model), dict(model.named_modules()).keys()
    expected = [alone(model, folder) for folder in folders]
    assert not any(torch.allclose(each, base, atol=1e-2) for each in expected)
    adapters = Adapters(model)
    for number, folder in enumerate(folders):
        adapters.load(number, folder)
    for number, whole in ((0, expected[0]), (1, expected[1]), (BASE_ONLY, base)):
        with adapters.using(number):
            assert torch.equal(states(model), whole)
    adapters.use([(0, START + 20, 1), (START + 20, START + 40, BASE_ONLY), (START + 40, EVERYWHERE, 0)])
    mixed = states(model)
    torch.testing.assert_close(mixed[:20], expected[1][:20], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(mixed[20:40], base[20:40], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(mixed[40:], expected[0][40:], rtol=1e-4, atol=1e-4)
    adapters.drop(0)
    with adapters.using(1):
        assert torch.equal(states(model), expected[1])
    adapters.drop(1)
    assert dict(model.named_modules()).keys() == names
    with adapters.using(BASE_ONLY):
        assert torch.equal(states(model), base)


def test_what_does_not_fit_is_refused_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    model = make("qwen2")
    base = states(model)
    adapters = Adapters(model)
    adapters.load(0, make_adapter(model, tmp_path / "good", METHODS[0], 0))
    wider = make_adapter(make_model("llama"), tmp_path / "wider", METHODS[0], 0)
    prompt = deepcopy(model)
    begin_method(prompt, Prompt(virtual_tokens=3), 0)
    save_method(prompt, Prompt(virtual_tokens=3), "base", tmp_path / "prompt")
    strange = make_adapter(model, tmp_path / "strange", METHODS[0], 0)
    config = json.loads((strange / "adapter_config.json").read_text())
    (strange / "adapter_config.json").write_text(json.dumps({**config, "bias": "all"}))
    damaged = make_adapter(model, tmp_path / "damaged", METHODS[0], 0)
    (damaged / "adapter_model.safetensors").write_bytes(b"\x00" * 30)
    (tmp_path / "empty").mkdir()
    names = dict(model.named_modules()).keys()
    for folder in (wider, tmp_path / "prompt", strange, damaged, tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(TunesmithError) as failure:
            adapters.load(1, folder)
        assert failure.value.code == "adapter-misfit", folder
        assert dict(model.named_modules()).keys() == names
    with adapters.using(BASE_ONLY):
        assert torch.equal(states(model), base)
    with adapters.using(0):
        assert torch.equal(states(model), alone(make("qwen2"), tmp_path / "good"))
