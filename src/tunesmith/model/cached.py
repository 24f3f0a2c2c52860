"""Keys and values that are kept from step to step, and how the new tokens of many sequences attend to them at once.

The keys of a sequence lie anywhere in one store. A step lays the new tokens of all its rows flat: one token of a
sequence that is being written, or a stretch of a prompt. A row's last keys are those of its new tokens, to which it
attends causally.

Shapes: T flat new tokens, R rows, Y keys of all rows, N places of the store, A keys that attention is handed (all N, or
just the Y), H query heads, K key heads, D head size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tunesmith.model.behind import BehindLayout, attend_behind
from tunesmith.model.kernels import SeenKeys, cached_attention, flash, is_native
from tunesmith.model.kernels.flash import Look

NOWHERE: Final = 0
"""A place of no sequence, for tokens and keys that only fill up."""
MAX_DIRECT_SCORES: Final = 1 << 18
"""New tokens times keys of one row up to which a kernel that walks from key to key is used."""


@dataclass(frozen=True)
class CachedLayout:
    """Travels to the attention function. Rows of one new token come first, then short ones, see `row_order`."""

    num_new_R: NDArray[np.int64]
    num_keys_R: NDArray[np.int64]
    places_Y: Tensor
    """Where each row's keys lie among those that attention is handed; int64."""
    dtype: torch.dtype

    @cached_property
    def ends_R(self) -> NDArray[np.int64]:
        """Where each row's new tokens end in the flat buffer."""
        return np.cumsum(self.num_new_R)

    @cached_property
    def key_ends_R(self) -> NDArray[np.int64]:
        return np.cumsum(self.num_keys_R)

    @cached_property
    def num_single(self) -> int:
        """Rows of one new token."""
        return int(np.count_nonzero(self.num_new_R == 1))

    @cached_property
    def num_direct(self) -> int:
        """Rows that are not long."""
        is_short_R = self.num_new_R * self.num_keys_R <= MAX_DIRECT_SCORES
        return int(np.count_nonzero((self.num_new_R == 1) | is_short_R))

    @cached_property
    def seen(self) -> SeenKeys:
        """What each new token sees: all keys of its row up to its own."""
        starts_T = np.repeat(self.key_ends_R - self.num_keys_R, self.num_new_R)
        behind_T = np.repeat(self.num_keys_R - self.ends_R, self.num_new_R)
        lengths_T = behind_T + 1 + np.arange(len(behind_T))
        return SeenKeys(self.places_Y, torch.from_numpy(starts_T), torch.from_numpy(lengths_T))

    @cached_property
    def look(self) -> Look:
        """The same, as flash attention is told of it."""
        queries, keys = (self._bounds(ends_R) for ends_R in (self.ends_R, self.key_ends_R))
        return Look(None, None, queries, keys, int(self.num_new_R.max()), int(self.num_keys_R.max()), is_causal=True)

    def _bounds(self, ends_R: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.pad(ends_R, (1, 0)).astype(np.int32)).to(self.places_Y.device)

    @cached_property
    def padded(self) -> BehindLayout:
        """The rows of one new token, padded to the longest; what fills up is hidden."""
        num_keys_B = torch.from_numpy(self.num_keys_R[: self.num_single])
        seen_BK = torch.arange(int(num_keys_B.max()))[None] < num_keys_B[:, None]
        places_BK = torch.zeros(seen_BK.shape, dtype=torch.int64)
        places_BK[seen_BK] = self.places_Y[: int(num_keys_B.sum())].cpu()
        return self._behind(places_BK, ~seen_BK[:, None])

    @cached_property
    def alone(self) -> tuple[tuple[slice, BehindLayout], ...]:
        """Every other row by itself, and where its new tokens lie."""
        return tuple(self._alone(row) for row in range(self.num_single, len(self.num_new_R)))

    def _alone(self, row: int) -> tuple[slice, BehindLayout]:
        num_new, num_keys = int(self.num_new_R[row]), int(self.num_keys_R[row])
        end, key_end = int(self.ends_R[row]), int(self.key_ends_R[row])
        hidden_1MK = torch.ones(1, num_new, num_keys, dtype=torch.bool).triu_(num_keys - num_new + 1)
        return slice(end - num_new, end), self._behind(self.places_Y[None, key_end - num_keys : key_end], hidden_1MK)

    def _behind(self, places_BK: Tensor, hidden_BMK: Tensor) -> BehindLayout:
        bias_BMK = torch.zeros(hidden_BMK.shape, dtype=self.dtype).masked_fill_(hidden_BMK, -torch.inf)
        slots_T = torch.arange(hidden_BMK.shape[0] * hidden_BMK.shape[1])
        there = self.places_Y.device
        return BehindLayout(len(hidden_BMK), slots_T.to(there), places_BK.to(there), bias_BMK.to(there))


