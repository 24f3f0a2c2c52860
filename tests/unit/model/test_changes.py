"""A base with other layers or another activation, against transformers' own model put together by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tiny_bases import make_encoder, make_gpt2, save_base
from tiny_models import make_model, save_model
from torch import Tensor
from transformers import AutoModel, AutoModelForCausalLM, PreTrainedModel
from transformers.activations import ACT2FN

from tunesmith.errors import TunesmithError
from tunesmith.model.base import Base, find_base
from tunesmith.model.changes import WEIGHTS, layers_after, make_changed
from tunesmith.recipe.bases import Changes

IDS = torch.arange(5, 45)[None]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Base]:
    """Four layers each; the weights of one lie in two files."""
    made = {}
    for name in ("qwen3", "gpt2", "bert", "distilbert", "qwen2_moe"):
        folder = tmp_path_factory.mktemp(name)
        if name == "gpt2":
            save_base(folder, make_gpt2(n_layer=4))
        elif name in ("bert", "distilbert"):
            save_base(folder, make_encoder(name, **({"n_layers" if name == "distilbert" else "num_hidden_layers": 4})))
        else:
            model = make_model(name, num_hidden_layers=4)
            save_model(folder, model)
            if name == "qwen3":
                (folder / "model.safetensors").unlink()
                model.save_pretrained(folder, max_shard_size="200KB")
                assert len(list(folder.glob("*.safetensors"))) > 1
        made[name] = find_base(str(folder))
    return made


def read(folder: Path) -> PreTrainedModel:
    model_type = find_base(str(folder)).model_type
    kind = AutoModel if model_type in ("bert", "distilbert") else AutoModelForCausalLM
    model: PreTrainedModel = kind.from_pretrained(folder)
    return model.eval()


@torch.no_grad()
def said(model: PreTrainedModel) -> Tensor:
    found: Tensor = model(input_ids=IDS)[0]
    return found


def changed(base: Base, out: Path, **changes: object) -> PreTrainedModel:
    make_changed(base, Changes.model_validate(changes), out)
    return read(out / WEIGHTS)


def layers(model: PreTrainedModel) -> torch.nn.ModuleList:
    names = ("base_model.layers", "base_model.h", "base_model.encoder.layer", "base_model.transformer.layer")
    modules = dict(model.named_modules())
    prefix = next(name for name, module in modules.items() if module is model.base_model)
    for name in names:
        found = modules.get(name.replace("base_model", prefix).removeprefix("."))
        if found is not None:
            assert isinstance(found, torch.nn.ModuleList)
            return found
    raise AssertionError


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["qwen3", "gpt2", "bert", "distilbert"])
def test_the_layers_that_stay_are_the_bases(bases: dict[str, Base], tmp_path: Path, name: str) -> None:
    model = changed(bases[name], tmp_path / "kept", keep_layers=[0, "2-3"])
    same = changed(bases[name], tmp_path / "dropped", drop_layers=[1])
    by_hand = read(bases[name].folder)
    assert not torch.allclose(said(model), said(by_hand), atol=0.1)
    del layers(by_hand)[1]
    assert torch.equal(said(model), said(by_hand))
    assert torch.equal(said(same), said(model))
    assert model.config.num_hidden_layers == 3


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
def test_added_layers_answer_as_before_to_the_bit(bases: dict[str, Base], tmp_path: Path, name: str) -> None:
    model = changed(bases[name], tmp_path / "made", add_layers=[0, 3, 3])
    plain = read(bases[name].folder)
    assert model.config.num_hidden_layers == 7 == len(layers(model))
    assert torch.equal(said(model), said(plain))
    # they can learn: the matrices that are not 0 are those of the layer before
    copy, source = layers(model)[1].state_dict(), layers(plain)[0].state_dict()
    zero = {key for key, tensor in copy.items() if not tensor.any()}
    assert {key.rsplit(".", 2)[1] for key in zero} == ({"c_proj"} if name == "gpt2" else {"o_proj", "down_proj"})
    assert all(torch.equal(copy[key], source[key]) for key in copy.keys() - zero)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["qwen3", "gpt2", "bert", "distilbert"])
def test_the_activation_is_another(bases: dict[str, Base], tmp_path: Path, name: str) -> None:
    model, by_hand = changed(bases[name], tmp_path / "made", activation="relu"), read(bases[name].folder)
    for module in by_hand.modules():
        for child, part in list(module.named_children()):
            if child in ("act_fn", "act", "intermediate_act_fn", "activation"):
                assert part is not None
                module.set_submodule(child, ACT2FN["relu"])
    assert torch.equal(said(model), said(by_hand))
    assert not torch.allclose(said(model), said(read(bases[name].folder)), atol=0.05)


def test_a_changed_base_has_all_that_the_base_has(bases: dict[str, Base], tmp_path: Path) -> None:
    changed(bases["qwen3"], tmp_path / "made", keep_layers=[3])
    names = {path.name for path in (tmp_path / "made" / WEIGHTS).iterdir()}
    assert {"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"} <= names
    config = json.loads((tmp_path / "made" / WEIGHTS / "config.json").read_text(encoding="utf-8"))
    assert config["num_hidden_layers"] == len(config["layer_types"]) == 1


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        ("qwen3", {"keep_layers": [0, 4]}, "changes-layers"),
        ("qwen3", {"add_layers": [9]}, "changes-layers"),
        ("qwen3", {"drop_layers": ["0-3"]}, "changes-none-left"),
        ("qwen3", {"keep_layers": []}, "changes-none-left"),
        ("gpt2", {"keep_layers": [0], "add_layers": [1]}, "changes-added-to-dropped"),
        ("bert", {"add_layers": [1]}, "changes-architecture"),
        ("qwen2_moe", {"drop_layers": [1]}, "changes-architecture"),
    ],
)
def test_what_cannot_be_changed_is_refused(
    bases: dict[str, Base], name: str, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(TunesmithError) as refused:
        layers_after(bases[name], Changes.model_validate(changes))
    assert refused.value.code == code
