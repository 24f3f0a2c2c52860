from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from tunesmith.stats.association import association


def bergsma(table: np.ndarray) -> float:
    """The corrected V, written out from the paper with scipy's chi-squared."""
    n, (r, c) = table.sum(), table.shape
    phi2 = chi2_contingency(table, correction=False).statistic / n
    return float(
        np.sqrt(
            max(0, phi2 - (r - 1) * (c - 1) / (n - 1))
            / min(c - (c - 1) ** 2 / (n - 1) - 1, r - (r - 1) ** 2 / (n - 1) - 1)
        )
    )


@pytest.mark.parametrize("shape", [(2, 2), (3, 7), (12, 2)])
def test_it_agrees_with_scipy_and_the_formula(shape: tuple[int, int]) -> None:
    table = np.random.default_rng(5).integers(3, 60, size=shape)
    found = association(table)
    assert found is not None
    assert found.p_value == pytest.approx(chi2_contingency(table, correction=False).pvalue)
    assert found.cramers_v == pytest.approx(bergsma(table))


def test_no_tie_is_0_and_a_certain_one_is_1() -> None:
    rng = np.random.default_rng(1)
    table = np.zeros((40, 40))
    np.add.at(table, (rng.integers(40, size=4000), rng.integers(40, size=4000)), 1)
    loose = association(table)
    assert loose is not None
    assert loose.cramers_v < 0.03
    assert loose.p_value > 0.01
    tight = association(np.diag([500, 300, 200]))
    assert tight is not None
    assert tight.cramers_v == pytest.approx(1, abs=1e-12)
    assert tight.p_value < 1e-12


@pytest.mark.parametrize("table", [[[3, 4]], [[3], [4]], [[3, 4], [0, 0]], [[5, 0], [6, 0]], [[0, 0], [0, 0]]])
def test_one_line_says_nothing(table: list[list[int]]) -> None:
    assert association(table) is None
