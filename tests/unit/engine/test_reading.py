"""Two ways to say where nodes look: for a kernel that walks from key to key, and for products of padded rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tunesmith.engine.candidates import CandidateTree, reading
from tunesmith.engine.reading import padded_behind, seen_behind
from tunesmith.model.attention import attend_flat
from tunesmith.model.kernels import is_native

NUM_FILLER = 3
CANDIDATES = ([1, 2, 3], [1, 2, 4, 5], [6, 7], [1, 8, 9, 10])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_both_attend_as_a_softmax_over_what_a_node_sees(dtype: torch.dtype) -> None:
    if not is_native(torch.empty(0, dtype=dtype)):
        pytest.skip("no C++ compiler makes the kernel here")
    tree = CandidateTree.of(CANDIDATES)
    rng = torch.Generator().manual_seed(0)
    num_chains = len(tree.parent_G)
    chosen_BG = np.random.default_rng(2).random((3, num_chains)) < 0.7
    chosen_BG[:, 0] = True
    asked = reading(tree, chosen_BG)
    num_kept, num_nodes = 9, len(asked.ids_T)
    places_BS = torch.tensor([[0, 1, 2, 0], [0, 1, 3, 4], [5, 6, 7, 8]])
    seen_BS = torch.tensor([[True, True, True, False], [True] * 4, [True] * 4])
    query_THD = torch.randn(num_nodes + NUM_FILLER, 4, 16, generator=rng, dtype=dtype)
    key_AHD, value_AHD = (
        torch.randn(num_kept + num_nodes + NUM_FILLER, 2, 16, generator=rng, dtype=dtype) for _ in range(2)
    )
    walked = seen_behind(places_BS, seen_BS, num_kept, asked, NUM_FILLER)
    padded = padded_behind(places_BS, seen_BS, num_kept, asked, dtype)
    one, other = (attend_flat(query_THD, key_AHD, value_AHD, layout, 0.25) for layout in (walked, padded))
    tolerance = 1e-5 if dtype is torch.float32 else 2e-2
    for node, end in enumerate(asked.num_seen_T.cumsum()):
        row, own = asked.rows_T[node], asked.seen_Y[end - asked.num_seen_T[node] : end]
        places = [*places_BS[row][seen_BS[row]].tolist(), *(num_kept + own).tolist()]
        for head in range(4):
            scores = key_AHD[places, head // 2].double() @ query_THD[node, head].double() * 0.25
            expected_D = scores.softmax(0) @ value_AHD[places, head // 2].double()
            for found_THD in (one, other):
                torch.testing.assert_close(found_THD[node, head].double(), expected_D, atol=tolerance, rtol=tolerance)
