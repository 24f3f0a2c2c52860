"""Finding and reading models: what is refused and why, what is read and how."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from tiny_models import MAX_POSITIONS, make_model, save_model

from tunesmith.errors import TunesmithError
from tunesmith.model.base import find_base
from tunesmith.model.load import head_weight, load_model

IDS = torch.arange(20)[None] * 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_model(tmp_path / "model", make_model("qwen2"))


def change(folder: Path, **settings: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **settings}))


def code_of(reference: str | Path) -> str:
    with pytest.raises(TunesmithError) as caught:
        find_base(str(reference))
    for language in ("en", "zh"):
        assert caught.value.message(language)
        assert caught.value.hint(language)
    return caught.value.code


def test_a_folder_is_loaded_as_it_is(folder: Path) -> None:
    base = find_base(str(folder))
    assert (base.folder, base.max_tokens) == (folder, MAX_POSITIONS)
    model = load_model(folder, dtype=torch.float32, device="cpu")
    with torch.no_grad():
        torch.testing.assert_close(model(IDS).logits, make_model("qwen2")(IDS).logits, rtol=1e-5, atol=1e-5)
    assert not model.training
    assert head_weight(model).shape == (320, 64)
    assert load_model(folder, dtype=torch.bfloat16, device="cpu").dtype == torch.bfloat16


def test_the_content_hash_sees_every_file_that_matters(folder: Path) -> None:
    hashes = [find_base(str(folder)).content_hash]
    (folder / "README.md").write_text("about")
    assert find_base(str(folder)).content_hash == hashes[0]
    for name in ("config.json", "chat_template.jinja", "tokenizer.json", "generation_config.json"):
        with (folder / name).open("a") as stream:
            stream.write("\n")
        hashes.append(find_base(str(folder)).content_hash)
    assert len(set(hashes)) == 5


def test_what_is_no_model_is_refused(tmp_path: Path, folder: Path) -> None:
    for reference in (tmp_path / "nowhere", "./nowhere", "no-slash", "a/b/c", "bad name!/x", tmp_path):
        assert code_of(reference) == "model-missing"
    (folder / "model.safetensors").unlink()
    assert code_of(folder) == "model-missing"
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")
    assert code_of(folder) == "weights-pickle"


@pytest.mark.parametrize("key", ["auto_map", "_attn_implementation", "_attn_implementation_internal"])
def test_a_configuration_that_names_code_is_refused(folder: Path, key: str) -> None:
    """A kernel named in the configuration would win over the attention that the loader asks for."""
    change(folder, **{key: "someone/kernel"})
    assert code_of(folder) == "model-code"


def test_a_configuration_that_is_not_known_is_refused(folder: Path) -> None:
    change(folder, model_type="opt")
    assert code_of(folder) == "model-type"
    (folder / "config.json").write_text("{")
    assert code_of(folder) == "model-config"


def test_a_hub_that_does_not_answer_is_an_error_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise OSError("no route to host\nand more")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    assert code_of("owner/name") == "model-unreachable"
    with pytest.raises(TunesmithError, match=r"no route to host$"):
        find_base("owner/name")


@pytest.mark.parametrize(
    ("settings", "longest"),
    [
        ({"model_type": "mistral", "sliding_window": 1024}, 1024),
        ({"model_type": "mistral", "sliding_window": None}, MAX_POSITIONS),
        ({"model_type": "qwen2", "sliding_window": 1024, "use_sliding_window": False}, MAX_POSITIONS),
        ({"model_type": "qwen2", "sliding_window": 1024, "use_sliding_window": True}, 1024),
        ({"model_type": "llama"}, MAX_POSITIONS),
    ],
)
def test_a_sliding_window_bounds_the_rows(folder: Path, settings: dict[str, object], longest: int) -> None:
    config = {"max_position_embeddings": MAX_POSITIONS, **settings}
    (folder / "config.json").write_text(json.dumps(config))
    assert find_base(str(folder)).max_tokens == longest
