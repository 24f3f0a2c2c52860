"""LoRA layers: routing, merging by hand, what is refused. PEFT itself is met in tests/parity."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_models import make_model
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.errors import TunesmithError
from tunesmith.model.lora import BASE_ONLY, AdapterRouting, LoraLinear, attach_lora, load_adapter, save_adapter
from tunesmith.recipe import Lora

IDS = torch.arange(24)[None] * 7 % 320


def layers_of(model: PreTrainedModel) -> dict[str, LoraLinear]:
    return {name: module for name, module in model.named_modules() if isinstance(module, LoraLinear)}


def fill(model: PreTrainedModel, seed: int) -> None:
    """Random adapters: B is zero at first and would hide every mistake."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in layers_of(model).values():
            for parameter in (layer.lora_a_SRI, layer.lora_b_SOR):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)


def logits(model: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(IDS).logits
    return found


@pytest.mark.thorough
def test_training_starts_at_the_base_and_trains_the_adapter_only() -> None:
    model = make_model("qwen2")
    before = logits(model)
    attach_lora(model, Lora(rank=4), seed=3)
    assert torch.equal(logits(model), before)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert len(trained) == 2 * 7 * 2
    assert all("lora_" in name for name in trained)
    a = torch.cat(
        [layer.lora_a_SRI.flatten() * layer.lora_a_SRI.shape[2] ** 0.5 for layer in layers_of(model).values()]
    )
    assert 0.97 < a.abs().max() <= 1.0  # uniform in +-sqrt(1 / inputs)
    assert a.std().item() == pytest.approx(3**-0.5, rel=0.02)


def test_the_seed_decides_the_start() -> None:
    models = [make_model("qwen2") for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        attach_lora(model, Lora(rank=4), seed)
    one, same, other = (layers_of(model)["model.layers.0.self_attn.q_proj"].lora_a_SRI for model in models)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("architecture", ["llama", "qwen2"])
def test_merging_by_hand_gives_the_same_logits(architecture: str) -> None:
    model = make_model(architecture)
    merged = make_model(architecture)
    attach_lora(model, Lora(rank=4, alpha=6.0), seed=0)
    fill(model, 1)
    with torch.no_grad():
        for name, layer in layers_of(model).items():
            merged.get_submodule(name).weight += 6.0 / 4 * layer.lora_b_SOR[0] @ layer.lora_a_SRI[0]
    torch.testing.assert_close(logits(model), logits(merged), rtol=1e-4, atol=1e-4)
    assert (logits(model) - logits(make_model(architecture))).abs().max() > 0.1


def test_each_stretch_of_a_mixed_batch_sees_its_own_adapter() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.nn.Linear(12, 20)
    routing = AdapterRouting()
    layer = LoraLinear(base, Lora(rank=3, alpha=5.0), routing, num_adapters=2)
    with torch.no_grad():
        layer.lora_a_SRI.copy_(torch.randn(layer.lora_a_SRI.shape, generator=generator))
        layer.lora_b_SOR.copy_(torch.randn(layer.lora_b_SOR.shape, generator=generator))
    x_TI = torch.randn(30, 12, generator=generator)
    spans = ((0, 7, 1), (7, 8, BASE_ONLY), (8, 20, 0), (20, 30, 1))
    mixed = x_TI.clone().requires_grad_()
    routing.spans = spans
    out = layer(mixed)
    out.square().sum().backward()
    for start, stop, adapter in spans:
        alone = x_TI[start:stop].clone().requires_grad_()
        expected = torch.nn.functional.linear(alone, base.weight, base.bias)
        if adapter != BASE_ONLY:
            expected = expected + 5.0 / 3 * (alone @ layer.lora_a_SRI[adapter].T) @ layer.lora_b_SOR[adapter].T
        torch.testing.assert_close(out[start:stop], expected, rtol=1e-5, atol=1e-5)
        expected.square().sum().backward()
        assert mixed.grad is not None
        torch.testing.assert_close(mixed.grad[start:stop], alone.grad, rtol=1e-4, atol=1e-4)


def test_a_model_routes_its_tokens() -> None:
    """Two rows of a batch, flattened: the second sees the base alone."""
    base = logits(make_model("qwen2"))
    model = make_model("qwen2")
    routing = attach_lora(model, Lora(rank=4), seed=0)
    fill(model, 1)
    tuned = logits(model)
    num = IDS.shape[1]
    routing.spans = ((0, num, 0), (num, 2 * num, BASE_ONLY))
    with torch.no_grad():
        both = model(IDS.repeat(2, 1)).logits
    torch.testing.assert_close(both[0], tuned[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(both[1], base[0], rtol=1e-5, atol=1e-5)
    routing.spans = ((0, num, BASE_ONLY),)
    torch.testing.assert_close(logits(model), base, rtol=1e-6, atol=1e-6)


def save(folder: Path, targets: tuple[str, ...] = ("all-linear",)) -> PreTrainedModel:
    model = make_model("qwen2")
    method = Lora(rank=4, alpha=6.0, targets=targets)
    attach_lora(model, method, seed=0)
    fill(model, 5)
    save_adapter(model, method, "base", folder)
    return model


@pytest.mark.parametrize("targets", [("all-linear",), ("q_proj", "down_proj")])
def test_what_was_saved_is_loaded(tmp_path: Path, targets: tuple[str, ...]) -> None:
    saved = save(tmp_path, targets)
    loaded = make_model("qwen2")
    load_adapter(loaded, tmp_path)
    assert set(layers_of(loaded)) == set(layers_of(saved))
    assert torch.equal(logits(loaded), logits(saved))


@pytest.mark.parametrize("targets", [("q_proj", "k_prj"), ("lm_head",), ()])
def test_a_target_that_no_layer_has_is_refused(targets: tuple[str, ...]) -> None:
    with pytest.raises(TunesmithError) as caught:
        attach_lora(make_model("llama"), Lora(targets=targets), seed=0)
    assert caught.value.code == "lora-no-target"
    assert "q_proj" in caught.value.hint()
    assert caught.value.parameters["targets"] in ("k_prj", "lm_head", "")


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    save(tmp_path)
    for other in (make_model("qwen2", num_hidden_layers=1), make_model("qwen2", intermediate_size=80)):
        with pytest.raises(TunesmithError) as caught:
            load_adapter(other, tmp_path)
        assert caught.value.code == "adapter-base"


def test_an_adapter_without_one_of_its_tensors_is_refused(tmp_path: Path) -> None:
    save(tmp_path)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    del tensors["base_model.model.model.layers.1.mlp.up_proj.lora_B.weight"]
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    with pytest.raises(TunesmithError) as caught:
        load_adapter(make_model("qwen2"), tmp_path)
    assert caught.value.code == "adapter-base"
    assert "up_proj" in caught.value.message()


@pytest.mark.parametrize(
    "setting",
    [
        {"lora_bias": True},
        {"layer_replication": [[0, 2]]},
        {"alpha_pattern": {"q_proj": 3}},
        {"bias": "all"},
        {"peft_type": "IA3"},
    ],
)
def test_an_adapter_that_is_more_than_lora_is_refused(tmp_path: Path, setting: dict[str, object]) -> None:
    save(tmp_path)
    file = tmp_path / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **setting}))
    with pytest.raises(TunesmithError) as caught:
        load_adapter(make_model("qwen2"), tmp_path)
    assert caught.value.code == "adapter-kind"
    assert next(iter(setting)) in caught.value.message()
