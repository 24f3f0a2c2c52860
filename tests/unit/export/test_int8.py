"""The folder of a model in 8 bits: its size, its shards, what it is made of, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_bases import make_gpt2, save_base
from tiny_models import make_model, save_model

from tunesmith.artifacts import hash_folder
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.export.fits import refuse_form
from tunesmith.export.int8 import INDEX, write_int8
from tunesmith.model.base import find_base
from tunesmith.model.load import load_model
from tunesmith.model.quantise import Int8Linear, quantise_rows

pytestmark = pytest.mark.thorough  # torchao takes seconds to import


def test_the_embedded_base_takes_a_quarter_of_its_bytes_and_keeps_norms_and_biases(tmp_path: Path) -> None:
    base = find_base("builtin:tiny")
    form = write_int8(base.folder, tmp_path / "int8")
    whole = load_file(base.folder / "model.safetensors")
    kept = load_file(tmp_path / "int8" / "model.safetensors")
    num_numbers = sum(tensor.numel() for tensor in whole.values())
    assert form.num_bytes == (tmp_path / "int8" / "model.safetensors").stat().st_size
    assert form.num_bytes <= 0.3 * 4 * num_numbers  # 70 % less than float32 at least
    assert (form.name, form.dtype) == ("int8", "int8")
    expected = set()
    for name, tensor in whole.items():
        layer, _, parameter = name.rpartition(".")
        if tensor.ndim == 1:
            assert torch.equal(kept[name], tensor)
            expected.add(name)
            continue
        values, scales = quantise_rows(tensor)
        assert torch.equal(kept[f"{layer}._{parameter}_qdata"], values)
        assert torch.equal(kept[f"{layer}._{parameter}_scale"][:, 0], scales)
        expected |= {f"{layer}._{parameter}_qdata", f"{layer}._{parameter}_scale"}
    assert set(kept) == expected
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        assert (tmp_path / "int8" / name).read_bytes() == (base.folder / name).read_bytes()


def test_the_same_model_is_the_same_bits(tmp_path: Path) -> None:
    merged = save_model(tmp_path / "merged", make_model("qwen3"))
    for name in ("one", "other"):
        write_int8(merged, tmp_path / name)
    assert hash_folder(tmp_path / "one") == hash_folder(tmp_path / "other")


def test_several_files_stay_several_and_load(tmp_path: Path) -> None:
    model = make_model("llama")
    merged = save_model(tmp_path / "merged", model)
    (merged / "model.safetensors").unlink()
    model.save_pretrained(merged, max_shard_size="100KB")
    names = sorted(file.name for file in merged.glob("*.safetensors"))
    assert len(names) > 2
    form = write_int8(merged, tmp_path / "int8")
    assert sorted(file.name for file in (tmp_path / "int8").glob("*.safetensors")) == names
    assert form.num_bytes == sum((tmp_path / "int8" / name).stat().st_size for name in names)
    places = json.loads((tmp_path / "int8" / INDEX).read_text())["weight_map"]
    assert all(name in load_file(tmp_path / "int8" / file) for name, file in places.items())
    loaded = load_model(tmp_path / "int8", dtype=torch.bfloat16, device="cpu")
    layer = loaded.get_submodule("model.layers.1.mlp.down_proj")
    assert isinstance(layer, Int8Linear)
    values, scales = quantise_rows(model.get_parameter("model.layers.1.mlp.down_proj.weight").detach())
    assert torch.equal(layer.weight.values_OI, values)
    assert torch.equal(layer.weight.scales_O, scales.bfloat16())
    assert loaded.dtype == torch.bfloat16


def code_of(failure: TunesmithError) -> str:
    for language in ("en", "zh"):
        assert failure.message(language)
        assert failure.hint(language)
    return failure.code


def test_numbers_that_are_not_finite_are_refused_by_the_name_of_their_tensor(tmp_path: Path) -> None:
    merged = save_model(tmp_path / "merged", make_model("qwen2"))
    tensors = load_file(merged / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.weight"][3, 3] = torch.inf
    save_file(tensors, merged / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RunFailed) as caught:
        write_int8(merged, tmp_path / "int8")
    assert code_of(caught.value) == "form-not-finite"
    assert caught.value.place is not None
    assert caught.value.place.field == "model.layers.0.mlp.up_proj.weight"


def test_types_that_it_is_not_written_for_are_refused(tmp_path: Path) -> None:
    base = find_base(str(save_base(tmp_path / "gpt2", make_gpt2())))
    for form in ("int8", "gguf"):
        with pytest.raises(TunesmithError) as caught:
            refuse_form(form, base)
        assert code_of(caught.value) == "form-model-type"
        assert "gpt2" in caught.value.message("en")
    refuse_form("merged", base)
    refuse_form("adapter", base)
