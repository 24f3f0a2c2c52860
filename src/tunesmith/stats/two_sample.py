"""Whether two samples come from one distribution.

Shapes: M and N items of the two samples, Q = M + N of both, D dimensions, P permutations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
AnyFloats = npt.NDArray[np.float64] | npt.NDArray[np.float32]

_NUM_PERMUTATIONS: Final = 999


@dataclass(frozen=True)
class Discrepancy:
    """The unbiased estimate of the squared maximum mean discrepancy, and how often chance alone gives as much."""

    squared: float
    p_value: float


def mean_discrepancy(squared_distance_QQ: Floats, num_first: int, seed: int = 0) -> Discrepancy:
    """Compare the first `num_first` of Q items with the others, given all squared distances between them.

    The kernel is Gaussian, its width the median distance (Gretton et al. 2012, A kernel two-sample test, lemma 6); the
    p-value comes from 999 random relabellings, and is exact up to their number. Raises ValueError for fewer than two
    items on a side.
    """
    num_items = len(squared_distance_QQ)
    if min(num_first, num_items - num_first) < 2:
        raise ValueError("each sample needs at least two items")
    width = float(np.median(squared_distance_QQ[np.triu_indices(num_items, 1)]))
    kernel_QQ = gaussian_kernel(squared_distance_QQ, width)
    is_first_QP = np.zeros((num_items, 1 + _NUM_PERMUTATIONS))
    is_first_QP[:num_first] = 1.0
    is_first_QP[:, 1:] = np.random.default_rng(seed).permuted(is_first_QP[:, 1:], axis=0)
    found_P = squared_discrepancies(kernel_QQ, is_first_QP, num_first)
    # what differs by rounding alone is as large
    as_large = np.count_nonzero(found_P[1:] >= found_P[0] - 1e-12)
    return Discrepancy(float(found_P[0]), (1 + as_large) / (1 + _NUM_PERMUTATIONS))


def gaussian_kernel(squared_distance_QQ: AnyFloats, width: float) -> AnyFloats:
    """Return exp(-d^2 / `width`), 0 on the diagonal: no item is compared with itself. 1 stands for no width."""
    kernel_QQ: AnyFloats = np.exp(-squared_distance_QQ / (width if width > 0 else 1.0))
    np.fill_diagonal(kernel_QQ, 0.0)
    return kernel_QQ


def squared_discrepancies(kernel_QQ: AnyFloats, is_first_QP: AnyFloats, num_first: int) -> Floats:
    """Return (P,): for each way to part the items, the mean within each side less twice the mean across."""
    num_second = len(kernel_QQ) - num_first
    to_first_QP = kernel_QQ @ is_first_QP
    within_first_P = (is_first_QP * to_first_QP).sum(axis=0, dtype=np.float64)
    across_P = to_first_QP.sum(axis=0, dtype=np.float64) - within_first_P
    within_second_P = kernel_QQ.sum(dtype=np.float64) - within_first_P - 2 * across_P
    squared_P: Floats = (
        within_first_P / (num_first * (num_first - 1))
        + within_second_P / (num_second * (num_second - 1))
        - 2 * across_P / (num_first * num_second)
    )
    return squared_P
