"""What all sides of a training comparison read: weights, adapter and token rows, written once into the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging as transformers_logging

from benchmarks.process import CACHE
from benchmarks.training_rows import END, SEED, Rows
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.model.load import load_model
from tunesmith.model.lora import attach_lora, save_adapter
from tunesmith.recipe import Lora

METHOD: Final = Lora(rank=16, alpha=32.0)
QWEN: Final = "qwen2.5-0.5b"
QWEN_4_LAYERS: Final = "qwen2.5-0.5b-4layers"
QWEN_1_5B: Final = "qwen2.5-1.5b"
LLAMA_8B: Final = "llama-3.1-8b"
_QWEN: Final[dict[str, Any]] = {
    "model_type": "qwen2",
    "hidden_size": 896,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "intermediate_size": 4864,
    "vocab_size": 151_936,
    "num_hidden_layers": 24,
    "max_position_embeddings": 32_768,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
    "tie_word_embeddings": True,
}
GEOMETRIES: Final[dict[str, dict[str, Any]]] = {
    QWEN: _QWEN,
    QWEN_4_LAYERS: _QWEN | {"num_hidden_layers": 4},
    QWEN_1_5B: _QWEN
    | {
        "hidden_size": 1536,
        "num_attention_heads": 12,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
    },
    LLAMA_8B: {
        "model_type": "llama",
        "hidden_size": 4096,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 14_336,
        "vocab_size": 128_256,
        "num_hidden_layers": 32,
        "max_position_embeddings": 32_768,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
        "tie_word_embeddings": False,
    },
    "smoke": {
        "model_type": "qwen2",
        "hidden_size": 128,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 256,
        "vocab_size": 2048,
        "num_hidden_layers": 2,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
    },
}
VERSION: Final = 2
"""Raise it when the same geometry would be written differently."""


@dataclass(frozen=True)
class TrainingInputs:
    """Paths for a TrainingJob, and what the rows hold."""

    model: Path
    adapter: Path
    rows: Path
    tokens_of_rows: tuple[int, ...]
    supervised_of_rows: tuple[int, ...]


def make_inputs(
    geometry: str, rows: Rows, max_row_tokens: int, cache: Path = CACHE, device: str = "cpu"
) -> TrainingInputs:
    """Write the inputs of one geometry, or find those written before from the same sources.

    `device` is where random weights are drawn; a large model is drawn fast on a GPU.
    """
    folder = cache / "inputs" / f"{geometry.replace(':', '-')}-{_key(geometry, rows, max_row_tokens, device)[:12]}"
    if not (folder / "whole").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        _write(geometry, rows, max_row_tokens, folder, device)
        (folder / "whole").touch()
    written = [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    return TrainingInputs(
        model=folder / "model",
        adapter=folder / "adapter",
        rows=folder / "rows.jsonl",
        tokens_of_rows=tuple(len(row["input_ids"]) for row in written),
        supervised_of_rows=tuple(sum(row["completion_mask"]) for row in written),
    )


def _key(geometry: str, rows: Rows, max_row_tokens: int, device: str) -> str:
    model = find_base(BUILTIN).content_hash if geometry == BUILTIN else GEOMETRIES[geometry]
    settings = [VERSION, model, rows.describe(), max_row_tokens, METHOD.model_dump(mode="json"), SEED, device]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _write(geometry: str, rows: Rows, max_row_tokens: int, folder: Path, device: str) -> None:
    if geometry == BUILTIN:
        shutil.copytree(find_base(BUILTIN).folder, folder / "model")
        tokenizer = Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
    else:
        tokenizer = _write_model(geometry, folder / "model", rows.texts(), device)
    model = load_model(folder / "model", dtype=torch.bfloat16, device="cpu")
    attach_lora(model, METHOD, SEED)
    save_adapter(model, METHOD, geometry, folder / "adapter")
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as stream:
        for prompt_ids, completion_ids in rows.ids(tokenizer):
            mask = [0] * len(prompt_ids) + [1] * len(completion_ids)
            row = {
                "input_ids": (prompt_ids + completion_ids)[:max_row_tokens],
                "completion_mask": mask[:max_row_tokens],
            }
            stream.write(json.dumps(row) + "\n")


def _write_model(geometry: str, folder: Path, texts: Sequence[tuple[str, str]], device: str) -> Tokenizer:
    """Random weights in bf16, as such models are published, so that all sides start from the same numbers."""
    torch.manual_seed(SEED)
    transformers_logging.disable_progress_bar()
    config = AutoConfig.for_model(**GEOMETRIES[geometry], bos_token_id=None, eos_token_id=0, pad_token_id=0)
    with torch.device(device):
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer = _train_tokenizer(texts, min(16_384, config.vocab_size))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "pad_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return tokenizer


def _train_tokenizer(texts: Sequence[tuple[str, str]], vocab_size: int) -> Tokenizer:
    """Byte-level BPE of the rows' own text: about as many tokens a row as a large vocabulary gives."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([part for pair in texts for part in pair], trainer)
    return tokenizer
