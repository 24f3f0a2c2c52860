"""Which rows form step n: a seeded permutation per epoch, so that any step can be found again from its number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RowSampler:
    """Every row once an epoch, in an order drawn from (seed, epoch); the last step of an epoch may be smaller."""

    num_rows: int
    batch_rows: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(self.num_rows / self.batch_rows)

    def rows_of_step(self, step: int) -> NDArray[np.int64]:
        """Indices of the rows of optimiser step `step`, counted from 0."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = np.random.default_rng((self.seed, epoch)).permutation(self.num_rows)
        return order[place * self.batch_rows : (place + 1) * self.batch_rows]
