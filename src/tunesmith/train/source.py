"""Where a step's rows come from when they are on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tunesmith.model.layout import MicroBatch, behind, divide, lay_out
from tunesmith.records import Rendered
from tunesmith.train.group import ALONE, Group
from tunesmith.train.sampler import RowSampler


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """How steps are laid out: speed and memory, never the result."""

    micro_batch_tokens: int
    share_prefixes: bool
    device: str
    virtual_ids: tuple[int, ...] = ()
    """What every row is laid out behind."""
    is_causal: bool = True
    """False for an encoder's rows, which share nothing."""


@dataclass(frozen=True, slots=True)
class TokenDropout:
    """Hide a share of the unsupervised tokens behind `hidden_id`, drawn anew from (seed, step); never `kept_ids`."""

    share: float
    hidden_id: int
    kept_ids: frozenset[int]
    seed: int

    def apply(self, rows: Sequence[Rendered], step: int) -> list[Rendered]:
        if not self.share:
            return list(rows)
        rng = np.random.default_rng((self.seed, step))
        kept = np.fromiter(self.kept_ids, np.int32)
        noisy = []
        for row in rows:
            hidden_T = (rng.random(len(row.ids_T)) < self.share) & (row.weights_T == 0) & ~np.isin(row.ids_T, kept)
            noisy.append(replace(row, ids_T=np.where(hidden_T, np.int32(self.hidden_id), row.ids_T)))
        return noisy


def visits_of(rows: Sequence[Rendered]) -> list[Rendered]:
    """What one epoch visits: each row as often as it is to be repeated, without a copy of it."""
    return [row for row in rows for _ in range(row.repeats)]


class RowSource:
    """Steps made of the rows of a dataset, in the sampler's order. Each process of the group lays out its part."""

    def __init__(
        self,
        rows: Sequence[Rendered],
        sampler: RowSampler,
        layout: LayoutSettings,
        dropout: TokenDropout | None = None,
        group: Group = ALONE,
    ) -> None:
        self.rows = rows
        self._sampler = sampler
        self._layout = layout
        self._dropout = dropout
        self.group = group
        self._next_step = 0

    @property
    def layout(self) -> LayoutSettings:
        return self._layout

    @property
    def steps_per_epoch(self) -> int:
        return self._sampler.steps_per_epoch

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        while True:
            laid_out = self.next_step()
            self._next_step += 1
            yield laid_out

    def limit(self, micro_batch_tokens: int) -> None:
        """Lay out smaller micro-batches from the next step on."""
        self._layout = replace(self._layout, micro_batch_tokens=micro_batch_tokens)

    def next_step(self) -> list[MicroBatch]:
        """What the next step will be, without taking it."""
        return self.lay_out(self.rows_of_step(self._next_step))

    def lay_out(self, rows: Sequence[Rendered]) -> list[MicroBatch]:
        """This process's part of the rows; none where they are fewer than the processes."""
        parts = divide(rows, self.group.size, share=self._layout.share_prefixes and self._layout.is_causal)
        return micro_batches(parts[self.group.rank], self._layout)

    def rows_of_step(self, step: int) -> list[Rendered]:
        """Those of optimiser step `step`, counted from 0, of all processes together."""
        rows = [self.rows[index] for index in self._sampler.rows_of_step(step)]
        return rows if self._dropout is None else self._dropout.apply(rows, step)

    def state(self) -> dict[str, Any]:
        return {"next_step": self._next_step, "micro_batch_tokens": self._layout.micro_batch_tokens}

    def restore(self, state: dict[str, Any]) -> None:
        self._next_step = state["next_step"]
        self.limit(state["micro_batch_tokens"])


def micro_batches(rows: Sequence[Rendered], layout: LayoutSettings) -> list[MicroBatch]:
    laid_out = lay_out(
        behind(rows, layout.virtual_ids),
        layout.micro_batch_tokens,
        share=layout.share_prefixes,
        is_causal=layout.is_causal,
    )
    num_virtual = len(layout.virtual_ids)  # no tokens of the rows as they were given
    own = [replace(batch, num_row_tokens=batch.num_row_tokens - num_virtual * len(batch.row_ids)) for batch in laid_out]
    return [batch.to(layout.device) for batch in own]


def half_of_largest(batches: Sequence[MicroBatch]) -> int | None:
    """Half the rows' tokens of the largest micro-batch that can fall apart; None where none can.

    No row is cut and no group parted, so that a micro-batch of one row or of one group stays as it is.
    Filler does not count: it stays however few rows there are, and its half would be asked for again and again.
    """
    tokens = [batch.num_tokens - batch.num_filler_tokens for batch in batches if batch.groups_R[-1].item() > 0]
    return max(tokens) // 2 if tokens else None
