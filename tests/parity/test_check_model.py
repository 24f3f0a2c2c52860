"""`check_model` on folders shaped like published R1 distills, on broken ones, and the recipes that name them.

The folders keep what decides how such a model is read: configuration keys as published, grouped heads, biases, an
untied head, scaled rotary positions, R1's tokens and chat template. Sizes are cut and weights are random.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM
from typer.testing import CliRunner

from tunesmith import lifecycle
from tunesmith.artifacts import read_events
from tunesmith.cli.app import OPTIONS, app
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.lifecycle.parity import CONVERSATIONS, TEXTS, Result, check_model
from tunesmith.model.base import find_base
from tunesmith.recipe import load_recipe
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[2]
MEDICAL = ROOT.parent / "shared" / "data" / "medical_o1_150.jsonl"
BOS, EOS, USER, ASSISTANT = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"
PARTS = ["model", "template", "prefix", "tokenizer", "round_trip", "end_token", "logits", "adapter", "training"]
# pre-tokenisation as published: Qwen2 takes digits one by one, Llama 3 up to three at a time
WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CUTTING = "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"

QWEN_1_5B: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "hidden_size": 96,  # 1536 in 12 heads of 128: 12 heads of 8
    "initializer_range": 0.02,
    "intermediate_size": 560,  # 8960
    "max_position_embeddings": 131072,
    "max_window_layers": 21,
    "num_attention_heads": 12,
    "num_hidden_layers": 2,  # 28
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000,
    "sliding_window": 4096,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "use_mrope": False,
    "use_sliding_window": False,
}
LLAMA_8B: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "hidden_size": 128,  # 4096 in 32 heads of 128: 16 heads of 8
    "initializer_range": 0.02,
    "intermediate_size": 448,  # 14336
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "num_attention_heads": 16,
    "num_hidden_layers": 2,  # 32
    "num_key_value_heads": 4,  # 8: four query heads a key head
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 8.0,
        "high_freq_factor": 4.0,
        "low_freq_factor": 1.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
}


def published_template() -> str:
    """The template of the R1 distills, as the trl wheel ships it."""
    spec = find_spec("trl")
    if spec is None or spec.origin is None:
        pytest.skip("trl is not installed: it ships the published R1 distill template")
    return (Path(spec.origin).parent / "chat_templates" / "deepseek_r1_distill.jinja").read_text(encoding="utf-8")


def make_tokenizer(digits: str, normalizer: normalizers.Normalizer | None) -> Tokenizer:
    """Byte-level BPE with R1's tokens, of which only begin and end are called special."""
    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORDS % digits), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    spoken = [f"{message.content}\n{message.reasoning or ''}\n\n" for talk in CONVERSATIONS for message in talk]
    tokenizer.train_from_iterator([*spoken, *TEXTS], trainer)
    tokenizer.add_special_tokens([AddedToken(BOS, special=True), AddedToken(EOS, special=True)])
    plain = [USER, ASSISTANT, "<think>", "</think>"]
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=False) for token in plain])
    bos = tokenizer.token_to_id(BOS)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, bos)])
    return tokenizer


def write_model(folder: Path, config: dict[str, Any], template: str, **settings: Any) -> Path:
    """A model folder as DeepSeek publishes it: the template inside tokenizer_config.json, sampling at 0.6 / 0.95."""
    is_qwen = config["model_type"] == "qwen2"
    tokenizer = make_tokenizer("" if is_qwen else "{1,3}", normalizers.NFC() if is_qwen else None)
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    written = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    special = {"__type": "AddedToken", **written}
    write_json(
        folder / "tokenizer_config.json",
        {
            "add_bos_token": True,
            "add_eos_token": False,
            "bos_token": {**special, "content": BOS},
            "clean_up_tokenization_spaces": False,
            "eos_token": {**special, "content": EOS},
            "legacy": True,
            "model_max_length": 16384,
            "pad_token": {**special, "content": EOS},
            "sp_model_kwargs": {},
            "unk_token": None,
            "tokenizer_class": "LlamaTokenizerFast",
            "chat_template": template,
            **settings,
        },
    )
    ends = {"bos_token_id": tokenizer.token_to_id(BOS), "eos_token_id": tokenizer.token_to_id(EOS)}
    decoding = {"do_sample": True, "temperature": 0.6, "top_p": 0.95}
    write_json(folder / "generation_config.json", {"_from_model_config": True, **ends, **decoding})
    write_json(folder / "config.json", {**config, **ends, "vocab_size": tokenizer.get_vocab_size() + 36})
    save_file(random_weights(folder), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def random_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Large enough that biases, norms and positions all show in the logits."""
    generator = torch.Generator().manual_seed(3)
    shapes = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder)).state_dict()
    return {
        name: (torch.randn(like.shape, generator=generator) * 0.1 + float(name.endswith("norm.weight"))).bfloat16()
        for name, like in shapes.items()
    }


def write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def change_json(file: Path, **changes: Any) -> None:
    write_json(file, {**json.loads(file.read_text(encoding="utf-8")), **changes})


@pytest.fixture(scope="module")
def r1_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("r1") / "qwen", QWEN_1_5B, published_template())


@pytest.fixture(scope="module")
def r1_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("r1") / "llama", LLAMA_8B, published_template())


def failed(results: list[Result]) -> dict[str, str]:
    return {result.name: result.detail for result in results if not result.passed}


@pytest.mark.parametrize("name", ["r1_qwen", "r1_llama"])
def test_every_part_passes_on_the_geometry_of_an_r1_distill(
    name: str, request: pytest.FixtureRequest, runtime: Runtime
) -> None:
    folder: Path = request.getfixturevalue(name)
    results = check_model(str(folder), runtime, Silent())
    assert failed(results) == {}
    assert [result.name for result in results] == PARTS
    said = {result.name: result.detail for result in results}
    assert "twin" in said["template"]
    assert "earlier turns included" in said["prefix"]
    assert said["end_token"] == EOS
    assert "loaded by peft" in said["adapter"]
    assert all(f"cli.parity.{name}" in CATALOGUE for name in PARTS)
    # a window that is switched off does not bound the conversation
    assert find_base(str(folder)).max_tokens == 131072
