"""Where a step's rows come from when they are on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tunesmith.model.layout import MicroBatch, lay_out
from tunesmith.records import Rendered
from tunesmith.train.sampler import RowSampler


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """How steps are laid out: speed and memory, never the result."""

    micro_batch_tokens: int
    share_prefixes: bool
    device: str


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
            noisy.append(Rendered(row.id, np.where(hidden_T, np.int32(self.hidden_id), row.ids_T), row.weights_T))
        return noisy


def visits_of(rows: Sequence[Rendered]) -> list[Rendered]:
    """What one epoch visits: each row as often as it is to be repeated, without a copy of it."""
    return [row for row in rows for _ in range(row.repeats)]


class RowSource:
    """Steps made of the rows of a dataset, in the sampler's order."""

    def __init__(
        self, rows: Sequence[Rendered], sampler: RowSampler, layout: LayoutSettings, dropout: TokenDropout | None = None
    ) -> None:
        self._rows = rows
        self._sampler = sampler
        self._layout = layout
        self._dropout = dropout
        self._next_step = 0

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        while True:
            rows = [self._rows[index] for index in self._sampler.rows_of_step(self._next_step)]
            if self._dropout is not None:
                rows = self._dropout.apply(rows, self._next_step)
            self._next_step += 1
            yield micro_batches(rows, self._layout)

    def state(self) -> dict[str, Any]:
        return {"next_step": self._next_step}

    def restore(self, state: dict[str, Any]) -> None:
        self._next_step = state["next_step"]


def micro_batches(rows: Sequence[Rendered], layout: LayoutSettings) -> list[MicroBatch]:
    laid_out = lay_out(rows, layout.micro_batch_tokens, share=layout.share_prefixes)
    return [batch.to(layout.device) for batch in laid_out]
