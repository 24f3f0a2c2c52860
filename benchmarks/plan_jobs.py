"""Trainings whose needs are predicted and then measured: random weights of known geometries, rows of known lengths."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
import yaml
from transformers import AutoModelForCausalLM, LlamaConfig, PretrainedConfig, Qwen2Config, Qwen3Config
from transformers.utils import logging as transformers_logging

from tunesmith.model.base import BUILTIN, find_base

CONFIGS: Final[dict[str, type[PretrainedConfig]]] = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}
TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")
WORDS: Final = ("the", "lamp", "of", "order", "seven", "was", "sent", "back", "because", "its", "light", "is", "green")
QWEN: Final = {"hidden_size": 896, "num_attention_heads": 14, "num_key_value_heads": 2, "intermediate_size": 4864}
SEED: Final = 0


@dataclass(frozen=True)
class PlanJob:
    """One training; `words` bounds the words of a row, about as many tokens."""

    name: str
    architecture: Literal["llama", "qwen2", "qwen3"]
    geometry: Mapping[str, Any]
    train: Mapping[str, Any]
    words: tuple[int, int]
    num_rows: int
    max_new_tokens: int = 8
    stored: Literal["bf16", "fp32"] = "bf16"

    def write(self, folder: Path) -> None:
        """`model`, `rows.jsonl` and `recipe.yaml`, once."""
        if (folder / "whole").is_file() and (folder / "whole").read_text() == self._key():
            return
        shutil.rmtree(folder, ignore_errors=True)
        _write_model(self, folder / "model")
        _write_rows(self, folder / "rows.jsonl")
        recipe = {
            "name": self.name,
            "model": {"base": str(folder / "model")},
            "prepare": {"sources": str(folder / "rows.jsonl"), "validation_share": 0.05, "test_share": 0.05},
            "train": {"trackers": [], **self.train},
            "evaluate": {
                "arms": ["base", "tuned"],
                "general_suite": False,
                "max_items": 8,
                "decoding": {"max_new_tokens": self.max_new_tokens},
            },
        }
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        (folder / "whole").write_text(self._key())

    def _key(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def _write_model(job: PlanJob, folder: Path) -> None:
    """Random weights with the tokenizer of the embedded base, which uses the first of the vocabulary."""
    transformers_logging.disable_progress_bar()
    torch.manual_seed(SEED)
    settings = {"max_position_embeddings": 8192, "bos_token_id": None, "eos_token_id": 2, "pad_token_id": 0}
    config = CONFIGS[job.architecture](**settings, **job.geometry)
    dtype = torch.bfloat16 if job.stored == "bf16" else torch.float32
    AutoModelForCausalLM.from_config(config, dtype=dtype).save_pretrained(folder)
    for name in TOKENIZER_FILES:
        source = find_base(BUILTIN).folder / name
        if source.is_file():
            shutil.copy(source, folder / name)


def _write_rows(job: PlanJob, file: Path) -> None:
    random = np.random.default_rng(SEED)
    with file.open("w", encoding="utf-8") as stream:
        for number in range(job.num_rows):
            words = random.choice(WORDS, random.integers(*job.words)).tolist()
            half = len(words) // 3
            question, answer = f"{number} {' '.join(words[:half])}?", f"{' '.join(words[half:])} {number}."
            stream.write(json.dumps({"question": question, "answer": answer}) + "\n")


def _lora(rank: int = 16, targets: tuple[str, ...] = ("all-linear",)) -> dict[str, Any]:
    return {"name": "lora", "rank": rank, "targets": list(targets)}


JUDGED: Final = (
    PlanJob(
        "qwen-lora-bf16",
        "qwen2",
        QWEN | {"vocab_size": 151_936, "num_hidden_layers": 4, "tie_word_embeddings": True},
        {"method": _lora(), "precision": "bf16", "batch_rows": 4, "max_steps": 10},
        words=(250, 750),
        num_rows=80,
    ),
    PlanJob(
        "qwen-full-bf16",
        "qwen2",
        QWEN | {"vocab_size": 151_936, "num_hidden_layers": 2, "tie_word_embeddings": True},
        {"method": "full", "optimizer": "muon", "precision": "bf16", "batch_rows": 8, "max_steps": 8},
        words=(40, 120),
        num_rows=120,
    ),
    PlanJob(
        "llama-lora-fp32",
        "llama",
        {
            "hidden_size": 2048,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "intermediate_size": 8192,
            "vocab_size": 32_000,
            "num_hidden_layers": 3,
            "tie_word_embeddings": False,
        },
        {"method": _lora(8), "optimizer": "rmsprop", "precision": "fp32", "batch_rows": 4, "max_steps": 8},
        words=(60, 200),
        num_rows=100,
    ),
    PlanJob(
        "llama-full-fp32",
        "llama",
        {
            "hidden_size": 1024,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "intermediate_size": 2816,
            "vocab_size": 32_000,
            "num_hidden_layers": 8,
            "tie_word_embeddings": True,
        },
        {
            "method": "full",
            "optimizer": {"name": "sgd", "momentum": 0.9},
            "learning_rate": 0.01,
            "precision": "fp32",
            "batch_rows": 4,
            "max_steps": 8,
        },
        words=(100, 300),
        num_rows=100,
    ),
    PlanJob(
        "qwen-small-long-bf16",
        "qwen2",
        {
            "hidden_size": 256,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "intermediate_size": 1024,
            "vocab_size": 8000,
            "num_hidden_layers": 8,
            "tie_word_embeddings": True,
        },
        {"method": _lora(32), "optimizer": "adam", "precision": "bf16", "batch_rows": 2, "max_steps": 12},
        words=(900, 2400),
        num_rows=80,
    ),
    PlanJob(
        "qwen3-lora-qv-fp32",
        "qwen3",
        {
            "hidden_size": 1024,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "intermediate_size": 3072,
            "vocab_size": 16_000,
            "num_hidden_layers": 10,
            "tie_word_embeddings": True,
        },
        {
            "method": _lora(16, ("q_proj", "v_proj")),
            "optimizer": {"name": "sgd", "momentum": 0.0},
            "learning_rate": 0.01,
            "precision": "fp32",
            "batch_rows": 16,
            "max_steps": 8,
            "micro_batch_tokens": 1024,
        },
        words=(30, 90),
        num_rows=200,
        stored="fp32",
    ),
)
FITTING: Final = (
    PlanJob(
        "fit-lora-bf16",
        "qwen2",
        {
            "hidden_size": 640,
            "num_attention_heads": 10,
            "num_key_value_heads": 2,
            "intermediate_size": 2560,
            "vocab_size": 64_000,
            "num_hidden_layers": 6,
            "tie_word_embeddings": True,
        },
        {"method": _lora(), "precision": "bf16", "batch_rows": 8, "max_steps": 12},
        words=(80, 400),
        num_rows=120,
    ),
    PlanJob(
        "fit-full-bf16",
        "llama",
        {
            "hidden_size": 768,
            "num_attention_heads": 12,
            "num_key_value_heads": 4,
            "intermediate_size": 2048,
            "vocab_size": 32_000,
            "num_hidden_layers": 4,
            "tie_word_embeddings": False,
        },
        {"method": "full", "precision": "bf16", "batch_rows": 8, "max_steps": 12},
        words=(80, 300),
        num_rows=120,
    ),
    PlanJob(
        "fit-lora-fp32",
        "llama",
        {
            "hidden_size": 768,
            "num_attention_heads": 12,
            "num_key_value_heads": 12,
            "intermediate_size": 3072,
            "vocab_size": 50_000,
            "num_hidden_layers": 6,
            "tie_word_embeddings": True,
        },
        {"method": _lora(), "precision": "fp32", "batch_rows": 6, "max_steps": 12},
        words=(80, 400),
        num_rows=120,
    ),
    PlanJob(
        "fit-full-fp32",
        "qwen2",
        {
            "hidden_size": 512,
            "num_attention_heads": 8,
            "num_key_value_heads": 2,
            "intermediate_size": 2048,
            "vocab_size": 20_000,
            "num_hidden_layers": 6,
            "tie_word_embeddings": True,
        },
        {"method": "full", "precision": "fp32", "batch_rows": 8, "max_steps": 12},
        words=(60, 300),
        num_rows=120,
    ),
)
SMOKE: Final = PlanJob(
    "smoke",
    "qwen2",
    {
        "hidden_size": 64,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "intermediate_size": 128,
        "vocab_size": 4096,
        "num_hidden_layers": 2,
        "tie_word_embeddings": True,
    },
    {"method": "full", "precision": "fp32", "batch_rows": 4, "max_steps": 3},
    words=(10, 30),
    num_rows=40,
)
