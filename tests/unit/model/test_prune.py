"""Pruned bases against the whole ones with the same parts silenced, through transformers; what goes, by loops."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_bases import make_encoder, make_gpt2, save_base
from tiny_models import make_model, save_model
from torch import Tensor
from transformers import AutoModel, AutoModelForCausalLM, PreTrainedModel

from tunesmith.artifacts.pruned import PRUNED, Pruned, read_pruned
from tunesmith.errors import TunesmithError
from tunesmith.model.base import Base, find_base
from tunesmith.model.changes import INDEX, WEIGHTS, changed_identity, make_changed
from tunesmith.model.depth import angles, block_distances
from tunesmith.model.fits import linear_names, weight_shapes
from tunesmith.model.prune import neuron_cuts, zero_share, zeroed
from tunesmith.plan.geometry import geometry_of
from tunesmith.recipe.bases import Changes

IDS = torch.arange(5, 45)[None]
NUM_HEADS, SIZE = 8, 16
NAMES = ("qwen3", "qwen2", "mistral", "llama-alone", "gpt2", "bert", "distilbert")
DECODERS = NAMES[:4]
TEXTS = [[*range(start, start + 12 + start % 5)] for start in range(3, 60, 7)]


def make(name: str) -> PreTrainedModel:
    """Three layers; `llama-alone` has as many key heads as query heads."""
    if name == "gpt2":
        return make_gpt2(n_layer=3)
    if name in ("bert", "distilbert"):
        return make_encoder(name, **({"n_layers": 3} if name == "distilbert" else {"num_hidden_layers": 3}))
    sizes: dict[str, Any] = {"num_hidden_layers": 3, "num_attention_heads": NUM_HEADS, "head_dim": SIZE}
    if name == "qwen2":  # says nothing of the size of its heads
        sizes = {"num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 64}
    if name == "mistral":
        sizes |= {"hidden_size": 48}  # nothing that its heads divide
    alone = name == "llama-alone"
    groups = NUM_HEADS if alone else 2
    more = {"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "attention_bias": True} if alone else {}
    return make_model(name.removesuffix("-alone"), num_key_value_heads=groups, **sizes, **more)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Base]:
    """The weights of one lie in several files."""
    made = {}
    for name in NAMES:
        folder, model = tmp_path_factory.mktemp(name), make(name)
        (save_base if name in ("gpt2", "bert", "distilbert") else save_model)(folder, model)
        if name == "qwen3":
            (folder / "model.safetensors").unlink()
            model.save_pretrained(folder, max_shard_size="60KB")
            assert len(list(folder.glob("*.safetensors"))) > 3
        made[name] = find_base(str(folder))
    return made


def pruned(base: Base, out: Path, texts: list[list[int]] | None = None, **prune: Any) -> tuple[PreTrainedModel, Pruned]:
    make_changed(base, Changes.model_validate({"prune": prune}), out, texts or [])
    told = read_pruned(out / WEIGHTS)
    assert told is not None
    return read(out / WEIGHTS), told


def read(folder: Path) -> PreTrainedModel:
    kind = AutoModel if find_base(str(folder)).is_encoder else AutoModelForCausalLM
    model, loading = kind.from_pretrained(folder, output_loading_info=True)
    assert not loading["mismatched_keys"]
    assert not loading["unexpected_keys"]
    read: PreTrainedModel = model.eval()
    return read


@torch.no_grad()
def said(model: PreTrainedModel) -> Tensor:
    found: Tensor = model(input_ids=IDS)[0]
    return found


def part(model: PreTrainedModel, layer: int, name: str) -> Any:
    """A module within a layer, whatever the layers are called."""
    for prefix in ("model.layers", "transformer.h", "encoder.layer", "transformer.layer"):
        found = dict(model.named_modules()).get(f"{prefix}.{layer}.{name}")
        if found is not None:
            return found
    raise AssertionError(name)


def strengths(model: PreTrainedModel, layer: int, size: int) -> list[float]:
    """Of each query head, the norm of all that it can write, bias of its values included: by products written out."""
    attention = part(model, layer, "self_attn")
    values, out = attention.v_proj, attention.o_proj.weight
    num = out.shape[1] // size
    num_shared = num // (values.weight.shape[0] // size)
    found = []
    for head in range(num):
        group = head // num_shared
        rows = values.weight[group * size : (group + 1) * size]
        if values.bias is not None:
            rows = torch.cat((rows, values.bias[group * size : (group + 1) * size, None]), dim=1)
        found.append(float((out[:, head * size : (head + 1) * size] @ rows).norm()))
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("name", DECODERS)
@torch.no_grad()
def test_a_model_without_heads_is_the_model_whose_heads_write_nothing(
    bases: dict[str, Base], tmp_path: Path, name: str
) -> None:
    model, told = pruned(bases[name], tmp_path / "made", heads=0.5)
    whole = read(bases[name].folder)
    size = 16
    for layer in range(3):
        worth = strengths(whole, layer, size)
        groups = [[*range(len(worth))]] if name == "llama-alone" else [[*range(half)] for half in (len(worth) // 2,)]
        if name != "llama-alone":
            groups.append([len(worth) // 2 + head for head in groups[0]])
        weakest = [sorted(group, key=lambda head: worth[head])[: len(group) // 2] for group in groups]
        gone = sorted(head for group in weakest for head in group)
        assert list(told.heads[layer]) == gone
        for head in gone:
            part(whole, layer, "self_attn.o_proj").weight[:, head * size : (head + 1) * size] = 0.0
    assert not torch.allclose(said(model), said(read(bases[name].folder)), atol=0.1)
    torch.testing.assert_close(said(model), said(whole), atol=1e-5, rtol=1e-5)
    config, num = model.config, int(bases[name].config["num_attention_heads"])
    assert (config.num_attention_heads, config.head_dim) == (num // 2, size)
    assert config.num_key_value_heads == (num // 2 if name == "llama-alone" else 2)
    geometry = geometry_of(find_base(str(tmp_path / "made" / WEIGHTS)))
    assert (geometry.query, geometry.head_size) == (num // 2 * size, size)
    assert geometry.num_parameters == told.after.num_parameters < told.before.num_parameters
    # transformers saves and reads it as any other model
    model.save_pretrained(tmp_path / "again")
    assert torch.equal(said(read(tmp_path / "again")), said(model))


FEED_FORWARD = {
    **dict.fromkeys(DECODERS, (("mlp.gate_proj", "mlp.up_proj"), "mlp.down_proj")),
    "gpt2": (("mlp.c_fc",), "mlp.c_proj"),
    "bert": (("intermediate.dense",), "output.dense"),
    "distilbert": (("ffn.lin1",), "ffn.lin2"),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_a_model_without_neurons_is_the_model_whose_neurons_write_nothing(
    bases: dict[str, Base], tmp_path: Path, name: str
) -> None:
    model, told = pruned(bases[name], tmp_path / "made", neurons=0.4)
    whole, (reads, writes) = read(bases[name].folder), FEED_FORWARD[name]
    num = 256 if name == "gpt2" else 96
    left = 160 if name == "gpt2" else 64  # 153.6 and 57.6, to multiples of 32
    for layer in range(3):
        out = part(whole, layer, writes).weight
        columns = out if name == "gpt2" else out.T  # (neurons, hidden)
        worth = []
        for neuron in range(num):
            product = float(columns[neuron].norm())
            for each in (part(whole, layer, one) for one in reads):
                row = each.weight[:, neuron] if name == "gpt2" else each.weight[neuron]
                square = row.square().sum() + (0.0 if each.bias is None else each.bias[neuron] ** 2)
                product *= math.sqrt(float(square))
            worth.append(product)
        gone = sorted(range(num), key=lambda neuron: worth[neuron])[: num - left]
        columns[gone] = 0.0
    assert told.neurons == num - left
    assert not torch.allclose(said(model), said(read(bases[name].folder)), atol=0.02)
    torch.testing.assert_close(said(model), said(whole), atol=1e-5, rtol=1e-5)
    base = find_base(str(tmp_path / "made" / WEIGHTS))
    assert base.config["intermediate_size"] == left == geometry_of(base).intermediate


def test_of_equal_neurons_the_first_stay(bases: dict[str, Base], tmp_path: Path) -> None:
    folder = tmp_path / "same"
    model = make("llama-alone")
    with torch.no_grad():
        for module in (part(model, 1, f"mlp.{name}_proj") for name in ("gate", "up", "down")):
            module.weight.fill_(0.25)
    base = find_base(str(save_model(folder, model)))
    axis, kept = neuron_cuts(base, 0.4, [1])["model.layers.1.mlp.down_proj.weight"]
    assert (axis, kept.tolist()) == (1, [*range(64)])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_smallest_numbers_become_zero(share: float, dtype: torch.dtype) -> None:
    """As many as asked for, though in bf16 many are equal."""
    weight = torch.randn(40, 30, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = zeroed(weight, share)
    order = sorted(range(weight.numel()), key=lambda place: (abs(float(weight.flatten()[place])), -place))
    expected = weight.clone().flatten()
    expected[order[: int(share * weight.numel())]] = 0.0
    assert torch.equal(found, expected.view_as(weight))
    assert int((found == 0).sum()) == int(share * weight.numel())


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["qwen3", "gpt2", "bert"])
def test_zeros_are_in_every_linear_layer_and_nowhere_else(bases: dict[str, Base], tmp_path: Path, name: str) -> None:
    _, told = pruned(bases[name], tmp_path / "made", weights=0.3)
    before, after = (
        {key: tensor for file in folder.glob("*.safetensors") for key, tensor in load_file(file).items()}
        for folder in (bases[name].folder, tmp_path / "made" / WEIGHTS)
    )
    linear = {f"{each}.weight" for each in linear_names(weight_shapes(bases[name].folder))}
    assert len(linear) == {"qwen3": 21, "gpt2": 12, "bert": 18}[name]
    for key, tensor in after.items():
        if key in linear:
            assert int((tensor == 0).sum()) == int(0.3 * tensor.numel())
            assert torch.equal(tensor, before[key] * (tensor != 0))
        else:
            assert torch.equal(tensor, before[key])
    assert told.weights == 0.3
    assert zero_share(tmp_path / "made" / WEIGHTS) == pytest.approx(0.3, abs=1e-3)


@pytest.mark.thorough
def test_a_base_that_is_pruned_twice_keeps_its_zeros_in_mind(bases: dict[str, Base], tmp_path: Path) -> None:
    pruned(bases["qwen3"], tmp_path / "first", weights=0.3)
    again = find_base(str(tmp_path / "first" / WEIGHTS))
    _, told = pruned(again, tmp_path / "second", neurons=0.4)
    assert told.weights == 0.3
    make_changed(again, Changes(drop_layers=(1,)), tmp_path / "third")
    told = read_pruned(tmp_path / "third" / WEIGHTS)
    assert told is not None
    assert (told.weights, told.neurons) == (0.3, 0)
    make_changed(bases["qwen3"], Changes(drop_layers=(1,)), tmp_path / "whole")
    assert not (tmp_path / "whole" / WEIGHTS / PRUNED).exists()


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["qwen3", "gpt2"])
@torch.no_grad()
def test_the_block_that_goes_turns_the_last_token_least(bases: dict[str, Base], tmp_path: Path, name: str) -> None:
    """States by transformers' own outputs; what the last layer gives, before the norm, by a layer without effect."""
    folder = tmp_path / "even"
    model = make(name)
    flat = part(model, 2, "mlp.c_proj" if name == "gpt2" else "mlp.down_proj").weight
    flat *= 0.01
    part(model, 1, "attn.c_proj" if name == "gpt2" else "self_attn.o_proj").weight.mul_(0.01)
    part(model, 1, "mlp.c_proj" if name == "gpt2" else "mlp.down_proj").weight.mul_(0.01)
    base = find_base(str((save_base if name == "gpt2" else save_model)(folder, model)))
    plain = read(folder)
    norm = plain.base_model.ln_f if name == "gpt2" else plain.base_model.norm
    for num in (1, 2):
        expected = [0.0] * (4 - num)
        for ids in TEXTS:
            given: list[Tensor] = []
            handle = norm.register_forward_pre_hook(lambda _, args, seen=given: seen.append(args[0]))
            inputs = plain(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[:3]
            handle.remove()
            states = [state[0, -1].double() for state in (*inputs, given[0])]
            for first in range(4 - num):
                one, other = states[first], states[first + num]
                cosine = float(one @ other / (one.norm() * other.norm()))
                expected[first] += math.acos(min(1.0, cosine)) / math.pi / len(TEXTS)
        assert block_distances(base, num, TEXTS) == pytest.approx(expected, abs=1e-5)
    made, told = pruned(base, tmp_path / "made", TEXTS, layers=1)
    assert told.layers == (1,)
    assert told.distances == pytest.approx(block_distances(base, 1, TEXTS))
    assert min(told.distances) == told.distances[1]
    del (plain.base_model.h if name == "gpt2" else plain.base_model.layers)[1]
    assert torch.equal(said(made), said(plain))


def test_small_angles_are_exact() -> None:
    turned = torch.tensor([[math.cos(angle), math.sin(angle)] for angle in (0.0, 1e-6, 1.0, 3.0)], dtype=torch.float64)
    found = angles(torch.tensor([[1.0, 0.0]]).expand(4, 2), 7.0 * turned)
    assert found.tolist() == pytest.approx([0.0, 1e-6, 1.0, 3.0], rel=1e-9, abs=1e-15)


@pytest.mark.thorough
@torch.no_grad()
def test_all_at_once_is_one_after_the_other(bases: dict[str, Base], tmp_path: Path) -> None:
    base = bases["qwen3"]
    every = {"layers": 1, "heads": 0.5, "neurons": 0.4, "weights": 0.3}
    model, told = pruned(base, tmp_path / "all", TEXTS, **every)
    for number, (key, value) in enumerate(every.items()):
        _, step = pruned(base, tmp_path / str(number), TEXTS, **{key: value})
        base = find_base(str(tmp_path / str(number) / WEIGHTS))
    assert torch.equal(said(model), said(read(base.folder)))
    assert told.after == step.after
    assert len(told.heads) == 2  # of the layers that stay
    assert told.before.num_bytes == sum(file.stat().st_size for file in bases["qwen3"].folder.glob("*.safetensors"))
    places = json.loads((tmp_path / "all" / WEIGHTS / INDEX).read_text(encoding="utf-8"))["weight_map"]
    assert set(places) == set(weight_shapes(tmp_path / "all" / WEIGHTS))


@pytest.mark.thorough
def test_added_layers_still_add_nothing(bases: dict[str, Base], tmp_path: Path) -> None:
    changes = {"add_layers": [1], "prune": {"weights": 0.3, "heads": 0.5, "neurons": 0.4}}
    make_changed(bases["qwen3"], Changes.model_validate(changes), tmp_path / "deeper")
    plain, _ = pruned(bases["qwen3"], tmp_path / "plain", weights=0.3, heads=0.5, neurons=0.4)
    assert torch.equal(said(read(tmp_path / "deeper" / WEIGHTS)), said(plain))


def test_the_texts_decide_only_where_layers_are_measured(bases: dict[str, Base]) -> None:
    layers, heads = (Changes.model_validate({"prune": prune}) for prune in ({"layers": 1}, {"heads": 0.5}))
    base = bases["qwen3"]
    assert changed_identity(base, layers, TEXTS).key() != changed_identity(base, layers, TEXTS[1:]).key()
    assert changed_identity(base, heads, TEXTS).key() == changed_identity(base, heads).key()


@pytest.mark.parametrize(
    ("name", "prune", "code"),
    [
        ("gpt2", {"heads": 0.5}, "changes-architecture"),
        ("bert", {"heads": 0.5}, "changes-architecture"),
        ("bert", {"layers": 1}, "changes-architecture"),
        ("qwen3", {"layers": 3}, "changes-none-left"),
        ("qwen3", {"heads": 0.1}, "prune-heads"),  # not one of a group of four
        ("qwen3", {"heads": 0.9}, "prune-heads"),  # all four
        ("llama-alone", {"heads": 0.25}, "prune-heads"),  # transformers wants 64 / heads
        ("qwen3", {"neurons": 0.1}, "prune-neurons"),
        ("qwen3", {"neurons": 0.9}, "prune-neurons"),
    ],
)
def test_what_cannot_be_pruned_is_refused_before_a_weight_is_read(
    bases: dict[str, Base], name: str, prune: dict[str, object], code: str
) -> None:
    with pytest.raises(TunesmithError) as refused:
        changed_identity(bases[name], Changes.model_validate({"prune": prune}))
    assert refused.value.code == code
    assert refused.value.hint("en")
    assert refused.value.hint("zh")


def test_shares_that_can_be_pruned_are_named(bases: dict[str, Base]) -> None:
    known = {}
    for name in ("qwen3", "llama-alone", "mistral"):
        with pytest.raises(TunesmithError) as refused:
            changed_identity(bases[name], Changes.model_validate({"prune": {"heads": 0.01}}))
        known[name] = refused.value.parameters["known"]
    assert known == {
        "qwen3": "0, 0.25, 0.5, 0.75",
        "llama-alone": "0, 0.5, 0.75, 0.875",
        "mistral": "0, 0.25, 0.5, 0.75",
    }


def test_that_zeros_are_held_is_part_of_what_a_base_is(bases: dict[str, Base], tmp_path: Path) -> None:
    pruned(bases["llama-alone"], tmp_path / "made", weights=0.5)
    folder = tmp_path / "made" / WEIGHTS
    noted = find_base(str(folder)).content_hash
    shutil.copytree(folder, tmp_path / "other")
    (tmp_path / "other" / PRUNED).unlink()
    assert read_pruned(tmp_path / "other") is None
    assert find_base(str(tmp_path / "other")).content_hash != noted
