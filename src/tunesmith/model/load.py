"""From a checked base to a loaded model, and what a loaded model computes on a flat batch."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel
from transformers.utils import logging as transformers_logging

from tunesmith.artifacts import TunedModel
from tunesmith.model.attention import NAME
from tunesmith.model.base import Base, first_position
from tunesmith.model.copies import Copies
from tunesmith.model.dropout import silence_dropout
from tunesmith.model.fits import refuse_no_int8
from tunesmith.model.four_bit import keep_in_four_bits
from tunesmith.model.fuse import fuse
from tunesmith.model.head import logits_after
from tunesmith.model.layout import MicroBatch
from tunesmith.model.method import attached
from tunesmith.model.quantise import Int8Linear, Int8Weight, is_in_int8, keep_in_int8
from tunesmith.model.score import load_with_head
from tunesmith.model.vector_math import choose_kernels


def load_model(folder: Path, *, dtype: torch.dtype, device: str, four_bit: bool = False) -> PreTrainedModel:
    """Read a checked folder's weights as a language model's; it attends through `tunesmith.model.attention`.

    Weights that lie there in 8 bits stay in 8 bits, whatever `dtype` the model computes in. Raises what
    `refuse_no_int8` raises.
    """
    is_int8 = is_in_int8(folder)
    if is_int8:
        refuse_no_int8()
    transformers_logging.disable_progress_bar()
    choose_kernels()
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation=NAME, use_safetensors=True, local_files_only=True
    )
    if is_int8:
        keep_in_int8(model, dtype)
    made_ours(model)
    if four_bit:
        keep_in_four_bits(model, device)
    return model.to(device).eval()


def made_ours(model: PreTrainedModel) -> None:
    """What a model computes with, whatever it was read from."""
    fuse(model)
    silence_dropout(model)


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What a model is made of: a base alone, or what training made of one."""

    tuned: TunedModel | None
    base: Base
    """What it was trained from."""
    four_bit: bool

    @property
    def adapter(self) -> Path | None:
        """The folder of what stands beside the base's weights."""
        return self.tuned.payload if self.tuned is not None and self.tuned.form == "adapter" else None

    @property
    def weights(self) -> Path:
        """The folder of the weights themselves."""
        return self.base.folder if self.tuned is None or self.tuned.form == "adapter" else self.tuned.payload

    @property
    def has_head(self) -> bool:
        return self.tuned is not None and self.tuned.head() is not None


def ready_models(
    sources: Mapping[str, ModelSource], *, dtype: torch.dtype, device: str
) -> Iterator[tuple[str, PreTrainedModel]]:
    """Each model by name; those that stand on the same weights, one after the other on weights loaded once.

    One is ready at a time, until the next is asked for, and should be held no longer: what it stands on may go then. A
    head is trained with its adapter, so that a model with one is loaded by itself. Raises what `attached` raises.
    """
    together: dict[tuple[Path, bool, str], list[str]] = {}
    for name, each in sources.items():
        together.setdefault((each.weights, each.four_bit, name if each.has_head else ""), []).append(name)
    for names in together.values():
        model = _load(sources[names[0]], dtype, device)
        for name in names:
            with attached(model, sources[name].adapter):
                yield name, model
        del model
        gc.collect()


def _load(source: ModelSource, dtype: torch.dtype, device: str) -> PreTrainedModel:
    head = None if source.tuned is None else source.tuned.head()
    if head is None:
        return load_model(source.weights, dtype=dtype, device=device, four_bit=source.four_bit)
    return load_with_head(source.weights, head, dtype=dtype, device=device, four_bit=source.four_bit)


def hidden_states(model: PreTrainedModel, batch: MicroBatch | Copies, cache: DynamicCache | None = None) -> Tensor:
    """(T, D) last hidden states of a flat batch; an empty `cache` is given its keys and values."""
    positions_1T = batch.positions_T[None] + first_position(model.config.model_type, model.config.pad_token_id)
    output = model.base_model(
        input_ids=batch.ids_T[None],
        position_ids=positions_1T,
        past_key_values=cache,
        use_cache=cache is not None,
        layout=batch.attention,
    )
    hidden: Tensor = output.last_hidden_state[0]
    return hidden


def head_weight(model: PreTrainedModel) -> Tensor:
    """(V, D) weight of the language-model head, which is not in 8 bits: what training needs."""
    head = model.get_output_embeddings()
    assert isinstance(head, nn.Linear)
    return head.weight


def head_of(model: PreTrainedModel) -> Tensor | Int8Weight:
    """(V, D) weight of the language-model head, in whatever it is kept: what `logits_after` multiplies by."""
    head = model.get_output_embeddings()
    return head.weight if isinstance(head, Int8Linear) else head_weight(model)


def head_logits(model: PreTrainedModel, hidden_CD: Tensor) -> Tensor:
    """(C, V) logits after last hidden states."""
    return logits_after(hidden_CD, head_of(model))


def compute_dtype(precision: str) -> torch.dtype:
    """The torch type of `bf16`, `fp16` or `fp32`."""
    return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[precision]
