"""What the headers and the configuration of a base tell of its size, without reading a weight."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from safetensors import safe_open

from tunesmith.artifacts.pruned import has_held_zeros
from tunesmith.model.base import ENCODER_TYPES, LEARNED_POSITION_TYPES, Base
from tunesmith.model.fits import (
    NO_WEIGHT,
    PRETRAINING_HEADS,
    expert_shapes,
    is_of_head,
    layer_number,
    linear_names,
    targeted_names,
)
from tunesmith.recipe import Lora

NUM_BYTES: Final = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1}
STORED: Final = {"BF16": "bf16", "F32": "fp32"}
"""Precisions that the weight files may already be in."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Sizes of the layers that have routed experts, in numbers."""

    num_layers: int
    num_chosen: int
    """Experts that a token is sent to."""
    expert: int
    """Inner width of a routed expert."""
    shared: int
    """Inner width of what every token passes through beside them."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """Sizes of a model, in numbers."""

    model_type: str
    hidden: int
    intermediate: int
    query: int
    """Query heads times their size."""
    key: int
    """Key heads times their size."""
    num_heads: int
    num_key_heads: int
    num_layers: int
    vocabulary: int
    is_tied: bool
    """Whether the embedding is the head too."""
    norms_queries: bool
    """Whether queries and keys go through a norm of their own."""
    shapes: dict[str, tuple[int, ...]]
    """Of every tensor in the weight files."""
    num_stored_bytes: int
    stored_precision: str | None
    """`bf16` or `fp32`; None where the files hold something else, or several types."""
    mixture: Mixture | None = None
    """None where every layer is dense."""
    has_held_zeros: bool = False
    """Whether training of the weights leaves those at 0 that pruning set to 0."""

    @property
    def num_parameters(self) -> int:
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def head_size(self) -> int:
        return self.query // self.num_heads

    @property
    def num_head(self) -> int:
        return self.vocabulary * self.hidden

    @property
    def is_encoder(self) -> bool:
        return self.model_type in ENCODER_TYPES

    @property
    def is_gated(self) -> bool:
        """Whether the feed-forward part multiplies two wide halves."""
        return any(name.endswith("gate_proj.weight") for name in self.shapes)

    @property
    def has_joint_projection(self) -> bool:
        """Whether one layer computes queries, keys and values."""
        return any(name.endswith("c_attn.weight") for name in self.shapes)

    def linear_shapes(self) -> list[tuple[int, ...]]:
        """(outputs, inputs) of all linear layers but the head."""
        return self._turned(shape for name, shape in self.shapes.items() if layer_number(name) is not None)

    def adapted_shapes(self, method: Lora) -> list[tuple[int, ...]]:
        """(outputs, inputs) of the linear layers that LoRA adapts. Raises TunesmithError `lora-no-target`."""
        names = targeted_names(linear_names(self.shapes), method)
        return self._turned(self.shapes[f"{name}.weight"] for name in names)

    def _turned(self, shapes: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """The matrices among these; GPT-2 keeps them with the inputs first."""
        step = -1 if self.model_type in LEARNED_POSITION_TYPES else 1
        return [shape[::step] for shape in shapes if len(shape) == 2]

    @property
    def num_linear(self) -> int:
        """Weights of all linear layers but the head: two floating-point operations each for a token going forward."""
        return sum(math.prod(shape) for shape in self.linear_shapes())


def geometry_of(base: Base, *, has_own_head: bool = False) -> Geometry:
    """Sizes of a base; with a head of its own it is loaded without that of the language model."""
    config: dict[str, Any] = base.config
    heads = int(config["num_attention_heads"])
    key_heads = int(config.get("num_key_value_heads") or heads)
    size = int(config.get("head_dim") or config["hidden_size"] // heads)
    if "qk_nope_head_dim" in config:  # latent attention
        size = int(config["qk_nope_head_dim"]) + int(config["qk_rope_head_dim"])
    shapes, types = _headers(base.folder)
    if has_own_head:
        shapes = {n: s for n, s in shapes.items() if not (PRETRAINING_HEADS.search(n) or is_of_head(n))}
    (only, *others) = types
    mixture = _mixture(config, shapes)
    return Geometry(
        model_type=base.model_type,
        hidden=int(config["hidden_size"]),
        intermediate=_width(config, mixture),
        query=heads * size,
        key=key_heads * size,
        num_heads=heads,
        num_key_heads=key_heads,
        num_layers=int(config["num_hidden_layers"]),
        vocabulary=int(config["vocab_size"]),
        is_tied="lm_head.weight" not in shapes,
        norms_queries=any(name.endswith("q_norm.weight") for name in shapes),
        shapes=shapes,
        num_stored_bytes=sum(types.values()),
        stored_precision=None if others else STORED.get(only),
        mixture=mixture,
        has_held_zeros=has_held_zeros(base.folder),
    )


def _width(config: dict[str, Any], mixture: Mixture | None) -> int:
    """Of the feed-forward part; in a mixture of experts, of all that a token passes through."""
    passed = 0 if mixture is None else mixture.num_chosen * mixture.expert + mixture.shared
    return max(int(config["intermediate_size"]), passed)


def _mixture(config: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> Mixture | None:
    num_layers = len(expert_shapes(shapes))
    if not num_layers:
        return None
    expert = int(config["moe_intermediate_size"])
    shared = int(config.get("shared_expert_intermediate_size") or expert * int(config.get("n_shared_experts") or 0))
    return Mixture(num_layers, int(config["num_experts_per_tok"]), expert, shared)


def _headers(folder: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, int]]:
    """Shape of every tensor, and the bytes stored in each number type."""
    shapes: dict[str, tuple[int, ...]] = {}
    types: dict[str, int] = {}
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it is no mapping
                if NO_WEIGHT.search(name):
                    continue
                tensor = tensors.get_slice(name)
                shapes[name] = tuple(tensor.get_shape())
                kind = tensor.get_dtype()
                types[kind] = types.get(kind, 0) + math.prod(shapes[name]) * NUM_BYTES[kind]
    return shapes, types
