"""How a step's rows lie in memory: flat, without padding between them, common beginnings computed once.

In the rows of an encoder every token attends to its whole row: such rows share nothing.

Rows are the leaves of a prefix tree found from their token ids. Each node of the tree is one run of tokens in the
flat buffer; a token attends to its node's earlier tokens and to its node's ancestors. Supervision is an index list of
(position, target, weight): the last token of a shared prefix may predict several targets, so sharing changes neither
loss nor gradient.

Shapes: T flat tokens, P supervised (position, target) pairs, Q entries of rows into pairs, R rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tunesmith.model.attention_layout import MAX_SHORT_SCORES, AttentionLayout, Siblings, Stretch
from tunesmith.records import Rendered

MIN_SHARED_TOKENS: Final = 16
"""A shorter common beginning costs more in extra attention calls than it saves."""
TOKENS_UNIT: Final = 64
"""The flat buffer is filled up to a multiple of this by a document of its own that supervises nothing: a matrix
product of a shape that was seen before starts many times faster (oneDNN generates code for each new shape)."""
PAIRS_UNIT: Final = 32
"""The same for supervised pairs; those that fill up have weight 0."""


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Rows laid flat, ready for one forward pass.

    ids_T and positions_T are int64; pair_positions_P points into T; pair_weights_P is the sum of the loss weights of
    all rows that share the pair, 0 for pairs that fill the list up to PAIRS_UNIT; row_pairs_Q and row_of_Q tell which
    pairs belong to which row, row_weights_Q with which weight, references_Q with which log-likelihood under the
    reference model (0 without one). read_R points to the token of each row that a head reads: its last, or its first
    where attention is not causal; targets_R is NaN and target_weights_R 0 for a row without a target; rows of one group
    have one number in groups_R, counted from 0.
    """

    ids_T: Tensor
    positions_T: Tensor
    attention: AttentionLayout
    pair_positions_P: Tensor
    pair_targets_P: Tensor
    pair_weights_P: Tensor
    row_pairs_Q: Tensor
    row_of_Q: Tensor
    row_weights_Q: Tensor
    references_Q: Tensor
    read_R: Tensor
    targets_R: Tensor
    target_weights_R: Tensor
    groups_R: Tensor
    row_ids: tuple[str, ...]
    places_R: tuple[NDArray[np.int64], ...]
    """Where each of a row's tokens lies in the buffer."""
    num_filler_tokens: int
    """Tokens of no row, which round the buffer up to TOKENS_UNIT."""
    num_row_tokens: int
    """Tokens of the rows as they were given: what a padless layout without sharing would compute."""
    weight: float
    """Sum of the loss weights of all tokens."""
    target_weight: float
    """Sum of the weights of all rows that have a target."""

    @property
    def num_tokens(self) -> int:
        """Tokens that are computed."""
        return self.ids_T.numel()

    def to(self, device: str) -> MicroBatch:
        """The same on a device, for whose work the host does not wait."""
        if device == "cpu":
            return self
        return replace(
            self,
            ids_T=self.ids_T.to(device, non_blocking=True),
            positions_T=self.positions_T.to(device, non_blocking=True),
            attention=self.attention.to(device),
            pair_positions_P=self.pair_positions_P.to(device, non_blocking=True),
            pair_targets_P=self.pair_targets_P.to(device, non_blocking=True),
            pair_weights_P=self.pair_weights_P.to(device, non_blocking=True),
            row_pairs_Q=self.row_pairs_Q.to(device, non_blocking=True),
            row_of_Q=self.row_of_Q.to(device, non_blocking=True),
            row_weights_Q=self.row_weights_Q.to(device, non_blocking=True),
            references_Q=self.references_Q.to(device, non_blocking=True),
            read_R=self.read_R.to(device, non_blocking=True),
            targets_R=self.targets_R.to(device, non_blocking=True),
            target_weights_R=self.target_weights_R.to(device, non_blocking=True),
            groups_R=self.groups_R.to(device, non_blocking=True),
        )


