"""Tiny random models and tokenizers, made where a test needs them."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen2MoeConfig,
    Qwen3Config,
)

from tunesmith.chat import Chat, load_chat
from tunesmith.model.attention import NAME
from tunesmith.records import Rendered

CONFIGS = {"llama": LlamaConfig, "mistral": MistralConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}
ARCHITECTURES = sorted(CONFIGS)
MIXTURES = {"deepseek_v3": DeepseekV3Config, "qwen2_moe": Qwen2MoeConfig}
VOCABULARY = 320
MAX_POSITIONS = 2048
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 256,
}
TEMPLATE = (
    "{% for m in messages %}"
    "{{ '<|' + m.role + '|>' + (m.content if m.role != 'assistant' else "
    "('<think>\n' + m.reasoning_content + '\n</think>\n\n' if m.reasoning_content is string else '') + m.content)"
    " + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
CONTROL = ("<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
TEXT = (
    "What is the answer to this question? The answer is forty-two, because six times seven is forty-two.",
    "Please think step by step, then say what you found. First count the apples, then the pears.",
    "问题的答案是什么？请一步一步地思考，然后给出结论。苹果有三个，梨有五个，一共八个。",
)


def make_model(architecture: str, attention: str = NAME, *, seed: int = 0, **changes: Any) -> PreTrainedModel:
    """Two layers with random weights large enough for attention to be far from uniform; float32, eval mode."""
    settings: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": MAX_POSITIONS,
        "initializer_range": 0.15,
        "tie_word_embeddings": architecture in ("qwen2", "qwen3"),
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }
    if architecture == "qwen2":  # its heads are hidden / heads wide
        settings["num_attention_heads"] = 2
        settings["num_key_value_heads"] = 1
        del settings["head_dim"]
    if architecture == "llama":
        settings["rope_parameters"] = LLAMA3_ROPE
    if architecture == "mistral":
        settings["sliding_window"] = None
    if architecture in MIXTURES:
        del settings["head_dim"]
        settings |= {"moe_intermediate_size": 48, "num_experts_per_tok": 2}
    if architecture == "qwen2_moe":
        settings |= {"num_experts": 4, "shared_expert_intermediate_size": 64}
    if architecture == "deepseek_v3":  # the first layer is dense, as in the published model
        settings |= {"n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1, "num_key_value_heads": 4}
        settings |= {"n_group": 2, "topk_group": 1, "q_lora_rank": 24, "kv_lora_rank": 16}
        settings |= {"qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16}
    torch.manual_seed(seed)
    config = (CONFIGS | MIXTURES)[architecture](**{**settings, **changes})
    model: PreTrainedModel = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:  # norms start at 1 and biases at 0: neither would show a mistake
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return model.eval()


def twin_of(model: PreTrainedModel, attention: str) -> PreTrainedModel:
    """The same weights under another attention implementation, with gradients of its own."""
    # a shared configuration would carry the new choice over to `model`
    twin: PreTrainedModel = AutoModelForCausalLM.from_config(deepcopy(model.config), attn_implementation=attention)
    twin.load_state_dict(model.state_dict())
    return twin.eval()


@cache
def _trained_tokenizer(special: tuple[str, ...], plain: tuple[str, ...]) -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=310, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.add_special_tokens(list(special))
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in plain])
    text: str = tokenizer.to_str()
    return text


def make_tokenizer(special: tuple[str, ...] = CONTROL, plain: tuple[str, ...] = ("<think>", "</think>")) -> Tokenizer:
    """Byte-level BPE: any text is encodable; `special` tokens are skipped in decoding, `plain` ones are text."""
    return Tokenizer.from_str(_trained_tokenizer(special, plain))


def save_tokenizer(
    folder: Path, tokenizer: Tokenizer, template: str, *, end: str = "<|end|>", begin: str | None = None
) -> None:
    """Write what `load_chat` reads: tokenizer, its settings, chat template, end token."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": end, "bos_token": begin}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": tokenizer.token_to_id(end)}))


def make_chat(folder: Path, template: str = TEMPLATE) -> Chat:
    save_tokenizer(folder, make_tokenizer(), template)
    return load_chat(folder)


def save_model(folder: Path, model: PreTrainedModel, template: str = TEMPLATE) -> Path:
    """A complete model folder."""
    model.save_pretrained(folder)
    save_tokenizer(folder, make_tokenizer(), template)
    return folder


def row(name: str, ids: list[int], weights: list[float]) -> Rendered:
    return Rendered(name, np.asarray(ids, np.int32), np.asarray(weights, np.float32))


def random_row(random: np.random.Generator, name: str, prefix: list[int], num_tokens: int) -> Rendered:
    """`prefix` and `num_tokens` more; about half of the places are supervised, the prefix too."""
    ids = prefix + random.integers(0, VOCABULARY, num_tokens).tolist()
    weights = random.uniform(0.5, 1.5, len(ids)) * (random.random(len(ids)) < 0.5)
    weights[0] = 0.0
    weights[-1] = 1.0
    return row(name, ids, weights.tolist())
