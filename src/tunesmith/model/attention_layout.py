"""What a token of a flat buffer looks at: its node of the prefix tree and that node's ancestors.

The same tree is told in two ways, each made when attention first asks for it: as groups of padded score matrices, or as
looks of flash attention.

Shapes: T flat tokens, X tokens of a group, N nodes of a group, L tokens of its longest node, A ancestors' tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tunesmith.model.kernels.flash import Look
from tunesmith.model.kernels.native import Documents

MAX_SHORT_SCORES: Final = 1 << 16
"""Queries times keys of one node up to which its scores are computed whole."""
MAX_SMALL_TOKENS: Final = 128
"""Tokens of a document up to which vector code in the processor's cache beats matrix products."""

Stretch = tuple[int, int]
"""Where tokens begin and end in the flat buffer."""


@dataclass(frozen=True, slots=True)
class Siblings:
    """Neighbouring nodes of the flat buffer that hang on the same ancestors."""

    start: int
    lengths: tuple[int, ...]
    """Tokens of each node."""
    ancestors: tuple[Stretch, ...]
    """The root's tokens first."""
    padded_length: int
    """By which nodes were put together."""

    @property
    def stop(self) -> int:
        return self.start + sum(self.lengths)

    @property
    def depth(self) -> int:
        """Tokens of the ancestors."""
        return sum(stop - start for start, stop in self.ancestors)


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
    bias_NLA: Tensor
    """0 where a query may look, else -inf: (1, length, keys) where attention is causal, which hides the padding too,
    else (num_nodes, 1, keys)."""
    is_causal: bool = True

    @property
    def is_padded(self) -> bool:
        return self.slots_X.numel() < self.num_nodes * self.length

    @property
    def num_keys(self) -> int:
        """That a query of the longest node may look at: the ancestors' and the node's own."""
        return self.ancestors_A.numel() + self.length

    @property
    def num_scores(self) -> int:
        """Of one head and one node, hidden ones included."""
        return self.length * self.num_keys

    @property
    def is_short(self) -> bool:
        """Whether whole score matrices are cheaper than a blocked kernel."""
        return self.num_scores <= MAX_SHORT_SCORES


@dataclass(frozen=True)
class AttentionLayout:
    """Travels to the attention function through the model's keyword arguments. Short groups come first."""

    siblings: tuple[Siblings, ...]
    """In the order in which they lie, without gaps."""
    is_causal: bool = True
    device: str = "cpu"
    """Where the tensors of groups and looks are made."""

    def to(self, device: str) -> AttentionLayout:
        return replace(self, device=device)

    @cached_property
    def groups(self) -> tuple[AttentionGroup, ...]:
        return tuple(self._group(each) for each in self.siblings)

    @cached_property
    def num_small(self) -> int:
        """How many of the first groups hold whole, small documents."""
        small = [not each.ancestors and each.padded_length <= MAX_SMALL_TOKENS for each in self.siblings]
        # the kernel of small documents is for causal ones
        return sum(small) if self.is_causal else 0

    @cached_property
    def small_documents(self) -> Documents:
        """The documents of those groups."""
        lengths_N = torch.tensor(self._lengths(self.siblings[: self.num_small]), dtype=torch.int64)
        return Documents(lengths_N.cumsum(0) - lengths_N, lengths_N, int(lengths_N.sum()))

    @cached_property
    def looks(self) -> tuple[Look, ...]:
        """Each token at its own node, then level by level at its node's ancestors."""
        lengths = self._lengths(self.siblings)
        bounds, longest = _bounds(lengths, self.device), max(lengths)
        own = Look(None, None, bounds, bounds, longest, longest, self.is_causal)
        num_levels = max(len(each.ancestors) for each in self.siblings)
        return (own, *(self._look_up(level) for level in range(num_levels)))

    def _look_up(self, level: int) -> Look:
        """All tokens that have an ancestor at this level, the root's being 0, at that ancestor."""
        below: dict[Stretch, list[Stretch]] = {}
        for each in self.siblings:
            if level < len(each.ancestors):
                below.setdefault(each.ancestors[level], []).append((each.start, each.stop))
        num_queries = [sum(stop - start for start, stop in those) for those in below.values()]
        num_keys = [stop - start for start, stop in below]
        return Look(
            _places([stretch for those in below.values() for stretch in those], self.device),
            _places(list(below), self.device),
            _bounds(num_queries, self.device),
            _bounds(num_keys, self.device),
            max(num_queries),
            max(num_keys),
            is_causal=False,
        )

    def _group(self, each: Siblings) -> AttentionGroup:
        length = max(each.lengths)
        slots = [number * length + np.arange(size) for number, size in enumerate(each.lengths)]
        bias_NLA = _causal_bias(each.depth, length) if self.is_causal else _padding_bias(each.lengths)
        return AttentionGroup(
            start=each.start,
            stop=each.stop,
            num_nodes=len(each.lengths),
            length=length,
            slots_X=torch.from_numpy(np.concatenate(slots)).to(self.device, non_blocking=True),
            ancestors_A=_places(each.ancestors, self.device),
            bias_NLA=bias_NLA.to(self.device, non_blocking=True),
            is_causal=self.is_causal,
        )

    @staticmethod
    def _lengths(siblings: tuple[Siblings, ...]) -> list[int]:
        return [length for each in siblings for length in each.lengths]


def _bounds(lengths: list[int], device: str) -> Tensor:
    """(N + 1,) int32: where each of N stretches ends, behind 0."""
    return torch.tensor([0, *lengths], dtype=torch.int32).cumsum(0, dtype=torch.int32).to(device, non_blocking=True)


def _places(stretches: list[Stretch] | tuple[Stretch, ...], device: str) -> Tensor:
    """Flat positions of their tokens, int64."""
    ranges: list[NDArray[np.int64]] = [np.arange(*stretch) for stretch in stretches]
    places = np.concatenate(ranges) if ranges else np.empty(0, np.int64)
    return torch.from_numpy(places).to(device, non_blocking=True)


def _causal_bias(depth: int, length: int) -> Tensor:
    """(1, length, depth + length): all of the ancestors, then causal."""
    return _minus_infinity(torch.ones(1, length, depth + length, dtype=torch.bool).triu(diagonal=depth + 1))


def _padding_bias(lengths: tuple[int, ...]) -> Tensor:
    """(nodes, 1, longest): all of a node's own tokens."""
    return _minus_infinity(torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None, None])


def _minus_infinity(hidden: Tensor) -> Tensor:
    return torch.zeros(hidden.shape).masked_fill_(hidden, -torch.inf)
