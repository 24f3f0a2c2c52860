"""GGUF files: read back by transformers and by the format's own package, and against formulas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gguf import MODEL_ARCH, GGUFReader, get_tensor_name_map, quants
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from tiny_models import ARCHITECTURES, LLAMA3_ROPE, make_model, save_model
from transformers import AutoModelForCausalLM
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from tunesmith.artifacts import hash_folder
from tunesmith.chat import load_chat
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.export.gguf import ARCHITECTURES as NAMES
from tunesmith.export.gguf import FILE, ROPE_FACTORS, Encoding, interleaved, new_name, rope_factors, write_gguf

PLAIN_ROPE = {"rope_type": "default", "rope_theta": 10000.0}


def written(folder: Path, architecture: str, encoding: Encoding, **changes: Any) -> Path:
    """The folder of a GGUF file; the merged folder lies beside it."""
    changes = {"rope_parameters": PLAIN_ROPE, **changes} if architecture == "llama" else changes
    merged = save_model(folder / "merged", make_model(architecture, **changes))
    form = write_gguf(merged, load_chat(merged), folder / "gguf", name="tiny test", encoding=encoding)
    assert (form.name, form.dtype) == ("gguf", encoding)
    assert form.num_bytes == (folder / "gguf" / FILE).stat().st_size
    return folder / "gguf"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_names_of_tensors_are_those_of_the_format(architecture: str) -> None:
    known = get_tensor_name_map(MODEL_ARCH[NAMES[architecture].upper()], 2)
    names = list(make_model(architecture, attention_bias=True).state_dict())
    for name in names:
        assert new_name(name) == known.get_name(name, try_suffixes=(".weight", ".bias"))
    assert new_name("model.layers.0.mlp.experts.3.up_proj.weight") is None
    assert new_name("classifier.weight") is None


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_transformers_reads_back_the_same_weights_and_logits(tmp_path: Path, architecture: str) -> None:
    # transformers takes the size of Qwen3's heads for what it is in published models
    folder = written(tmp_path, architecture, "F32", **({"head_dim": 128} if architecture == "qwen3" else {}))
    ours = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    read = AutoModelForCausalLM.from_pretrained(folder, gguf_file=FILE, dtype=torch.float32).eval()
    expected = ours.state_dict()
    found = read.state_dict()
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
    ids = torch.arange(60)[None] * 5
    with torch.no_grad():
        torch.testing.assert_close(read(input_ids=ids).logits, ours(input_ids=ids).logits, atol=1e-4, rtol=1e-4)


def fields(folder: Path) -> dict[str, Any]:
    return {name: field.contents() for name, field in GGUFReader(folder / FILE).fields.items()}


def test_the_file_says_what_the_configuration_does(tmp_path: Path) -> None:
    told = fields(written(tmp_path, "qwen3", "Q8_0", rms_norm_eps=3e-6, max_position_embeddings=777))
    assert {key: told[key] for key in told if key.startswith("qwen3.")} == {
        "qwen3.vocab_size": 320,
        "qwen3.context_length": 777,
        "qwen3.embedding_length": 64,
        "qwen3.block_count": 2,
        "qwen3.feed_forward_length": 96,
        "qwen3.attention.head_count": 4,
        "qwen3.attention.head_count_kv": 2,
        "qwen3.attention.key_length": 32,
        "qwen3.attention.value_length": 32,
        "qwen3.attention.layer_norm_rms_epsilon": pytest.approx(3e-6),
        "qwen3.rope.dimension_count": 32,
        "qwen3.rope.freq_base": pytest.approx(10000.0),
    }
    assert told["general.architecture"] == "qwen3"
    assert told["general.name"] == "tiny test"
    assert told["general.file_type"] == 7


def test_older_configurations_and_windows_are_understood(tmp_path: Path) -> None:
    merged = save_model(tmp_path / "merged", make_model("mistral", sliding_window=100))
    config = json.loads((merged / "config.json").read_text())
    del config["rope_parameters"], config["head_dim"]
    config |= {"rope_theta": 5000.0, "rope_scaling": {"type": "linear", "factor": 4.0}, "num_attention_heads": 2}
    (merged / "config.json").write_text(json.dumps(config))
    write_gguf(merged, load_chat(merged), tmp_path / "gguf", name="old")
    told = fields(tmp_path / "gguf")
    assert told["general.architecture"] == "llama"
    assert told["llama.context_length"] == 100
    assert told["llama.rope.freq_base"] == 5000.0
    assert (told["llama.rope.scaling.type"], told["llama.rope.scaling.factor"]) == ("linear", 4.0)
    assert told["llama.attention.key_length"] == 32


def test_rows_of_queries_and_keys_turn_with_their_neighbours() -> None:
    """Rotating halves of the rows as they were is rotating neighbours of the rows as they are."""
    heads, size = 3, 8
    states = np.random.default_rng(0).standard_normal(heads * size).astype(np.float32)
    angles = np.arange(1, size // 2 + 1) * 0.3
    first, second = np.split(states.reshape(heads, size), 2, axis=1)
    halves = np.concatenate(
        [first * np.cos(angles) - second * np.sin(angles), second * np.cos(angles) + first * np.sin(angles)], axis=1
    )
    pairs = interleaved(states, heads).reshape(heads, size // 2, 2)
    one, other = pairs[..., 0], pairs[..., 1]
    turned = np.stack(
        [one * np.cos(angles) - other * np.sin(angles), other * np.cos(angles) + one * np.sin(angles)], axis=2
    )
    expected = interleaved(halves.reshape(-1).astype(np.float32), heads)
    np.testing.assert_allclose(turned.reshape(-1), expected, rtol=1e-6)


def test_frequencies_of_llama_3_are_divided_as_transformers_divides_them(tmp_path: Path) -> None:
    folder = written(tmp_path, "llama", "F32", rope_parameters=LLAMA3_ROPE)
    (tensor,) = [tensor for tensor in GGUFReader(folder / FILE).tensors if tensor.name == ROPE_FACTORS]
    config = make_model("llama", rope_parameters=LLAMA3_ROPE).config
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    plain = 500000.0 ** -(torch.arange(0, 32, 2) / 32)
    np.testing.assert_allclose(tensor.data, (plain / scaled).numpy(), rtol=1e-5)
    assert len(set(np.round(rope_factors(LLAMA3_ROPE, 32), 4).tolist())) > 3  # some are between the two


@pytest.mark.parametrize(("encoding", "number"), [("Q8_0", 8), ("F16", 1)])
def test_matrices_are_in_the_encoding_and_vectors_are_not(tmp_path: Path, encoding: Encoding, number: int) -> None:
    folder = written(tmp_path, "qwen2", encoding)
    whole = load_file(tmp_path / "merged" / "model.safetensors")
    tensors = {tensor.name: tensor for tensor in GGUFReader(folder / FILE).tensors}
    assert len(tensors) == len(whole)
    for name, expected in whole.items():
        found = tensors[str(new_name(name))]
        assert found.tensor_type == (0 if expected.ndim == 1 else number)
        numbers: NDArray[np.float32] = quants.dequantize(found.data, found.tensor_type).reshape(expected.shape)
        error = np.abs(numbers - expected.numpy())
        if expected.ndim == 1:
            assert not error.any()
        elif encoding == "F16":
            np.testing.assert_array_equal(numbers, expected.numpy().astype(np.float16).astype(np.float32))
        else:
            blocks = expected.numpy().reshape(-1, 32)
            steps = np.abs(blocks).max(1, keepdims=True) / 127
            # half a step, and what float16 takes off the step
            assert (error.reshape(-1, 32) <= steps * 0.5 + np.abs(blocks) * 2**-10).all()


def test_rows_that_are_no_whole_number_of_blocks_go_into_float16(tmp_path: Path) -> None:
    folder = written(tmp_path, "qwen2", "Q8_0", intermediate_size=80)
    kinds = {tensor.name: int(tensor.tensor_type) for tensor in GGUFReader(folder / FILE).tensors}
    assert kinds["blk.0.ffn_down.weight"] == 1
    assert kinds["blk.0.ffn_up.weight"] == 8


def test_the_same_model_is_the_same_bits(tmp_path: Path) -> None:
    folder = written(tmp_path, "qwen2", "Q8_0")
    merged = tmp_path / "merged"
    write_gguf(merged, load_chat(merged), tmp_path / "again", name="tiny test")
    assert hash_folder(folder) == hash_folder(tmp_path / "again")


def refused(merged: Path, out: Path, encoding: Encoding = "Q8_0") -> TunesmithError:
    with pytest.raises(TunesmithError) as caught:
        write_gguf(merged, load_chat(merged), out, name="x", encoding=encoding)
    for language in ("en", "zh"):
        assert caught.value.message(language)
        assert caught.value.hint(language)
    return caught.value


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [("qwen3", {"attention_bias": True}), ("llama", {"hidden_act": "gelu"}), ("qwen2", {"rope": "yarn"})],
)
def test_settings_that_llama_cpp_does_not_follow_are_refused(
    tmp_path: Path, architecture: str, changes: dict[str, Any]
) -> None:
    merged = save_model(tmp_path / "merged", make_model(architecture))
    config = json.loads((merged / "config.json").read_text())
    if "rope" in changes:
        changes = {"rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 2.0}}
    (merged / "config.json").write_text(json.dumps({**config, **changes}))
    failure = refused(merged, tmp_path / "gguf")
    assert failure.code == "form-setting"
    assert failure.place is not None
    assert failure.place.field in (*changes, "rope_type")


def test_tensors_without_a_place_and_numbers_out_of_range_are_refused(tmp_path: Path) -> None:
    merged = save_model(tmp_path / "merged", make_model("qwen2"))
    tensors = load_file(merged / "model.safetensors")
    save_file({**tensors, "model.vision.weight": torch.ones(2, 2)}, merged / "model.safetensors", {"format": "pt"})
    assert refused(merged, tmp_path / "gguf").code == "form-tensor"
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] = 1e6  # float16 ends at 65504
    save_file(tensors, merged / "model.safetensors", {"format": "pt"})
    failure = refused(merged, tmp_path / "gguf", "F16")
    assert failure.code == "form-not-finite"
    assert isinstance(failure, RunFailed)
