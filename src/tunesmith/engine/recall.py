"""Which tokens of given rows a model would have written itself, greedily, had it been given all before them.

Shapes: P (position, target) pairs, C of one chunk, S supervised tokens of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.engine.local import MAX_BATCH_TOKENS
from tunesmith.model.head import CHUNK_PAIRS, logits_after
from tunesmith.model.layout import MicroBatch, behind, lay_out
from tunesmith.model.load import head_of, hidden_states
from tunesmith.model.virtual import virtual_ids
from tunesmith.records import Rendered


@torch.no_grad()
def greedy_hits(model: PreTrainedModel, rows: Sequence[Rendered]) -> list[NDArray[np.bool_]]:
    """(S,) of each row: whether its supervised tokens are each the likeliest after those that stand before it.

    Greedy generation that begins within a row goes on as the row does for exactly as many tokens as are hits from
    there on: one pass over the rows tells what generating from each would.
    """
    model.eval()
    hits: dict[str, NDArray[np.bool_]] = {}
    numbered = [replace(row, id=str(number)) for number, row in enumerate(rows)]
    for batch in lay_out(behind(numbered, list(virtual_ids(model))), MAX_BATCH_TOKENS, share=True):
        is_hit_Q = _hits(model, batch.to(str(model.device))).cpu().numpy()
        ends = np.cumsum(np.bincount(batch.row_of_Q.numpy(), minlength=len(batch.row_ids)))
        hits |= zip(batch.row_ids, np.split(is_hit_Q, ends[:-1]), strict=True)
    return [hits[str(number)] for number in range(len(rows))]


def _hits(model: PreTrainedModel, batch: MicroBatch) -> Tensor:
    """(Q,) of the supervised tokens of the rows, one row after the other."""
    hidden_TD, head_VD = hidden_states(model, batch), head_of(model)
    positions_P, size = batch.pair_positions_P, CHUNK_PAIRS[hidden_TD.device.type]
    likeliest = [
        logits_after(hidden_TD[positions_P[low : low + size]], head_VD).argmax(1)
        for low in range(0, len(positions_P), size)
    ]
    return (torch.cat(likeliest) == batch.pair_targets_P)[batch.row_pairs_Q]
