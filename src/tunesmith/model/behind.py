"""How new tokens attend that are read behind cached ones: both lie flat, and are padded inside attention alone.

Shapes: T new tokens, A cached and new ones, B rows, M new tokens of the longest row, K keys of a row, H query heads, D
head size.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import DynamicCache


@dataclass(frozen=True, slots=True)
class BehindLayout:
    """Travels to the attention function in place of an `AttentionLayout`; the keys are those of a cache, then new ones.

    New tokens without a slot fill the buffer up; nobody attends to them, and nothing is computed of them.
    """

    num_rows: int
    slots_T: Tensor
    """Where in (B * M) each new token is a query; fewer than there are new tokens, which then end in filler."""
    places_BK: Tensor
    """Where each row's keys lie among all."""
    bias_BMK: Tensor
    """0 where a query may look, else -inf."""


def attend_behind(
    query_THD: Tensor, key_AHD: Tensor, value_AHD: Tensor, layout: BehindLayout, scaling: float
) -> Tensor:
    """(T, H, D) attention of the new tokens; zeros for filler."""
    num_tokens, num_heads = len(layout.slots_T), query_THD.shape[1]
    num_slots = layout.num_rows * layout.bias_BMK.shape[1]
    padded = query_THD.new_zeros(num_slots, *query_THD.shape[1:]).index_copy_(0, layout.slots_T, query_THD[:num_tokens])
    query_BHMD = padded.view(layout.num_rows, -1, *query_THD.shape[1:]).transpose(1, 2)
    # every key head serves several query heads (Ainslie et al. 2023)
    key_BHKD, value_BHKD = (
        states[layout.places_BK].transpose(1, 2).repeat_interleave(num_heads // states.shape[1], dim=1)
        for states in (key_AHD, value_AHD)
    )
    bias_B1MK = layout.bias_BMK[:, None]
    out_BHMD = scaled_dot_product_attention(query_BHMD, key_BHKD, value_BHKD, attn_mask=bias_B1MK, scale=scaling)
    out_THD = query_THD.new_zeros(query_THD.shape)
    out_THD[:num_tokens] = out_BHMD.transpose(1, 2).flatten(0, 1)[layout.slots_T]
    return out_THD


class KeysBehind:
    """Kept keys and values, and room behind them where the keys of new tokens lie while they are read.

    A model takes it for its cache; every step overwrites the new keys of the one before.
    """

    def __init__(self, cache: DynamicCache) -> None:
        self.num_kept = int(cache.get_seq_length())
        self._layers = [[states[0].transpose(0, 1) for states in (layer.keys, layer.values)] for layer in cache.layers]

    def update(self, key_1KTD: Tensor, value_1KTD: Tensor, layer_idx: int) -> tuple[Tensor, Tensor]:
        """(1, K, A, D) keys and values, the new ones last."""
        layer, num_keys = self._layers[layer_idx], self.num_kept + key_1KTD.shape[2]
        for number, states_1KTD in enumerate((key_1KTD, value_1KTD)):
            if len(layer[number]) < num_keys:
                layer[number] = self._with_room(layer[number], num_keys)
            layer[number][self.num_kept : num_keys] = states_1KTD[0].transpose(0, 1)
        key_1KAD, value_1KAD = (states[:num_keys].transpose(0, 1)[None] for states in layer)
        return key_1KAD, value_1KAD

    def _with_room(self, states_AKD: Tensor, num_keys: int) -> Tensor:
        roomy_AKD = states_AKD.new_empty(num_keys, *states_AKD.shape[1:])
        roomy_AKD[: self.num_kept] = states_AKD[: self.num_kept]
        return roomy_AKD
