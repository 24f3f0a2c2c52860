"""How strongly two classifications of the same rows are tied.

Shapes: R values of the one, K values of the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Association:
    """`cramers_v` is 0 (no tie) to 1 (the one decides the other); `p_value` that of the chi-squared test."""

    cramers_v: float
    p_value: float


def association(counts_RK: npt.ArrayLike) -> Association | None:
    """Return Cramer's V with Bergsma's correction, and the p-value of Pearson's test of independence.

    Without the correction V grows with the number of cells even where there is no tie (Bergsma 2013, "A bias-correction
    for Cramer's V and Tschuprow's T"). None where fewer than two rows or columns of the table hold anything.
    """
    table = np.asarray(counts_RK, dtype=np.float64)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    num_rows, num_columns = table.shape
    total = float(table.sum())
    if min(num_rows, num_columns) < 2 or total < 2:
        return None
    from scipy.special import chdtrc  # brings scipy, which most callers of this package do without

    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / total
    chi_squared = float(((table - expected) ** 2 / expected).sum())
    freedom = (num_rows - 1) * (num_columns - 1)
    phi_squared = max(0.0, chi_squared / total - freedom / (total - 1))
    least = min(size - (size - 1) ** 2 / (total - 1) for size in (num_rows, num_columns)) - 1
    strength = math.sqrt(phi_squared / least) if least > 0 else 0.0
    return Association(min(1.0, strength), float(chdtrc(freedom, chi_squared)))
