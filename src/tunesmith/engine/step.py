"""One step of the model for many answers at once: their new tokens lie flat, behind keys and values that are kept.

Shapes: T new tokens, R rows, W rows whose next token is wanted, D hidden, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.adapters import EVERYWHERE, Adapters
from tunesmith.model.base import LATENT_TYPES
from tunesmith.model.cached import NOWHERE, KeyValueStore, row_order
from tunesmith.model.kernels import is_native
from tunesmith.model.layout import round_up
from tunesmith.model.lora import BASE_ONLY


@dataclass(frozen=True, slots=True)
class Row:
    """New tokens of one answer."""

    ids: Sequence[int]
    places: NDArray[np.int64]
    """Of the keys of all its tokens up to the last new one."""
    adapter: int
    wants_next: bool = True

    @property
    def first(self) -> int:
        """The position of the first new token."""
        return len(self.places) - len(self.ids)


_FILLER: Final = Row((0,), np.array([NOWHERE]), BASE_ONLY, wants_next=False)


class ModelStep:
    """A model, its adapters, and the keys and values of all that it has read."""

    def __init__(self, model: PreTrainedModel, adapters: Adapters, num_places: int) -> None:
        self._model, self._adapters = model, adapters
        self._device = model.device
        is_latent = model.config.model_type in LATENT_TYPES
        gathers = is_latent or not is_native(torch.empty(0, dtype=model.dtype, device=self._device))
        self._store = KeyValueStore(num_places, dtype=model.dtype, device=self._device, gathers=gathers)

    @torch.no_grad()
    def logits(self, rows: Sequence[Row]) -> Tensor:
        """(W, V) float32 of the tokens that follow the rows that want one, in their order."""
        num_tokens = sum(len(row.ids) for row in rows)
        filled = [*rows, *[_FILLER] * (coarse(num_tokens) - num_tokens)]
        order = sorted(
            range(len(filled)),
            key=lambda index: (*row_order(len(filled[index].ids), len(filled[index].places)), filled[index].adapter),
        )
        laid = [filled[index] for index in order]
        ends = list(accumulate(len(row.ids) for row in laid))
        self._adapters.use(_spans(laid))
        hidden_TD = self._hidden(laid)
        end_of = dict(zip(order, ends, strict=True))
        last = [end_of[index] - 1 for index, row in enumerate(rows) if row.wants_next]
        if not last:
            return hidden_TD.new_empty(0, 0, dtype=torch.float32)
        last_W = torch.tensor([*last, *[0] * (coarse(len(last)) - len(last))], device=self._device)
        logits_WV: Tensor = self._model.get_output_embeddings()(hidden_TD[last_W])
        return logits_WV[: len(last)].float()

    def _hidden(self, rows: Sequence[Row]) -> Tensor:
        ids_T = np.concatenate([np.asarray(row.ids, np.int64) for row in rows])
        positions_T = np.concatenate([np.arange(row.first, len(row.places)) for row in rows])
        layout = self._store.begin([row.places for row in rows], [len(row.ids) for row in rows])
        hidden_TD: Tensor = self._model.base_model(
            input_ids=torch.from_numpy(ids_T)[None].to(self._device),
            position_ids=torch.from_numpy(positions_T)[None].to(self._device),
            past_key_values=self._store,
            use_cache=True,
            layout=layout,
        ).last_hidden_state[0]
        return hidden_TD


def _spans(rows: Sequence[Row]) -> list[tuple[int, int, int]]:
    """Stretches of tokens that have one adapter."""
    spans, start = [], 0
    for adapter, together in groupby(rows, key=lambda row: row.adapter):
        stop = start + sum(len(row.ids) for row in together)
        spans.append((start, stop, adapter))
        start = stop
    return spans if len(spans) > 1 else [(0, EVERYWHERE, spans[0][2])]


def coarse(number: int) -> int:
    """At most an eighth more: products of a shape that was seen before start many times faster."""
    return round_up(number, max(1, (1 << number.bit_length()) >> 3))
