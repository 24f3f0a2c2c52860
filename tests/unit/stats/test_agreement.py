"""Coefficients against the worked examples that they were published with."""

from __future__ import annotations

import numpy as np
import pytest

from tunesmith.stats.agreement import Pair, class_agreement, fleiss_kappa, mark_agreement

# Fleiss 1971 as it is commonly worked: 10 subjects, 14 raters, 5 classes.
FLEISS = [
    *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
    *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
]
# Krippendorff 2011, example C: four observers, twelve units, judgements missing.
KRIPPENDORFF = {
    "A": "123321412   ",
    "B": "1233224125 3",
    "C": " 3332342251 ",
    "D": "12332441251 ",
}


def by_item(values: str) -> dict[str, str]:
    return {str(item): value for item, value in enumerate(values) if value != " "}


def test_fleiss() -> None:
    assert fleiss_kappa(np.array(FLEISS)) == pytest.approx(0.210, abs=5e-4)


def test_krippendorff() -> None:
    found = class_agreement({rater: by_item(values) for rater, values in KRIPPENDORFF.items()})
    assert found.krippendorff == pytest.approx(0.743, abs=5e-4)
    assert found.items == 11  # one unit was judged once


def test_cohen() -> None:
    """50 proposals: both say yes to 20 and no to 15, only the first to 5, only the second to 10: kappa is 0.4."""
    first = by_item("y" * 20 + "y" * 5 + "n" * 10 + "n" * 15)
    second = by_item("y" * 20 + "n" * 5 + "y" * 10 + "n" * 15)
    found = class_agreement({"a": first, "b": second})
    assert found.cohen == (Pair(("a", "b"), 50, pytest.approx(0.4)),)
    assert found.observed == pytest.approx(0.7)


def test_what_chance_cannot_judge_is_not_judged() -> None:
    same = class_agreement({"a": by_item("xx"), "b": by_item("xx")})
    assert (same.observed, same.fleiss, same.krippendorff, same.cohen[0].value) == (1.0, None, None, None)
    apart = class_agreement({"a": {"1": "x"}, "b": {"2": "y"}})
    assert (apart.items, apart.observed, apart.fleiss, apart.krippendorff) == (0, None, None, None)


def test_marks_by_hand() -> None:
    """a and b share 2 of 3 and 4 marks; c judged only the second item, where it agrees with nobody."""
    found = mark_agreement(
        {
            "a": {"1": frozenset({"p", "q"}), "2": frozenset({"r"})},
            "b": {"1": frozenset({"p", "s"}), "2": frozenset({"r", "t"})},
            "c": {"2": frozenset({"u"})},
        }
    )
    assert [pair.value for pair in found.pairs] == [pytest.approx(2 * 2 / 7), 0.0, 0.0]
    assert (found.items, found.mean_f1) == (2, pytest.approx(4 / 21))
    assert mark_agreement({"a": {"1": frozenset()}, "b": {"1": frozenset()}}).mean_f1 is None
