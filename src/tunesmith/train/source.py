"""Where a step's rows come from when they are on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tunesmith.model.layout import MicroBatch, lay_out
from tunesmith.records import Rendered
from tunesmith.train.sampler import RowSampler


@dataclass(frozen=True, slots=True)
class LayoutSettings:
    """How steps are laid out: speed and memory, never the result."""

    micro_batch_tokens: int
    share_prefixes: bool
    device: str


class RowSource:
    """Steps made of the rows of a dataset, in the sampler's order."""

    def __init__(self, rows: Sequence[Rendered], sampler: RowSampler, layout: LayoutSettings) -> None:
        self._rows = rows
        self._sampler = sampler
        self._layout = layout
        self._next_step = 0

    def __iter__(self) -> Iterator[list[MicroBatch]]:
        while True:
            rows = [self._rows[index] for index in self._sampler.rows_of_step(self._next_step)]
            self._next_step += 1
            yield micro_batches(rows, self._layout)

    def state(self) -> dict[str, Any]:
        return {"next_step": self._next_step}

    def restore(self, state: dict[str, Any]) -> None:
        self._next_step = state["next_step"]


def micro_batches(rows: Sequence[Rendered], layout: LayoutSettings) -> list[MicroBatch]:
    laid_out = lay_out(rows, layout.micro_batch_tokens, share=layout.share_prefixes)
    return [batch.to(layout.device) for batch in laid_out]