def round_up(number: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-number // unit) * unit


def behind(rows: Sequence[Rendered], ids: Sequence[int]) -> list[Rendered]:
    """The rows behind tokens that all of them begin with; neither these nor what they predict is supervised."""
    if not ids:
        return list(rows)
    ids_P, none_P = np.array(ids, np.int32), np.zeros(len(ids), np.float32)
    return [
        replace(
            row,
            ids_T=np.concatenate((ids_P, row.ids_T)),
            weights_T=np.concatenate((none_P, none_P[:1], row.weights_T[1:])),
            references_T=None if row.references_T is None else np.concatenate((none_P, row.references_T)),
        )
        for row in rows
    ]


@dataclass(slots=True)
class _Node:
    ids_N: NDArray[np.int32]
    parent: int
    depth: int
    """Tokens before this node on the way from the root."""
    start: int = -1


def lay_out(
    rows: Sequence[Rendered],
    max_tokens: int,
    *,
    share: bool,
    is_causal: bool = True,
    min_shared_tokens: int = MIN_SHARED_TOKENS,
) -> list[MicroBatch]:
    """Lay rows flat into as few micro-batches of at most `max_tokens` computed tokens as their order allows.

    A row longer than `max_tokens`, or a group of rows, gets a micro-batch of its own: the budget bounds memory, it
    never cuts a row nor parts a group. The budget counts in whole TOKENS_UNITs. Where attention is not causal, each
    token attends to all of its row and nothing is shared, whatever `share` says.
    """
    share = share and is_causal
    units = _units(rows, share=share)
    ordered = [row for unit in units for row in unit]
    common = [0] * len(ordered)
    if share:
        common[1:] = [_common_length(a.ids_T, b.ids_T) for a, b in pairwise(ordered)]
    bounds = [0, *accumulate(map(len, units))]
    return [
        _micro_batch(ordered[lo:hi], [0, *common[lo + 1 : hi]], min_shared_tokens, is_causal=is_causal)
        for lo, hi in _cuts(ordered, common, bounds, max_tokens, min_shared_tokens)
    ]


def divide(
    rows: Sequence[Rendered], num_parts: int, *, share: bool, min_shared_tokens: int = MIN_SHARED_TOKENS
) -> list[list[Rendered]]:
    """Cut rows, in the order in which `lay_out` lays them, so that the largest part computes as little as it can.

    No group is parted; a beginning that rows share counts once in each part that it falls into. A part is empty
    where there are fewer units than parts.
    """
    if num_parts == 1:
        return [list(rows)]
    units = _units(rows, share=share)
    last = None
    own_U, shared_U = [], []  # tokens of a unit by itself, and how many of them are spared behind the one before it
    for unit in units:
        spared = []
        for row in unit:
            common = _common_length(last.ids_T, row.ids_T) if share and last is not None else 0
            spared.append(common if common >= min_shared_tokens else 0)
            last = row
        own_U.append(sum(len(row.ids_T) for row in unit) - sum(spared[1:]))
        shared_U.append(spared[0])
    too_few, enough = max(own_U, default=1) - 1, sum(own_U)
    while enough - too_few > 1:
        budget = (too_few + enough) // 2
        if len(_filled(own_U, shared_U, budget)) <= num_parts:
            enough = budget
        else:
            too_few = budget
    begins = _filled(own_U, shared_U, enough)
    bounds = begins + [len(units)] * (num_parts + 1 - len(begins))
    return [[row for unit in units[lo:hi] for row in unit] for lo, hi in pairwise(bounds)]


def _filled(own_U: Sequence[int], shared_U: Sequence[int], budget: int) -> list[int]:
    """Where parts begin when each takes as many units as the budget holds."""
    begins: list[int] = []
    num_tokens = 0
    for index, (own, shared) in enumerate(zip(own_U, shared_U, strict=True)):
        num_tokens += own - shared
        if not begins or num_tokens > budget:
            begins.append(index)
            num_tokens = own
    return begins


def _units(rows: Sequence[Rendered], *, share: bool) -> list[list[Rendered]]:
    """Rows that stay together: those of a group, else each by itself; alike ones are neighbours."""

    def key(row: Rendered) -> bytes | int:
        # big-endian bytes compare like the token sequences themselves
        return row.ids_T.astype(">i4").tobytes() if share else len(row.ids_T)

    units: dict[str | int, list[Rendered]] = {}
    for row in sorted(rows, key=key):
        units.setdefault(len(units) if row.group is None else row.group, []).append(row)
    return list(units.values())


def _cuts(
    rows: Sequence[Rendered],
    common: Sequence[int],
    bounds: Sequence[int],
    max_tokens: int,
    min_shared_tokens: int,
) -> Iterator[tuple[int, int]]:
    """Where micro-batches begin and end; they do so at `bounds`, between units."""
    first = 0
    while first < len(bounds) - 1:
        lo, last, at_least = bounds[first], first, 0
        while last < len(bounds) - 1:
            num_tokens = sum(
                len(rows[index].ids_T) - (common[index] if index > lo and common[index] >= min_shared_tokens else 0)
                for index in range(bounds[last], bounds[last + 1])
            )
            if last > first and at_least + num_tokens > max_tokens:
                break
            at_least += num_tokens
            last += 1
        # the tree leaves out branches shorter than min_shared_tokens, fewer than so many tokens a row
        if at_least + (bounds[last] - lo - 1) * (min_shared_tokens - 1) > max_tokens:
            while last - first > 1 and (
                _num_computed(rows[lo : bounds[last]], [0, *common[lo + 1 : bounds[last]]], min_shared_tokens)
                > max_tokens
            ):
                last -= 1
        yield lo, bounds[last]
        first = last


def _num_computed(rows: Sequence[Rendered], common: Sequence[int], min_shared_tokens: int) -> int:
    nodes, _ = _tree(rows, common, min_shared_tokens)
    return sum(len(node.ids_N) for node in nodes)


def _common_length(a_N: NDArray[np.int32], b_N: NDArray[np.int32]) -> int:
    num = min(len(a_N), len(b_N))
    different = np.flatnonzero(a_N[:num] != b_N[:num])
    return int(different[0]) if len(different) else num


def _micro_batch(
    rows: Sequence[Rendered], common: Sequence[int], min_shared_tokens: int, *, is_causal: bool
) -> MicroBatch:
    nodes, paths = _tree(rows, common, min_shared_tokens)
    num_tree_tokens = sum(len(node.ids_N) for node in nodes)
    num_tokens = round_up(num_tree_tokens, TOKENS_UNIT)
    if num_tokens > num_tree_tokens:
        nodes.append(_Node(np.zeros(num_tokens - num_tree_tokens, np.int32), -1, 0))
    attention = _place(nodes, is_causal=is_causal)
    ids_T = np.empty(num_tokens, np.int64)
    positions_T = np.empty(num_tokens, np.int64)
    for node in nodes:
        stop = node.start + len(node.ids_N)
        ids_T[node.start : stop] = node.ids_N
        positions_T[node.start : stop] = np.arange(node.depth, node.depth + len(node.ids_N))
    flat = [_flat_index(nodes, path) for path in paths]
    pairs = [_supervision(row, flat_T) for row, flat_T in zip(rows, flat, strict=True)]
    positions_Q, targets_Q, weights_Q, references_Q = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    row_of_Q = np.repeat(np.arange(len(rows)), [len(pair[0]) for pair in pairs])
    targets_R = torch.tensor([row.target for row in rows], dtype=torch.float32)
    target_weights_R = torch.tensor([0.0 if math.isnan(row.target) else row.target_weight for row in rows])
    numbers: dict[str | int, int] = {}
    groups_R = [numbers.setdefault(n if row.group is None else row.group, len(numbers)) for n, row in enumerate(rows)]
    keys_P, row_pairs_Q = np.unique((positions_Q << 32) | targets_Q, return_inverse=True)
    keys_P = np.pad(keys_P, (0, round_up(len(keys_P), PAIRS_UNIT) - len(keys_P)))
    pair_weights_P = np.bincount(row_pairs_Q, weights=weights_Q, minlength=len(keys_P)).astype(np.float32)
    return MicroBatch(
        ids_T=torch.from_numpy(ids_T),
        positions_T=torch.from_numpy(positions_T),
        attention=attention,
        pair_positions_P=torch.from_numpy(keys_P >> 32),
        pair_targets_P=torch.from_numpy(keys_P & 0xFFFFFFFF),
        pair_weights_P=torch.from_numpy(pair_weights_P),
        row_pairs_Q=torch.from_numpy(row_pairs_Q),
        row_of_Q=torch.from_numpy(row_of_Q),
        row_weights_Q=torch.from_numpy(weights_Q),
        references_Q=torch.from_numpy(references_Q),
        read_R=torch.tensor([flat_T[-1 if is_causal else 0] for flat_T in flat]),
        targets_R=targets_R,
        target_weights_R=target_weights_R,
        groups_R=torch.tensor(groups_R),
        row_ids=tuple(row.id for row in rows),
        places_R=tuple(flat),
        num_filler_tokens=num_tokens - num_tree_tokens,
        num_row_tokens=sum(len(row.ids_T) for row in rows),
        weight=float(weights_Q.sum(dtype=np.float64)),
        target_weight=float(target_weights_R.double().sum()),
    )


def _tree(
    rows: Sequence[Rendered], common: Sequence[int], min_shared_tokens: int
) -> tuple[list[_Node], list[list[int]]]:
    """The prefix tree of sorted rows, and for each row its nodes from the root."""
    nodes: list[_Node] = []
    paths: list[list[int]] = [[] for _ in rows]
    # (lo, hi, depth, parent path): rows lo..hi agree on their first `depth` tokens
    waiting: list[tuple[int, int, int, list[int]]] = [(0, len(rows), 0, [])]
    while waiting:
        lo, hi, depth, path = waiting.pop()
        start = lo
        for index in range(lo + 1, hi + 1):
            if index < hi and common[index] >= depth + min_shared_tokens:
                continue
            stop = len(rows[start].ids_T) if index - start == 1 else min(common[start + 1 : index])
            here = path
            if stop > depth:  # a row that ends where its parent does has no node of its own
                nodes.append(_Node(rows[start].ids_T[depth:stop], path[-1] if path else -1, depth))
                here = [*path, len(nodes) - 1]
            if index - start == 1:
                paths[start] = here
            else:
                waiting.append((start, index, stop, here))
            start = index
    return nodes, paths


def _place(nodes: list[_Node], *, is_causal: bool) -> AttentionLayout:
    """Give every node its start: nodes with one parent and nearly one length lie together and form one group."""
    together: dict[tuple[bool, int, int, int], list[int]] = {}
    for index, node in enumerate(nodes):
        length = len(node.ids_N)
        # the rule of AttentionGroup.is_short: no node of a short group is long
        is_long = length * (node.depth + length) > MAX_SHORT_SCORES
        # blocked kernels want no padding: long nodes share a group only when they are equally long
        kind = (is_long, node.parent, node.depth, length if is_long else _padded_length(length))
        together.setdefault(kind, []).append(index)
    # sorted by length behind the parent, so that whole and small documents lie first
    ordered = sorted(together.items(), key=lambda item: item[0])
    start = 0
    for _, members in ordered:
        for index in members:
            nodes[index].start = start
            start += len(nodes[index].ids_N)
    siblings = [
        Siblings(
            start=nodes[members[0]].start,
            lengths=tuple(len(nodes[index].ids_N) for index in members),
            ancestors=_ancestors(nodes, parent),
            padded_length=padded_length,
        )
        for (_, parent, _, padded_length), members in ordered
    ]
    return AttentionLayout(tuple(siblings), is_causal)


def _padded_length(length: int) -> int:
    """Round up, short nodes to a multiple of 16, others by half at most: fewer, fuller groups for some padding."""
    unit = max(16, 1 << max(0, length.bit_length() - 2))
    return -(-length // unit) * unit


def _ancestors(nodes: Sequence[_Node], parent: int) -> tuple[Stretch, ...]:
    """The places of a node's parent and of what is above it, the root first."""
    path: list[Stretch] = []
    while parent >= 0:
        node = nodes[parent]
        path.append((node.start, node.start + len(node.ids_N)))
        parent = node.parent
    return tuple(path[::-1])


def _flat_index(nodes: Sequence[_Node], path: Sequence[int]) -> NDArray[np.int64]:
    """Where each token of a row lies in the flat buffer."""
    return np.concatenate([np.arange(nodes[i].start, nodes[i].start + len(nodes[i].ids_N)) for i in path])


def _supervision(
    row: Rendered, flat_T: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """(position, target, weight, reference) of the supervised tokens: token t is predicted at the place of t - 1."""
    supervised = np.flatnonzero(row.weights_T[1:]) + 1
    weights = row.weights_T[supervised]
    references = np.zeros_like(weights) if row.references_T is None else row.references_T[supervised]
    return flat_T[supervised - 1], row.ids_T[supervised].astype(np.int64), weights, references
