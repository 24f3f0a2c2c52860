"""GGUF files made models again: the same weights and logits as the model had, and as transformers reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import ARCHITECTURES, LLAMA3_ROPE, make_model, save_model
from transformers import AutoModelForCausalLM, PreTrainedModel

from tunesmith.chat import load_chat
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.export.gguf import FILE, Encoding, interleaved, write_gguf
from tunesmith.export.gguf_check import read_header
from tunesmith.export.gguf_reading import config_of, halved, has_chat, load_gguf

PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {"rope_parameters": PLAIN}) for name in ARCHITECTURES},
    "biases": ("llama", {"rope_parameters": PLAIN, "attention_bias": True, "mlp_bias": True}),
    "linear": ("qwen2", {"rope_parameters": {"rope_type": "linear", "rope_theta": 5000.0, "factor": 4.0}}),
    "llama 3": ("llama", {"rope_parameters": LLAMA3_ROPE}),
    "untied": ("qwen3", {"tie_word_embeddings": False, "rope_parameters": PLAIN}),
}
READ_BY_TRANSFORMERS = ("llama", "mistral", "qwen2")
"""It takes Qwen3's heads for as wide as in published models, and follows no scaling of positions."""


def written(folder: Path, case: str, encoding: Encoding = "F32") -> Path:
    architecture, changes = CASES[case]
    merged = save_model(folder / "merged", make_model(architecture, **changes))
    write_gguf(merged, load_chat(merged), folder / "gguf", name="tiny test", encoding=encoding)
    return folder / "gguf" / FILE


def logits(model: PreTrainedModel) -> torch.Tensor:
    """Far enough for scaled positions to show."""
    ids = torch.arange(900)[None] * 7 % 300
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=ids).logits
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("case", CASES)
def test_a_file_in_float32_is_the_model_to_the_bit(tmp_path: Path, case: str) -> None:
    file = written(tmp_path, case)
    read = load_gguf(file, dtype=torch.float32, device="cpu")
    ours = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    expected, found = dict(ours.named_parameters()), dict(read.named_parameters())
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert torch.equal(found[name], tensor), name
    torch.testing.assert_close(logits(read), logits(ours), atol=1e-4, rtol=1e-4)
    told = {key: getattr(config_of(read_header(file)), key) for key in ("num_hidden_layers", "vocab_size")}
    assert told == {key: getattr(ours.config, key) for key in told}


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", READ_BY_TRANSFORMERS)
def test_eight_bits_are_widened_as_transformers_widens_them(tmp_path: Path, architecture: str) -> None:
    file = written(tmp_path, architecture, "Q8_0")
    found = dict(load_gguf(file, dtype=torch.float32, device="cpu").named_parameters())
    theirs = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=FILE, dtype=torch.float32)
    for name, tensor in theirs.named_parameters():
        assert torch.equal(found[name], tensor), name
    whole = load_file(tmp_path / "merged" / "model.safetensors")
    assert not torch.equal(found["model.layers.0.mlp.up_proj.weight"], whole["model.layers.0.mlp.up_proj.weight"])


def test_rows_come_back_into_their_order() -> None:
    numbers = torch.arange(24 * 5, dtype=torch.float32).reshape(24, 5).numpy()
    assert (halved(interleaved(numbers, 3), 3) == numbers).all()
    assert (halved(interleaved(numbers[:, 0], 3), 3) == numbers[:, 0]).all()
    assert not (interleaved(numbers, 3) == numbers).all()


def test_tensors_that_are_others_are_refused_by_name(tmp_path: Path) -> None:
    file = written(tmp_path, "qwen2")
    file.write_bytes(file.read_bytes().replace(b"blk.1.ffn_up.weight", b"blk.1.ffn_uq.weight"))
    with pytest.raises(RunFailed) as caught:
        load_gguf(file, dtype=torch.float32, device="cpu")
    assert (caught.value.code, caught.value.parameters["num"]) == ("gguf-tensors", 2)
    assert "blk.1.ffn_up.weight, blk.1.ffn_uq.weight" in caught.value.message()
    assert caught.value.hint("zh")


def test_a_file_that_is_none_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    file = written(tmp_path, "qwen2")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(TunesmithError) as caught:
        load_gguf(file, dtype=torch.float32, device="cpu")
    assert caught.value.code == "gguf-damaged"
    (file.parent / "extra.bin").write_bytes(b"x")
    with pytest.raises(TunesmithError) as caught:
        load_gguf(file, dtype=torch.float32, device="cpu")
    assert caught.value.code == "bundle-pickle"


def test_the_chat_of_a_file_is_known(tmp_path: Path) -> None:
    file = written(tmp_path, "qwen2")
    chat = load_chat(tmp_path / "merged")
    header = read_header(file)
    assert has_chat(header, chat)
    for key, change in {
        "tokenizer.chat_template": f"{chat.source} ",
        "tokenizer.ggml.eos_token_id": chat.end_id + 1,
        "tokenizer.ggml.tokens": header.metadata["tokenizer.ggml.tokens"][::-1],
    }.items():
        before = header.metadata[key]
        header.metadata[key] = change
        assert not has_chat(header, chat), key
        header.metadata[key] = before
    assert has_chat(header, chat)
