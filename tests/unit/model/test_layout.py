"""The flat layout against definitions written out: a trie counted in another way, rows read back from the buffer."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tiny_models import random_row, row

from tunesmith.model.layout import MAX_SHORT_SCORES, PAIRS_UNIT, TOKENS_UNIT, MicroBatch, lay_out
from tunesmith.records import Rendered

TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=12)
ROWS = st.lists(TOKENS, min_size=1, max_size=10)


def rendered(rows: list[list[int]]) -> list[Rendered]:
    return [row(str(n), ids, [0.0] + [1.0] * (len(ids) - 1)) for n, ids in enumerate(rows)]


def num_trie_tokens(rows: list[tuple[int, ...]], min_shared: int, depth: int = 0) -> int:
    """Tokens left when rows that share their next `min_shared` tokens compute their common beginning once."""
    total = 0
    together: dict[object, list[tuple[int, ...]]] = defaultdict(list)
    for number, ids in enumerate(rows):
        following = ids[depth : depth + min_shared]
        together[following if len(following) == min_shared else number].append(ids)
    for group in together.values():
        if len(group) == 1:
            total += len(group[0]) - depth
            continue
        end = depth
        while len({ids[end : end + 1] for ids in group}) == 1 and end < len(group[0]):
            end += 1
        total += end - depth + num_trie_tokens(group, min_shared, end)
    return total


def tree_tokens(batch: MicroBatch) -> int:
    """Tokens computed for the rows, without those that fill the buffer up."""
    assert 0 <= batch.num_filler_tokens < TOKENS_UNIT
    assert batch.num_tokens % TOKENS_UNIT == 0
    return batch.num_tokens - batch.num_filler_tokens


def paths_of(batch: MicroBatch) -> set[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The tokens and positions that the last token of each node sees: its ancestors, then its own node."""
    seen: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
    for group in batch.attention.groups:
        visible_LA = (group.bias_NLA[0] == 0).numpy()
        above = group.ancestors_A.numpy()
        for number in range(group.num_nodes):
            own = np.flatnonzero(
                (group.slots_X >= number * group.length) & (group.slots_X < (number + 1) * group.length)
            )
            last = visible_LA[len(own) - 1]
            assert last[: len(above) + len(own)].all()
            assert not last[len(above) + len(own) :].any()
            places = np.concatenate((above, group.start + own))
            seen.add((tuple(batch.ids_T[places].tolist()), tuple(batch.positions_T[places].tolist())))
    return seen


@pytest.mark.thorough
@given(ROWS, st.integers(1, 4))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_sharing_computes_as_many_tokens_as_the_trie_has(rows: list[list[int]], min_shared: int) -> None:
    (batch,) = lay_out(rendered(rows), 10_000, share=True, min_shared_tokens=min_shared)
    assert tree_tokens(batch) == num_trie_tokens([tuple(ids) for ids in rows], min_shared)
    if min_shared == 1:
        assert tree_tokens(batch) == len({tuple(ids[:end]) for ids in rows for end in range(1, len(ids) + 1)})
    assert batch.num_row_tokens == sum(map(len, rows))


@pytest.mark.thorough
@given(ROWS, st.booleans(), st.integers(1, 40))
@example(  # neighbours share three tokens, the tree only two of them: the rest would be a branch that is too short
    [[0], [0], [0] * 3, [0, 1, 0, 0], [0] * 9, [1] + [0] * 8, [0, 0, 1] + [0] * 7], True, 32
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_no_row_and_no_pair_is_lost_under_any_budget(rows: list[list[int]], share: bool, budget: int) -> None:
    batches = lay_out(rendered(rows), budget, share=share, min_shared_tokens=2)
    assert sorted(id for batch in batches for id in batch.row_ids) == sorted(map(str, range(len(rows))))
    for batch in batches:
        assert tree_tokens(batch) <= budget or len(batch.row_ids) == 1
        assert batch.num_tokens == sum(group.slots_X.numel() for group in batch.attention.groups)
        filler = (0,) * batch.num_filler_tokens
        seen = {path for path in paths_of(batch) if path[0] != filler or list(filler) in rows}
        for number, id in enumerate(batch.row_ids):
            ids = rows[int(id)]
            inside = [(tuple(a), tuple(p)) for a, p in seen if list(a[: len(ids)]) == ids]
            assert inside, "the row is not a path of the tree"
            assert all(positions == tuple(range(len(positions))) for _, positions in inside)
            pairs = batch.row_pairs_Q[batch.row_of_Q == number]
            targets = batch.pair_targets_P[pairs].tolist()
            before = batch.ids_T[batch.pair_positions_P[pairs]].tolist()
            places = batch.positions_T[batch.pair_positions_P[pairs]].tolist()
            assert (before, targets, places) == (ids[:-1], ids[1:], list(range(len(ids) - 1)))
    if not share:
        assert sum(map(tree_tokens, batches)) == sum(map(len, rows))


def test_pair_weights_are_the_sums_of_the_rows_that_share_the_pair() -> None:
    ids = list(range(20))
    rows = [
        row("a", ids, [0.0] * 19 + [2.0]),
        row("b", ids, [0.0] * 19 + [-0.5]),
        row("c", [*ids, 7], [0.0] * 20 + [1.0]),
    ]
    (batch,) = lay_out(rows, 1000, share=True)
    assert tree_tokens(batch) == 21
    fill = [0] * (PAIRS_UNIT - 2)
    assert batch.pair_positions_P.tolist() == [18, 19, *fill]
    assert batch.pair_targets_P.tolist() == [19, 7, *fill]
    assert batch.pair_weights_P.tolist() == [1.5, 1.0, *fill]
    assert batch.weight == 2.5


@pytest.mark.parametrize("suffix", [130, 140, 145, 146, 150, 200, 260])
def test_short_groups_come_first_and_are_called_short(suffix: int) -> None:
    """Also where rounding a length up would cross the border between the two kernels."""
    random = np.random.default_rng(suffix)
    prefix = random.integers(0, 300, 300).tolist()
    rows = [random_row(random, str(n), prefix, suffix) for n in range(2)] + [random_row(random, "x", [], 9)]
    (batch,) = lay_out(rows, 10_000, share=True)
    short = [group.is_short for group in batch.attention.groups]
    assert short == sorted(short, reverse=True)
    stops = [group.stop for group in batch.attention.groups]
    assert [group.start for group in batch.attention.groups] == [0, *stops[:-1]]
    assert all(not group.is_padded for group in batch.attention.groups if not group.is_short)
    assert short.count(False) == 1 + (suffix * (300 + suffix) > MAX_SHORT_SCORES)
