"""A part of the training rows, so drawn that a smaller part lies in every larger one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tunesmith.records import Rendered

STREAM: Final = 7
"""Keeps the draw apart from the order of the steps, which comes from the same seed."""


def nested_rows(rows: Sequence[Rendered], num: int | None, seed: int) -> list[Rendered]:
    """`num` of the rows in their order, all of them without a number or with a larger one."""
    if num is None or num >= len(rows):
        return list(rows)
    order = np.random.default_rng((seed, STREAM)).permutation(len(rows))
    return [rows[index] for index in sorted(order[:num].tolist())]
