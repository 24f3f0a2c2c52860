"""How a step's rows lie in memory: flat, without padding between them, common beginnings computed once.

Rows are the leaves of a prefix tree found from their token ids. Each node of the tree is one run of tokens in the
flat buffer; a token attends to its node's earlier tokens and to its node's ancestors. Supervision is an index list of
(position, target, weight): the last token of a shared prefix may predict several targets, so sharing changes neither
loss nor gradient.

Shapes: T flat tokens, P supervised (position, target) pairs, Q entries of rows into pairs, R rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tunesmith.model.kernels.native import Documents
from tunesmith.records import Rendered

MIN_SHARED_TOKENS: Final = 16
"""A shorter common beginning costs more in extra attention calls than it saves."""
MAX_SHORT_SCORES: Final = 1 << 16
"""Queries times keys of one node up to which its scores are computed whole."""
TOKENS_UNIT: Final = 64
"""The flat buffer is filled up to a multiple of this by a document of its own that supervises nothing: a matrix
product of a shape that was seen before starts many times faster (oneDNN generates code for each new shape)."""
PAIRS_UNIT: Final = 32
"""The same for supervised pairs; those that fill up have weight 0."""
MAX_SMALL_TOKENS: Final = 128
"""Tokens of a document up to which vector code in the processor's cache beats matrix products."""


@dataclass(frozen=True, slots=True)
class AttentionGroup:
    """Neighbouring nodes that hang on the same ancestors, padded to one length inside attention only."""

    start: int
    """Where the group's tokens begin in the flat buffer; they lie without gaps up to `stop`."""
    stop: int
    num_nodes: int
    length: int
    """Tokens of the longest node."""
    slots_X: Tensor
    """Where each of the group's tokens lies in the padded (num_nodes * length); int64."""
    ancestors_A: Tensor
    """Flat positions of the ancestors' tokens, the root's first; int64."""
    bias_LA: Tensor
    """(length, ancestors + length): 0 where a query may look, else -inf. Causality also hides the padding."""

    @property
    def is_padded(self) -> bool:
        return self.slots_X.numel() < self.num_nodes * self.length

    @property
    def is_short(self) -> bool:
        """Whether whole score matrices are cheaper than a blocked kernel."""
        return self.bias_LA.numel() <= MAX_SHORT_SCORES


@dataclass(frozen=True, slots=True)
class AttentionLayout:
    """Travels to the attention function through the model's keyword arguments. Short groups come first."""

    groups: tuple[AttentionGroup, ...]
    num_small: int
    """How many of the first groups hold whole, small documents."""
    small_documents: Documents
    """The documents of those groups."""

    def to(self, device: str) -> AttentionLayout:
        return replace(
            self,
            groups=tuple(
                replace(
                    group,
                    slots_X=group.slots_X.to(device),
                    ancestors_A=group.ancestors_A.to(device),
                    bias_LA=group.bias_LA.to(device),
                )
                for group in self.groups
            ),
        )


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Rows laid flat, ready for one forward pass.

    ids_T and positions_T are int64; pair_positions_P points into T; pair_weights_P is the sum of the loss weights of
    all rows that share the pair, 0 for pairs that fill the list up to PAIRS_UNIT; row_pairs_Q and row_of_Q tell which
    pairs belong to which row, row_weights_Q with which weight.
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
    row_ids: tuple[str, ...]
    num_filler_tokens: int
    """Tokens of no row, which round the buffer up to TOKENS_UNIT."""
    num_row_tokens: int
    """Tokens of the rows as they were given: what a padless layout without sharing would compute."""
    weight: float
    """Sum of all loss weights."""

    @property
    def num_tokens(self) -> int:
        """Tokens that are computed."""
        return self.ids_T.numel()

    def to(self, device: str) -> MicroBatch:
        if device == "cpu":
            return self
        return replace(
            self,
            ids_T=self.ids_T.to(device),
            positions_T=self.positions_T.to(device),
            attention=self.attention.to(device),
            pair_positions_P=self.pair_positions_P.to(device),
            pair_targets_P=self.pair_targets_P.to(device),
            pair_weights_P=self.pair_weights_P.to(device),
            row_pairs_Q=self.row_pairs_Q.to(device),
            row_of_Q=self.row_of_Q.to(device),
            row_weights_Q=self.row_weights_Q.to(device),
        )