def row_order(num_new: int, num_keys: int) -> tuple[bool, bool]:
    """By which the rows of a step have to be sorted."""
    return num_new > 1, num_new > 1 and num_new * num_keys > MAX_DIRECT_SCORES


class KeyValueStore:
    """Keys and values of all layers in `num_places` places; a model takes it for its cache.

    Where `gathers`, attention is handed the keys of the step's rows alone: what a layer keeps is not yet what attention
    reads (latent attention), or its kernel reads keys that lie together.
    """

    def __init__(self, num_places: int, *, dtype: torch.dtype, device: torch.device, gathers: bool) -> None:
        self._num_places, self._dtype, self._device = num_places, dtype, device
        self._gathers = gathers
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}
        self._new_T = self._read_Y = torch.empty(0, dtype=torch.int64)

    def begin(self, places_R: Sequence[NDArray[np.int64]], num_new: Sequence[int]) -> CachedLayout:
        """Say where the keys of each row of the next step lie, those of its new tokens last."""
        num_new_R = np.array(num_new, np.int64)
        num_keys_R = np.array([len(places) for places in places_R], np.int64)
        read_Y = np.concatenate(places_R)
        ends_R = np.cumsum(num_new_R)
        behind_T = np.repeat(np.cumsum(num_keys_R) - ends_R, num_new_R)
        new_T = read_Y[behind_T + np.arange(len(behind_T))]
        self._new_T, self._read_Y = (torch.from_numpy(places).to(self._device) for places in (new_T, read_Y))
        places_Y = torch.arange(len(read_Y), device=self._device) if self._gathers else self._read_Y
        return CachedLayout(num_new_R, num_keys_R, places_Y, self._dtype)

    def update(self, key_1KTD: Tensor, value_1KTD: Tensor, layer_idx: int) -> tuple[Tensor, Tensor]:
        """(1, K, A, D) keys and values, the new ones among them."""
        if layer_idx not in self._layers:  # the first step of all tells their sizes
            self._layers[layer_idx] = self._empty(key_1KTD), self._empty(value_1KTD)
        key_NKD, value_NKD = self._layers[layer_idx]
        key_NKD.index_copy_(0, self._new_T, key_1KTD[0].transpose(0, 1))
        value_NKD.index_copy_(0, self._new_T, value_1KTD[0].transpose(0, 1))
        if self._gathers:
            key_NKD, value_NKD = key_NKD.index_select(0, self._read_Y), value_NKD.index_select(0, self._read_Y)
        return key_NKD.transpose(0, 1)[None], value_NKD.transpose(0, 1)[None]

    def _empty(self, states_1KTD: Tensor) -> Tensor:
        _, num_heads, _, size = states_1KTD.shape
        return states_1KTD.new_zeros(self._num_places, num_heads, size)


def attend_cached(
    query_THD: Tensor, key_AKD: Tensor, value_AKD: Tensor, layout: CachedLayout, scaling: float
) -> Tensor:
    """(T, H, D) attention of each new token to the keys of its row up to its own."""
    if flash.takes(query_THD):
        return flash.attend_looks(query_THD, key_AKD, value_AKD, (layout.look,), scaling)
    if is_native(query_THD):
        num_tokens = int(layout.ends_R[layout.num_direct - 1]) if layout.num_direct else 0
        pieces = [cached_attention(query_THD[:num_tokens], key_AKD, value_AKD, layout.seen, scaling)]
        alone = layout.alone[layout.num_direct - layout.num_single :] if layout.num_direct < len(layout.ends_R) else ()
    else:
        single_BHD = query_THD[: layout.num_single]
        pieces = [attend_behind(single_BHD, key_AKD, value_AKD, layout.padded, scaling)] if layout.num_single else []
        alone = layout.alone
    pieces += [attend_behind(query_THD[where], key_AKD, value_AKD, behind, scaling) for where, behind in alone]
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
