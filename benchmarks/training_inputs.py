"""What both sides of a training comparison read: weights, adapter and token rows, written once into the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Qwen2Config, Qwen2ForCausalLM
from transformers.utils import logging as transformers_logging

from benchmarks.process import CACHE, REPOSITORY
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.model.load import load_model
from tunesmith.model.lora import attach_lora, save_adapter
from tunesmith.recipe import Lora

ROWS_FILE: Final = REPOSITORY.parent / "shared" / "data" / "medical_o1_150.jsonl"
"""FreedomIntelligence/medical-o1-reasoning-SFT, the first 150 English rows; rows are generated where it is absent."""
NUM_ROWS: Final = 8
END: Final = "<|endoftext|>"
SEED: Final = 0
METHOD: Final = Lora(rank=16, alpha=32.0)
QWEN_4_LAYERS: Final = "qwen2.5-0.5b-4layers"
GEOMETRIES: Final[dict[str, dict[str, Any]]] = {
    QWEN_4_LAYERS: {
        "hidden_size": 896,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "intermediate_size": 4864,
        "vocab_size": 151_936,
        "num_hidden_layers": 4,
        "max_position_embeddings": 32_768,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
        "tie_word_embeddings": True,
    },
    "smoke": {
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
VERSION: Final = 1
"""Raise it when the same geometry would be written differently."""


@dataclass(frozen=True)
class TrainingInputs:
    """Paths for a TrainingJob, and what the rows hold."""

    model: Path
    adapter: Path
    rows: Path
    tokens_of_rows: tuple[int, ...]
    supervised_of_rows: tuple[int, ...]

    def tokens_of_step(self, step: int, rows_per_step: int) -> int:
        """Tokens of the rows of optimiser step `step`, counted from 0; padding is not among them."""
        places = range(step * rows_per_step, (step + 1) * rows_per_step)
        return sum(self.tokens_of_rows[place % len(self.tokens_of_rows)] for place in places)


def make_inputs(geometry: str, max_row_tokens: int, cache: Path = CACHE, rows_file: Path = ROWS_FILE) -> TrainingInputs:
    """Write the inputs of one geometry, or find those written before from the same sources."""
    key = _key(geometry, max_row_tokens, rows_file)
    folder = cache / "inputs" / f"{geometry.replace(':', '-')}-{key[:12]}"
    if not (folder / "whole").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        _write(geometry, max_row_tokens, folder, rows_file)
        (folder / "whole").touch()
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    return TrainingInputs(
        model=folder / "model",
        adapter=folder / "adapter",
        rows=folder / "rows.jsonl",
        tokens_of_rows=tuple(len(row["input_ids"]) for row in rows),
        supervised_of_rows=tuple(sum(row["completion_mask"]) for row in rows),
    )


def _key(geometry: str, max_row_tokens: int, rows_file: Path) -> str:
    source = hashlib.sha256(rows_file.read_bytes()).hexdigest() if rows_file.is_file() else "generated"
    model = find_base(BUILTIN).content_hash if geometry == BUILTIN else GEOMETRIES[geometry]
    settings = [VERSION, model, source, NUM_ROWS, max_row_tokens, METHOD.model_dump(mode="json"), SEED]
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _write(geometry: str, max_row_tokens: int, folder: Path, rows_file: Path) -> None:
    if geometry == BUILTIN:
        shutil.copytree(find_base(BUILTIN).folder, folder / "model")
        tokenizer = Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
    else:
        tokenizer = _write_model(geometry, folder / "model", rows_file)
    model = load_model(folder / "model", dtype=torch.float32, device="cpu")
    attach_lora(model, METHOD, SEED)
    save_adapter(model, METHOD, geometry, folder / "adapter")
    rows = list(_rows(tokenizer, rows_file) if rows_file.is_file() else _generated_rows(tokenizer.get_vocab_size()))
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as stream:
        for prompt_ids, completion_ids in rows:
            mask = [0] * len(prompt_ids) + [1] * len(completion_ids)
            row = {
                "input_ids": (prompt_ids + completion_ids)[:max_row_tokens],
                "completion_mask": mask[:max_row_tokens],
            }
            stream.write(json.dumps(row) + "\n")


def _write_model(geometry: str, folder: Path, rows_file: Path) -> Tokenizer:
    """Random weights in bf16, as such models are published, so that both sides start from the same numbers."""
    torch.manual_seed(SEED)
    transformers_logging.disable_progress_bar()
    config = Qwen2Config(**GEOMETRIES[geometry], bos_token_id=None, eos_token_id=0, pad_token_id=0)
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer = _train_tokenizer(rows_file, min(16_384, config.vocab_size))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "pad_token": END}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return tokenizer


def _train_tokenizer(rows_file: Path, vocab_size: int) -> Tokenizer:
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
    texts = [part for pair in _texts(rows_file) for part in pair] if rows_file.is_file() else []
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _texts(rows_file: Path) -> Iterator[tuple[str, str]]:
    """Prompt and completion of every row."""
    for line in rows_file.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield f"{row['Question']}\n\n", f"<think>\n{row['Complex_CoT']}\n</think>\n\n{row['Response']}"


def _rows(tokenizer: Tokenizer, rows_file: Path) -> Iterator[tuple[list[int], list[int]]]:
    """Token ids of the prompts and completions of the first rows."""
    end = tokenizer.token_to_id(END)
    assert end is not None
    for _, (prompt, completion) in zip(range(NUM_ROWS), _texts(rows_file), strict=False):
        prompt_ids, completion_ids = (
            tokenizer.encode(text, add_special_tokens=False).ids for text in (prompt, completion)
        )
        yield prompt_ids, [*completion_ids, end]


def _generated_rows(vocab_size: int) -> Iterator[tuple[list[int], list[int]]]:
    """Random ids with the lengths of questions and reasoned answers."""
    generator = np.random.default_rng(SEED)
    for _ in range(NUM_ROWS):
        num_prompt, num_completion = generator.integers(60, 200), generator.integers(400, 1000)
        ids = generator.integers(1, vocab_size, num_prompt + num_completion).tolist()
        yield ids[:num_prompt], ids[num_prompt:]
