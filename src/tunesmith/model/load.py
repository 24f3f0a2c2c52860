"""From a checked base to a loaded model, and what a loaded model computes on a flat batch."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import logging as transformers_logging

from tunesmith.artifacts import TunedModel
from tunesmith.model.attention import NAME
from tunesmith.model.base import Base, first_position
from tunesmith.model.dropout import silence_dropout
from tunesmith.model.four_bit import keep_in_four_bits
from tunesmith.model.fuse import fuse
from tunesmith.model.layout import MicroBatch
from tunesmith.model.method import load_method
from tunesmith.model.score import load_with_head
from tunesmith.model.vector_math import choose_kernels


def load_model(folder: Path, *, dtype: torch.dtype, device: str, four_bit: bool = False) -> PreTrainedModel:
    """Read a checked folder's weights as a language model's; it attends through `tunesmith.model.attention`."""
    transformers_logging.disable_progress_bar()
    choose_kernels()
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation=NAME, use_safetensors=True, local_files_only=True
    )
    fuse(model)
    silence_dropout(model)
    if four_bit:
        keep_in_four_bits(model, device)
    return model.to(device).eval()


def load_tuned(
    tuned: TunedModel | None, base: Base, *, dtype: torch.dtype, device: str, four_bit: bool
) -> PreTrainedModel:
    """The base, or what training made of it, with the head that it was trained with; in 4 bits where `four_bit`."""
    head = None if tuned is None else tuned.head()
    folder = base.folder if tuned is None or tuned.form == "adapter" else tuned.payload
    if head is None:
        model = load_model(folder, dtype=dtype, device=device, four_bit=four_bit)
    else:
        model = load_with_head(folder, head, dtype=dtype, device=device, four_bit=four_bit)
    if tuned is not None and tuned.form == "adapter":
        load_method(model, tuned.payload)
    return model


def hidden_states(model: PreTrainedModel, batch: MicroBatch) -> Tensor:
    """(T, D) last hidden states of a flat batch."""
    positions_1T = batch.positions_T[None] + first_position(model.config.model_type, model.config.pad_token_id)
    output = model.base_model(
        input_ids=batch.ids_T[None], position_ids=positions_1T, use_cache=False, layout=batch.attention
    )
    hidden: Tensor = output.last_hidden_state[0]
    return hidden


def head_weight(model: PreTrainedModel) -> Tensor:
    """(V, D) weight of the language-model head."""
    head = model.get_output_embeddings()
    assert isinstance(head, nn.Linear)
    return head.weight


def has_bf16_products(device: str) -> bool:
    """Whether the device multiplies bf16 matrices natively."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def compute_dtype(precision: str) -> torch.dtype:
    """The torch type of `bf16`, `fp16` or `fp32`."""
    return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[precision]
