"""The steps of a training as they will lie in memory: the real layout of sampled steps, measured without a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tunesmith.plan.geometry import Geometry
from tunesmith.recipe import Method, Prefix, Prompt, Train
from tunesmith.records import Rendered

if TYPE_CHECKING:
    from torch import Tensor

    from tunesmith.model.layout import MicroBatch

TOKENS_UNIT: Final = 64
"""Micro-batches are filled up to a multiple, `tunesmith.model.layout.TOKENS_UNIT`, which would bring torch."""
NUM_COUNTED: Final = 256
"""Steps, spread over the training, whose tokens are counted."""
NUM_LARGEST: Final = 12
"""Steps with the most tokens that are laid out: the peak is among them."""
NUM_SPREAD: Final = 12
"""Steps spread over the training that are laid out: the mean is theirs."""


class Sampler(Protocol):
    """Says which rows form a step."""

    def rows_of_step(self, step: int) -> NDArray[np.int64]: ...


MakeSampler = Callable[[int, int, int], Sampler]
"""(rows of an epoch, rows of a step, seed) -> the sampler that training will use."""


@dataclass(frozen=True, slots=True)
class BatchShape:
    """What one micro-batch costs, in numbers that no model is needed for."""

    num_tokens: int
    """That are computed."""
    num_pairs: int
    """Supervised (position, target) pairs: rows of logits."""
    num_fused_tokens: int
    """In small documents, whose attention keeps no scores."""
    num_fused_scores: int
    """Scores of those that are not hidden, for one head."""
    num_short_tokens: int
    """In documents whose scores are computed whole."""
    num_short_scores: int
    """Entries of their padded score matrices, for one head."""
    short_shapes: frozenset[tuple[int, int, int]]
    """Nodes, tokens of a node and keys of each group of them: products of one shape are compiled once."""
    num_long_tokens: int
    num_long_keys: int
    """Keys of long documents, their ancestors' again for each."""
    long_shapes: frozenset[tuple[int, int]]
    """Tokens and keys of each of them."""
    num_gathered_keys: int
    """Those of them that are not simply a stretch of the flat buffer."""
    num_long_scores: int
    """Scores of long documents that are not hidden, for one head."""
    num_pieces: int
    """Results of attention that are put together."""
    num_layout_bytes: int

    @property
    def num_scores(self) -> int:
        return self.num_fused_scores + self.num_short_scores + self.num_long_scores


@dataclass(frozen=True, slots=True)
class StepShapes:
    """Micro-batches of the steps that were laid out; all of validation's."""

    largest: tuple[tuple[BatchShape, ...], ...]
    spread: Mapping[int, tuple[BatchShape, ...]]
    """By step, counted from 0."""
    validation: tuple[BatchShape, ...]
    num_sizes: int
    """Different numbers of computed tokens among all steps and validation."""
    num_short_shapes: int
    num_long_shapes: int
    """Different `short_shapes` and `long_shapes` of those that were laid out."""
    num_tokens_mean: float
    """Computed tokens of a step, on average over `spread`."""

    @property
    def every(self) -> tuple[tuple[BatchShape, ...], ...]:
        return (*self.largest, *self.spread.values())


def num_steps_of(rows: Sequence[Rendered], section: Train) -> int:
    num_visits = sum(row.repeats for row in rows)
    num_steps = math.ceil(math.ceil(num_visits / section.batch_rows) * section.epochs)
    return num_steps if section.max_steps is None else min(num_steps, section.max_steps)


