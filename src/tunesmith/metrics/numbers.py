"""Score predicted numbers against true ones. Every function takes the squared errors and true values of N items."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rmse(squared_errors_N: Floats) -> float:
    """Return the root of the mean squared error, in the unit of the target."""
    return float(np.sqrt(squared_errors_N.mean()))


def r2(squared_errors_N: Floats, true_N: Floats) -> float:
    """Return 1 - sum of squared errors / sum of squared deviations from the mean, at most 1.

    Where all true values are equal it is 1.0 without any error, else 0.0, as in scikit-learn.
    """
    deviations = float(((true_N - true_N.mean()) ** 2).sum())
    if deviations == 0.0:
        return float(not squared_errors_N.any())
    return 1.0 - float(squared_errors_N.sum()) / deviations
