"""Folders of models that hold nothing but words and their input embeddings, made where a test needs them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast


def save_words(folder: Path, vectors: Mapping[str, tuple[float, ...]]) -> None:
    """Words of Latin letters are tokens with a space before them, as in byte-level BPE; Chinese ones without."""
    folder.mkdir()
    coder = pre_tokenizers.ByteLevel(add_prefix_space=False)
    spoken = [f" {word}" if word.isascii() else word for word in vectors]
    tokens = ["".join(piece for piece, _ in coder.pre_tokenize_str(word)) for word in spoken]
    tokenizer = Tokenizer(models.WordLevel({token: number for number, token in enumerate(["<unk>", *tokens])}, "<unk>"))
    tokenizer.pre_tokenizer = coder
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>").save_pretrained(folder)
    width = len(next(iter(vectors.values())))
    table = torch.tensor([(0.0,) * width, *vectors.values()], dtype=torch.bfloat16)
    save_file(
        {"model.embed_tokens.weight": table, "model.norm.weight": torch.ones(width)}, folder / "model.safetensors"
    )
