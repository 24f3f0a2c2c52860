"""A flat batch several times in one buffer, so that several adapters compute the same rows in one pass.

Attention wants small documents first, then short groups, then long ones. The buffer has one stretch for each of these
kinds; in it the copies lie one after the other, equally long.

Shapes: T flat tokens, of all copies or of one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby

import torch
from torch import Tensor

from tunesmith.model.attention_layout import MAX_SHORT_SCORES, AttentionLayout, Siblings, Stretch
from tunesmith.model.layout import MicroBatch


@dataclass(frozen=True, slots=True)
class Copies:
    """What a forward pass reads, ids_T and positions_T int64. Copies see nothing of each other."""

    ids_T: Tensor
    positions_T: Tensor
    attention: AttentionLayout
    stretches: tuple[Stretch, ...]
    """They cover the buffer in order; each is parted evenly among the copies."""
    num: int

    def parted(self, states: Tensor) -> list[Tensor]:
        """Of states (T, ...) of all copies those of each, in the order of the batch that was copied."""
        sizes = [(stop - start) // self.num for start, stop in self.stretches for _ in range(self.num)]
        pieces = torch.split(states, sizes)
        return [torch.cat(pieces[copy :: self.num]) for copy in range(self.num)]


def copied(batch: MicroBatch, num: int) -> Copies:
    """The batch `num` times."""
    layout = batch.attention
    kinds = [list(alike) for _, alike in groupby(enumerate(layout.siblings), key=lambda item: _kind(layout, *item))]
    bounds = [(alike[0][1].start, alike[-1][1].stop) for alike in kinds]
    siblings = [_moved(each, bounds, copy, num) for alike in kinds for copy in range(num) for _, each in alike]
    return Copies(
        ids_T=torch.cat([batch.ids_T[start:stop].repeat(num) for start, stop in bounds]),
        positions_T=torch.cat([batch.positions_T[start:stop].repeat(num) for start, stop in bounds]),
        attention=replace(layout, siblings=tuple(siblings)),
        stretches=tuple((num * start, num * stop) for start, stop in bounds),
        num=num,
    )


def _kind(layout: AttentionLayout, index: int, each: Siblings) -> int:
    """0 for small documents, 1 for other short groups, 2 for long ones: attention wants them in this order."""
    longest = max(each.lengths)
    is_long = longest * (each.depth + longest) > MAX_SHORT_SCORES
    return 0 if index < layout.num_small else 1 + is_long


def _moved(each: Siblings, bounds: list[Stretch], copy: int, num: int) -> Siblings:
    """Where these nodes, which look at the ancestors of their own copy, lie in the buffer of all copies."""

    def place(token: int) -> int:
        start, stop = next(bound for bound in bounds if token < bound[1])
        return num * start + copy * (stop - start) + token - start

    ancestors = tuple((place(start), place(start) + stop - start) for start, stop in each.ancestors)
    return replace(each, start=place(each.start), ancestors=ancestors)
