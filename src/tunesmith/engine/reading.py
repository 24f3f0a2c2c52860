"""Where the nodes of a reading look: at their prompts, which are kept, and at their ancestors, read with them.

Shapes as in `tunesmith.engine.candidates`; S prompt tokens, M nodes of the prompt that has most, K keys of a row, F
nodes and what fills their buffer up.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tunesmith.engine.candidates import Reading
from tunesmith.model.behind import BehindLayout
from tunesmith.model.kernels import SeenKeys


def seen_behind(places_BS: Tensor, seen_BS: Tensor, num_kept: int, asked: Reading, num_filler: int) -> SeenKeys:
    """For a kernel that walks from key to key; filler sees one key, whichever."""
    places, has = places_BS.numpy(), seen_BS.numpy()
    num_prompt_T = has.sum(1)[asked.rows_T]
    lengths_T = num_prompt_T + asked.num_seen_T
    ends_T = lengths_T.cumsum()
    is_own_Y = np.arange(ends_T[-1]) >= np.repeat(ends_T - asked.num_seen_T, lengths_T)
    places_Y = np.empty(ends_T[-1], np.int64)
    places_Y[is_own_Y] = num_kept + asked.seen_Y
    places_Y[~is_own_Y] = places[asked.rows_T][has[asked.rows_T]]
    starts_F = np.pad(ends_T - lengths_T, (0, num_filler))
    lengths_F = np.pad(lengths_T, (0, num_filler), constant_values=1)
    return SeenKeys(*(torch.from_numpy(array) for array in (places_Y, starts_F, lengths_F)))


def padded_behind(
    places_BS: Tensor, seen_BS: Tensor, num_kept: int, asked: Reading, dtype: torch.dtype
) -> BehindLayout:
    """For products of padded rows."""
    device = places_BS.device
    num_rows, num_nodes = len(places_BS), int(asked.places_T.max()) + 1
    flat_BM = np.zeros((num_rows, num_nodes), np.int64)
    flat_BM[asked.rows_T, asked.places_T] = np.arange(len(asked.rows_T))
    sees_BMM = np.zeros((num_rows, num_nodes, num_nodes), bool)
    by_Y = np.repeat(np.arange(len(asked.rows_T)), asked.num_seen_T)
    sees_BMM[asked.rows_T[by_Y], asked.places_T[by_Y], asked.places_T[asked.seen_Y]] = True
    # what fills a row up sees something too: no softmax is over nothing
    sees_BMM |= np.eye(num_nodes, dtype=bool)
    sees_BMK = torch.cat((seen_BS[:, None].expand(-1, num_nodes, -1), torch.from_numpy(sees_BMM).to(device)), dim=2)
    bias_BMK = torch.zeros(sees_BMK.shape, dtype=dtype, device=device).masked_fill_(~sees_BMK, -torch.inf)
    places_BK = torch.cat((places_BS, num_kept + torch.from_numpy(flat_BM).to(device)), dim=1)
    slots_T = torch.from_numpy(asked.rows_T * num_nodes + asked.places_T).to(device)
    return BehindLayout(num_rows, slots_T, places_BK, bias_BMK)
