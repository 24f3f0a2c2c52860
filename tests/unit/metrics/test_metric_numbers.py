from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_squared_error, r2_score

from tunesmith.metrics.numbers import r2, rmse


@pytest.mark.parametrize("spread", [0.0, 0.5, 20.0])
def test_they_are_those_of_scikit_learn(spread: float) -> None:
    random = np.random.default_rng(3)
    true = random.normal(5.0, 2.0, 40)
    told = true + spread * random.normal(size=40)
    squared = (told - true) ** 2
    assert rmse(squared) == pytest.approx(np.sqrt(mean_squared_error(true, told)))
    assert r2(squared, true) == pytest.approx(r2_score(true, told))


@pytest.mark.parametrize("error", [0.0, 1.0])
def test_without_any_spread_of_the_truth(error: float) -> None:
    true = np.full(7, 3.0)
    assert r2(np.full(7, error), true) == r2_score(true, true + error)