def step_shapes(
    rows: Sequence[Rendered],
    validation: Sequence[Rendered],
    section: Train,
    seed: int,
    make_sampler: MakeSampler,
    shapes_of: Callable[[Sequence[Rendered]], tuple[BatchShape, ...]],
) -> StepShapes:
    """Lay out the steps with the most tokens and a spread of the others, as training will. Imports torch.

    `shapes_of`: `batch_shapes` with what it is to know.
    """
    visits = [row for row in rows for _ in range(row.repeats)]
    sampler = make_sampler(len(visits), section.batch_rows, seed)
    num_steps = num_steps_of(rows, section)
    lengths_V = np.array([len(row.ids_T) for row in visits])
    counted = _spread(num_steps, NUM_COUNTED)
    tokens = {step: int(lengths_V[sampler.rows_of_step(step)].sum()) for step in counted}
    largest = sorted(counted, key=lambda step: (-tokens[step], step))[:NUM_LARGEST]

    def laid_out(step: int) -> tuple[BatchShape, ...]:
        return shapes_of([visits[row] for row in sampler.rows_of_step(step)])

    shapes = {step: laid_out(step) for step in _spread(num_steps, NUM_SPREAD)}
    heaviest = tuple(laid_out(step) for step in largest)
    judged = shapes_of([row for row in validation if row.num_supervised])
    batches = [batch for step in (*heaviest, *shapes.values(), judged) for batch in step]
    sizes = {batch.num_tokens for batch in batches}
    return StepShapes(
        largest=heaviest,
        spread=shapes,
        validation=judged,
        num_sizes=max(len(sizes), len({num // TOKENS_UNIT for num in tokens.values()})),
        num_short_shapes=len(frozenset().union(*(batch.short_shapes for batch in batches))),
        num_long_shapes=len(frozenset().union(*(batch.long_shapes for batch in batches))),
        num_tokens_mean=float(np.mean([sum(batch.num_tokens for batch in step) for step in shapes.values()])),
    )


def _spread(num_steps: int, num: int) -> list[int]:
    """At most `num` of the steps, the first and the last among them, in equal distances."""
    return sorted(set(np.linspace(0, num_steps - 1, num).round().astype(int).tolist()))


def one_document(num_tokens: int) -> BatchShape:
    """A micro-batch that is one row, in a kernel that keeps no scores, before anything is asked of it."""
    return BatchShape(
        num_tokens=num_tokens,
        num_pairs=0,
        num_fused_tokens=num_tokens,
        num_fused_scores=num_tokens * (num_tokens + 1) // 2,
        num_short_tokens=0,
        num_short_scores=0,
        short_shapes=frozenset(),
        num_long_tokens=0,
        num_long_keys=0,
        long_shapes=frozenset(),
        num_gathered_keys=0,
        num_long_scores=0,
        num_pieces=1,
        num_layout_bytes=0,
    )


def batch_shapes(
    rows: Sequence[Rendered],
    section: Train,
    max_tokens: int,
    *,
    is_fused: bool,
    is_flash: bool = False,
    is_causal: bool = True,
) -> tuple[BatchShape, ...]:
    """The micro-batches of at most `max_tokens` that these rows become. Imports torch.

    `is_fused`: whether small documents attend in a kernel that keeps no scores; `is_flash`: whether all do.
    `is_causal`: see `lay_out`.
    """
    from tunesmith.model.layout import behind, lay_out

    if not rows:
        return ()
    virtual = _virtual_ids(section.method)
    laid_out = lay_out(behind(rows, virtual), max_tokens, share=section.shares_prefixes, is_causal=is_causal)
    is_whole = bool(section.attention_dropout)
    if is_flash and not is_whole:
        return tuple(_flash_shape(batch) for batch in laid_out)
    return tuple(_shape(batch, is_fused and not is_whole, is_whole) for batch in laid_out)


def _virtual_ids(method: Method) -> tuple[int, ...]:
    """Ids like those that stand before every row; no token of a row has them."""
    return tuple(range(-method.virtual_tokens, 0)) if isinstance(method, Prompt | Prefix) else ()


def _shape(batch: MicroBatch, is_fused: bool, is_whole: bool) -> BatchShape:
    """`is_whole`: attention computes all scores whole."""
    groups = batch.attention.groups
    num_fused = batch.attention.num_small if is_fused else 0
    fused, others = groups[:num_fused], groups[num_fused:]
    short = [group for group in others if is_whole or group.is_short]
    long = others[len(short) :]
    maps = [tensor for group in groups for tensor in (group.slots_X, group.ancestors_A, group.bias_NLA)]
    num_fused_tokens, num_short_tokens = (sum(group.stop - group.start for group in part) for part in (fused, short))
    gathered = [group for group in long if group.num_nodes > 1 or group.ancestors_A.numel()]
    return BatchShape(
        num_tokens=batch.num_tokens,
        num_pairs=batch.pair_positions_P.numel(),
        num_fused_tokens=num_fused_tokens,
        num_fused_scores=sum(group.num_nodes * group.length * (group.length + 1) // 2 for group in fused),
        num_short_tokens=num_short_tokens,
        num_short_scores=sum(group.num_nodes * group.num_scores for group in short),
        short_shapes=frozenset((group.num_nodes, group.length, group.num_keys) for group in short),
        num_long_tokens=batch.num_tokens - num_fused_tokens - num_short_tokens,
        long_shapes=frozenset((group.length, group.num_keys) for group in long),
        num_long_keys=sum(group.num_nodes * group.num_keys for group in long),
        num_gathered_keys=sum(group.num_nodes * group.num_keys for group in gathered),
        # causal: half of the own keys, all of the ancestors'
        num_long_scores=sum(
            group.num_nodes * (group.num_scores - (group.length**2 // 2 if group.is_causal else 0)) for group in long
        ),
        num_pieces=bool(fused) + bool(short) + len(long),
        num_layout_bytes=sum(tensor.nbytes for tensor in (*_row_tensors(batch), *maps)),
    )


def _flash_shape(batch: MicroBatch) -> BatchShape:
    """Every document in one kernel that keeps no scores."""
    layout = batch.attention
    scores = [
        length * siblings.depth + (length * (length + 1) // 2 if layout.is_causal else length**2)
        for siblings in layout.siblings
        for length in siblings.lengths
    ]
    return replace(
        one_document(batch.num_tokens),
        num_pairs=batch.pair_positions_P.numel(),
        num_fused_scores=sum(scores),
        num_layout_bytes=sum(tensor.nbytes for tensor in _row_tensors(batch)),
    )


def _row_tensors(batch: MicroBatch) -> tuple[Tensor, ...]:
    """What a micro-batch holds beside what attention needs to know."""
    tokens = (batch.ids_T, batch.positions_T, batch.pair_positions_P, batch.pair_targets_P, batch.pair_weights_P)
    return (*tokens, batch.row_pairs_Q, batch.row_of_Q, batch.row_weights_Q)


def fuses_attention(geometry: Geometry, device: str) -> bool:
    """Whether this machine has a kernel for small documents that fits these heads. Imports torch."""
    from tunesmith.model.kernels.native import HEAD_UNIT, library

    return device == "cpu" and geometry.head_size % HEAD_UNIT == 0 and library() is not None


def has_flash_attention(geometry: Geometry, device: str, precision: str) -> bool:
    """Whether this machine has flash attention for these heads. Imports torch."""
    from tunesmith.model.kernels import flash

    return device == "cuda" and precision != "fp32" and flash.fits_heads(geometry.head_size) and flash.is_available()