def round_up(number: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-number // unit) * unit


@dataclass(slots=True)
class _Node:
    ids_N: NDArray[np.int32]
    parent: int
    depth: int
    """Tokens before this node on the way from the root."""
    start: int = -1


def lay_out(
    rows: Sequence[Rendered], max_tokens: int, *, share: bool, min_shared_tokens: int = MIN_SHARED_TOKENS
) -> list[MicroBatch]:
    """Lay rows flat into as few micro-batches of at most `max_tokens` computed tokens as their order allows.

    A row longer than `max_tokens` gets a micro-batch of its own: the budget bounds memory, it never cuts a row. The
    budget counts in whole TOKENS_UNITs.
    """
    if share:
        # big-endian bytes compare like the token sequences themselves
        ordered = sorted(rows, key=lambda row: row.ids_T.astype(">i4").tobytes())
        common = [0] + [_common_length(a.ids_T, b.ids_T) for a, b in pairwise(ordered)]
    else:
        ordered = sorted(rows, key=lambda row: len(row.ids_T))
        common = [0] * len(ordered)
    return [
        _micro_batch(ordered[lo:hi], [0, *common[lo + 1 : hi]], min_shared_tokens)
        for lo, hi in _cuts(ordered, common, max_tokens, min_shared_tokens)
    ]


def _cuts(
    rows: Sequence[Rendered], common: Sequence[int], max_tokens: int, min_shared_tokens: int
) -> Iterator[tuple[int, int]]:
    lo = 0
    while lo < len(rows):
        hi, at_least = lo, 0
        while hi < len(rows):
            shared = common[hi] if hi > lo and common[hi] >= min_shared_tokens else 0
            if hi > lo and at_least + len(rows[hi].ids_T) - shared > max_tokens:
                break
            at_least += len(rows[hi].ids_T) - shared
            hi += 1
        # the tree leaves out branches shorter than min_shared_tokens, fewer than so many tokens a row
        if at_least + (hi - lo - 1) * (min_shared_tokens - 1) > max_tokens:
            while hi - lo > 1 and _num_computed(rows[lo:hi], [0, *common[lo + 1 : hi]], min_shared_tokens) > max_tokens:
                hi -= 1
        yield lo, hi
        lo = hi


def _num_computed(rows: Sequence[Rendered], common: Sequence[int], min_shared_tokens: int) -> int:
    nodes, _ = _tree(rows, common, min_shared_tokens)
    return sum(len(node.ids_N) for node in nodes)


def _common_length(a_N: NDArray[np.int32], b_N: NDArray[np.int32]) -> int:
    num = min(len(a_N), len(b_N))
    different = np.flatnonzero(a_N[:num] != b_N[:num])
    return int(different[0]) if len(different) else num


def _micro_batch(rows: Sequence[Rendered], common: Sequence[int], min_shared_tokens: int) -> MicroBatch:
    nodes, paths = _tree(rows, common, min_shared_tokens)
    num_tree_tokens = sum(len(node.ids_N) for node in nodes)
    num_tokens = round_up(num_tree_tokens, TOKENS_UNIT)
    if num_tokens > num_tree_tokens:
        nodes.append(_Node(np.zeros(num_tokens - num_tree_tokens, np.int32), -1, 0))
    attention = _place(nodes)
    ids_T = np.empty(num_tokens, np.int64)
    positions_T = np.empty(num_tokens, np.int64)
    for node in nodes:
        stop = node.start + len(node.ids_N)
        ids_T[node.start : stop] = node.ids_N
        positions_T[node.start : stop] = np.arange(node.depth, node.depth + len(node.ids_N))
    pairs = [_supervision(row, _flat_index(nodes, path)) for row, path in zip(rows, paths, strict=True)]
    positions_Q = np.concatenate([pair[0] for pair in pairs])
    targets_Q = np.concatenate([pair[1] for pair in pairs])
    weights_Q = np.concatenate([pair[2] for pair in pairs])
    row_of_Q = np.repeat(np.arange(len(rows)), [len(pair[0]) for pair in pairs])
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
        row_ids=tuple(row.id for row in rows),
        num_filler_tokens=num_tokens - num_tree_tokens,
        num_row_tokens=sum(len(row.ids_T) for row in rows),
        weight=float(weights_Q.sum(dtype=np.float64)),
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


def _place(nodes: list[_Node]) -> AttentionLayout:
    """Give every node its start: nodes with one parent and nearly one length lie together and form one group."""
    together: dict[tuple[bool, int, int, int], list[int]] = {}
    for index, node in enumerate(nodes):
        length = len(node.ids_N)
        # the rule of AttentionGroup.is_short: no node of a short group is long
        is_long = length * (node.depth + length) > MAX_SHORT_SCORES
        # blocked kernels want no padding: long nodes share a group only when they are equally long
        kind = (is_long, node.parent, node.depth, length if is_long else _padded_length(length))
        together.setdefault(kind, []).append(index)
    groups: list[AttentionGroup] = []
    start = 0
    ordered = sorted(together.items(), key=lambda item: item[0])
    for _, members in ordered:
        for index in members:
            nodes[index].start = start
            start += len(nodes[index].ids_N)
    for (_, parent, depth, _), members in ordered:
        lengths = [len(nodes[index].ids_N) for index in members]
        length = max(lengths)
        slots = [number * length + np.arange(size) for number, size in enumerate(lengths)]
        groups.append(
            AttentionGroup(
                start=nodes[members[0]].start,
                stop=nodes[members[-1]].start + lengths[-1],
                num_nodes=len(members),
                length=length,
                slots_X=torch.from_numpy(np.concatenate(slots)),
                ancestors_A=torch.from_numpy(_ancestors(nodes, parent)),
                bias_LA=_bias(depth, length),
            )
        )
    # sorted by length behind the parent, so that whole and small documents lie first
    small = [members for (_, parent, _, length), members in ordered if parent < 0 and length <= MAX_SMALL_TOKENS]
    documents = [nodes[index] for members in small for index in members]
    return AttentionLayout(tuple(groups), len(small), _documents(documents))


def _documents(nodes: Sequence[_Node]) -> Documents:
    lengths = [len(node.ids_N) for node in nodes]
    starts = [node.start for node in nodes]
    return Documents(torch.tensor(starts, dtype=torch.int64), torch.tensor(lengths, dtype=torch.int64), sum(lengths))


def _padded_length(length: int) -> int:
    """Round up, short nodes to a multiple of 16, others by half at most: fewer, fuller groups for some padding."""
    unit = max(16, 1 << max(0, length.bit_length() - 2))
    return -(-length // unit) * unit


def _ancestors(nodes: Sequence[_Node], parent: int) -> NDArray[np.int64]:
    path: list[int] = []
    while parent >= 0:
        path.append(parent)
        parent = nodes[parent].parent
    return _flat_index(nodes, path[::-1]) if path else np.empty(0, np.int64)


def _bias(depth: int, length: int) -> Tensor:
    """(length, depth + length): all of the ancestors, then causal."""
    hidden = torch.ones(length, depth + length, dtype=torch.bool).triu(diagonal=depth + 1)
    return torch.zeros(hidden.shape).masked_fill_(hidden, -torch.inf)


def _flat_index(nodes: Sequence[_Node], path: Sequence[int]) -> NDArray[np.int64]:
    """Where each token of a row lies in the flat buffer."""
    return np.concatenate([np.arange(nodes[i].start, nodes[i].start + len(nodes[i].ids_N)) for i in path])


def _supervision(
    row: Rendered, flat_T: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """(position, target, weight) of the row's supervised tokens: token t is predicted at the place of token t - 1."""
    supervised = np.flatnonzero(row.weights_T[1:]) + 1
    return flat_T[supervised - 1], row.ids_T[supervised].astype(np.int64), row.weights_T[supervised]
