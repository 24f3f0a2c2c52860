"""A GGUF file made a model again, from nothing but what the file holds: its settings, its tensors, its tokenizer.

Where a tensor belongs is told by llama.cpp's own table in the package `gguf`, and not by the one that it was written
by; numbers of few bits are widened by that package too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from gguf import MODEL_ARCH_NAMES, GGUFReader, get_tensor_name_map, quants
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from tunesmith.chat import Chat
from tunesmith.errors import Place, RunFailed
from tunesmith.export.gguf import ROPE_FACTORS
from tunesmith.export.gguf_check import ARCHITECTURE, GgufHeader, read_header
from tunesmith.export.gguf_tokenizer import ENDS
from tunesmith.model.attention import NAME
from tunesmith.model.harmless import refuse_harmful
from tunesmith.model.load import made_ours
from tunesmith.model.vector_math import choose_kernels

HEAD: Final = "output.weight"
MAX_NAMES: Final = 5
PAIRED: Final = "llama"
"""The architecture whose queries and keys llama.cpp has in another order than transformers."""


def load_gguf(file: Path, *, dtype: torch.dtype, device: str) -> PreTrainedModel:
    """The model that a GGUF file holds, ready for an engine; its tensors are widened and placed one after the other.

    Raises RunFailed `gguf-tensors` where the file does not hold the tensors that its own settings ask for; what
    `refuse_harmful` and `read_header` raise.
    """
    refuse_harmful(file.parent)
    header = read_header(file)
    choose_kernels()
    config = config_of(header)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation=NAME)
    parameters = _by_name(model, header.metadata[ARCHITECTURE])
    _refuse_others(file, header, parameters)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    if header.metadata[ARCHITECTURE] != PAIRED:
        heads = {}
    with torch.no_grad():
        for tensor in GGUFReader(file).tensors:
            numbers = quants.dequantize(tensor.data, tensor.tensor_type)
            if tensor.name == ROPE_FACTORS:
                model.base_model.rotary_emb.inv_freq.div_(torch.tensor(numbers))
                continue
            parameter = parameters[tensor.name]
            numbers = numbers.reshape(parameter.shape)
            for part, num_heads in heads.items():
                if f".{part}." in tensor.name:
                    numbers = halved(numbers, num_heads)
            parameter.copy_(torch.tensor(numbers))
    made_ours(model)
    return model.to(device).eval()


def config_of(header: GgufHeader) -> PretrainedConfig:
    """The settings of a file as transformers has them."""
    metadata, names = header.metadata, {tensor.name for tensor in header.tensors}
    architecture = metadata[ARCHITECTURE]

    def told(key: str) -> Any:
        return metadata[f"{architecture}.{key}"]

    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": told("rope.freq_base")}
    if f"{architecture}.rope.scaling.type" in metadata:
        rope |= {"rope_type": told("rope.scaling.type"), "factor": told("rope.scaling.factor")}
    config: PretrainedConfig = AutoConfig.for_model(
        architecture,
        vocab_size=told("vocab_size"),
        max_position_embeddings=told("context_length"),
        hidden_size=told("embedding_length"),
        num_hidden_layers=told("block_count"),
        intermediate_size=told("feed_forward_length"),
        num_attention_heads=told("attention.head_count"),
        num_key_value_heads=told("attention.head_count_kv"),
        head_dim=told("attention.key_length"),
        rms_norm_eps=told("attention.layer_norm_rms_epsilon"),
        rope_parameters=rope,
        tie_word_embeddings=HEAD not in names,
        attention_bias="blk.0.attn_q.bias" in names,
        mlp_bias="blk.0.ffn_up.bias" in names,
    )
    return config


def halved(numbers: NDArray[np.float32], num_heads: int) -> NDArray[np.float32]:
    """Rows of queries or keys as transformers turns them, the first half of a head with its second, from llama.cpp's
    order, in which neighbours turn together."""
    pairs = numbers.reshape(num_heads, -1, 2, *numbers.shape[1:])
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(numbers.shape)


def has_chat(header: GgufHeader, chat: Chat) -> bool:
    """Whether a file has a chat's template, its end tokens, and its tokens under their numbers."""
    told, vocabulary = header.metadata, chat.tokenizer.get_vocab(with_added_tokens=True)
    tokens = told["tokenizer.ggml.tokens"]
    return (
        told["tokenizer.chat_template"] == chat.source
        and told[ENDS[0]] == chat.end_id
        and {told[key] for key in ENDS if key in told} == chat.end_ids
        and all(number < len(tokens) and tokens[number] == token for token, number in vocabulary.items())
    )


def _by_name(model: PreTrainedModel, architecture: str) -> dict[str, torch.nn.Parameter]:
    """The parameters of a model by llama.cpp's names of them; tied ones are there once."""
    known = next(number for number, name in MODEL_ARCH_NAMES.items() if name == architecture)
    table = get_tensor_name_map(known, model.config.num_hidden_layers)
    named = model.named_parameters()
    return {table.get_name(name, try_suffixes=(".weight", ".bias")) or name: parameter for name, parameter in named}


def _refuse_others(file: Path, header: GgufHeader, parameters: dict[str, torch.nn.Parameter]) -> None:
    """Raises RunFailed `gguf-tensors`."""
    wanted = {(name, tuple(parameter.shape)) for name, parameter in parameters.items()}
    there = {(tensor.name, tensor.shape) for tensor in header.tensors if tensor.name != ROPE_FACTORS}
    others = sorted({name for name, _ in wanted ^ there})
    if others:
        raise RunFailed("gguf-tensors", place=Place(str(file)), num=len(others), names=", ".join(others[:MAX_NAMES]))
