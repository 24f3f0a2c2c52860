"""Put layers of our own in the place of a loaded decoder's, with the same parameters under the same names."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import Cache, PreTrainedModel

from tunesmith.model.attention import Layout, attend, attend_flat
from tunesmith.model.base import LATENT_TYPES, LEARNED_POSITION_TYPES
from tunesmith.model.kernels import rms_norm, rotate, swiglu


class RmsNorm(nn.Module):
    """Root-mean-square norm in one pass."""

    def __init__(self, norm: nn.Module, epsilon: float) -> None:
        super().__init__()
        self.weight = norm.get_parameter("weight")
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.epsilon)


class SwigluMlp(nn.Module):
    """The gated feed-forward layer; its gate is applied in one pass."""

    def __init__(self, mlp: nn.Module) -> None:
        super().__init__()
        self.gate_proj, self.up_proj, self.down_proj = (
            mlp.get_submodule(name) for name in ("gate_proj", "up_proj", "down_proj")
        )

    def forward(self, x: Tensor) -> Tensor:
        down: Tensor = self.down_proj(swiglu(self.gate_proj(x), self.up_proj(x)))
        return down


class RotaryAttention(nn.Module):
    """Self-attention that keeps its states flat, (tokens, heads, size), from the projections to the output."""

    def __init__(self, attention: nn.Module, head_size: int, layer_idx: int, epsilon: float) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (
            attention.get_submodule(name) for name in ("q_proj", "k_proj", "v_proj", "o_proj")
        )
        # Qwen3 norms each head's queries and keys
        norms = dict(attention.named_children())
        self.q_norm, self.k_norm = (
            RmsNorm(norms[name], epsilon) if name in norms else nn.Identity() for name in ("q_norm", "k_norm")
        )
        self.head_size = head_size
        self.layer_idx = layer_idx
        self.scaling = head_size**-0.5
        self.attend_flat = attend_flat
        self.attention_dropout = 0.0
        """Share of attention's weights that is dropped at random in training."""
        self.prefix: nn.Module | None = None
        """Gives virtual tokens other keys and values, where there are such."""

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        layout: Layout | None = None,
        **_: Any,
    ) -> tuple[Tensor, None]:
        batch_shape = hidden_states.shape[:-1]
        query_THD, key_TKD, value_TKD = (
            project(hidden_states).view(batch_shape.numel(), -1, self.head_size)
            for project in (self.q_proj, self.k_proj, self.v_proj)
        )
        cos_TD, sin_TD = (part.expand(*batch_shape, -1).reshape(-1, self.head_size) for part in position_embeddings)
        query_THD, key_TKD = (
            rotate(norm(states), cos_TD, sin_TD) for norm, states in ((self.q_norm, query_THD), (self.k_norm, key_TKD))
        )
        if self.prefix is not None:
            key_TKD, value_TKD = self.prefix(key_TKD, value_TKD)
        if layout is not None:
            if past_key_values is not None:
                flat = (states_TKD.transpose(0, 1)[None] for states_TKD in (key_TKD, value_TKD))
                key_TKD, value_TKD = (
                    states_1KAD[0].transpose(0, 1) for states_1KAD in past_key_values.update(*flat, self.layer_idx)
                )
            dropout = self.attention_dropout if self.training else 0.0
            out = self.attend_flat(query_THD, key_TKD, value_TKD, layout, self.scaling, dropout)
        else:
            query, key, value = (
                states.view(*batch_shape, -1, self.head_size).transpose(1, 2)
                for states in (query_THD, key_TKD, value_TKD)
            )
            if past_key_values is not None:
                key, value = past_key_values.update(key, value, self.layer_idx)
            out, _none = attend(self, query, key, value, attention_mask, scaling=self.scaling)
        return self.o_proj(out.reshape(*batch_shape, -1)), None


def fuse(model: PreTrainedModel) -> None:
    """Replace norms, dense feed-forward layers and plain attention of a decoder; what it computes stays the same."""
    config = model.config
    decoder = model.base_model
    if config.model_type in LEARNED_POSITION_TYPES:
        for block in decoder.h:
            if config.activation_function == "gelu_new":  # written out, it keeps five tensors for its backward pass
                block.mlp.act = nn.GELU(approximate="tanh")
        return
    decoder.norm = RmsNorm(decoder.norm, config.rms_norm_eps)
    for layer in decoder.layers:
        attention = layer.self_attn
        if config.model_type not in LATENT_TYPES:
            layer.self_attn = RotaryAttention(attention, attention.head_dim, attention.layer_idx, config.rms_norm_eps)
        layer.input_layernorm = RmsNorm(layer.input_layernorm, config.rms_norm_eps)
        layer.post_attention_layernorm = RmsNorm(layer.post_attention_layernorm, config.rms_norm_eps)
        if config.hidden_act == "silu" and "gate_proj" in dict(layer.mlp.named_children()):  # no mixture of experts
            layer.mlp = SwigluMlp(layer.mlp)
