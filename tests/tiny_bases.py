"""Tiny random encoders and GPT-2s, with tokenizers that put special tokens around a text and no chat template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tiny_models import TEXT, VOCABULARY
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    BertConfig,
    DistilBertConfig,
    GPT2Config,
    PreTrainedModel,
    RobertaConfig,
    XLMRobertaConfig,
)

from tunesmith.model.attention import NAME

ENCODERS = {
    "bert": BertConfig,
    "distilbert": DistilBertConfig,
    "roberta": RobertaConfig,
    "xlm-roberta": XLMRobertaConfig,
}
SPECIAL = {
    "bert": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "roberta": ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
    "gpt2": ("<|endoftext|>",),
}
FIRST_ID = 5
"""Ids before it are special in an encoder."""
NUM_POSITIONS = 640


def family_of(architecture: str) -> str:
    return {"distilbert": "bert", "xlm-roberta": "roberta"}.get(architecture, architecture)


def make_encoder(architecture: str, *, seed: int = 0, pooler: bool = True, **changes: Any) -> PreTrainedModel:
    """Two layers, weights large enough for attention to be far from uniform; dropout as published ones have it."""
    settings: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": NUM_POSITIONS,
        "initializer_range": 0.15,
        "pad_token_id": 1 if family_of(architecture) == "roberta" else 0,
    }
    if architecture == "distilbert":
        settings = {
            **{"vocab_size": VOCABULARY, "dim": 64, "hidden_dim": 96, "n_layers": 2, "n_heads": 4},
            **{"max_position_embeddings": NUM_POSITIONS, "initializer_range": 0.15, "pad_token_id": 0},
        }
    torch.manual_seed(seed)
    config = ENCODERS[architecture](**{**settings, **changes})
    parts = {} if architecture == "distilbert" else {"add_pooling_layer": pooler}
    return _shaken(AutoModel.from_config(config, attn_implementation="eager", **parts))


def make_gpt2(attention: str = NAME, *, seed: int = 0, **changes: Any) -> PreTrainedModel:
    settings: dict[str, Any] = {
        **{"vocab_size": VOCABULARY, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": NUM_POSITIONS},
        **{"initializer_range": 0.15, "bos_token_id": None, "eos_token_id": None},
    }
    torch.manual_seed(seed)
    config = GPT2Config(**{**settings, **changes})
    return _shaken(AutoModelForCausalLM.from_config(config, attn_implementation=attention))


def _shaken(model: PreTrainedModel) -> PreTrainedModel:
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:  # norms start at 1 and biases at 0: neither would show a mistake
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return model.eval()


def save_base(folder: Path, model: PreTrainedModel, *, template: str | None = None) -> Path:
    """A model folder as the Hub has them: the tokenizer's settings name no token, there is no chat template."""
    model.save_pretrained(folder)
    family = family_of(model.config.model_type)
    special = SPECIAL[family]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=310,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(special),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    if family != "gpt2":
        first, last = ("[CLS]", "[SEP]") if family == "bert" else ("<s>", "</s>")
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first} $A {last}",
            special_tokens=[(token, tokenizer.token_to_id(token)) for token in (first, last)],
        )
    tokenizer.enable_truncation(8)  # files of encoders often say so
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": NUM_POSITIONS}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    if family == "gpt2":
        (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": 0}), encoding="utf-8")
    if template is not None:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return folder
