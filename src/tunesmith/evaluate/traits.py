"""The ways in which test items can be divided. Loads no model library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from tunesmith.errors import TunesmithError
from tunesmith.evaluate.baselines import question
from tunesmith.evaluate.items import Item
from tunesmith.records import Example
from tunesmith.text.language import language_of

OWN: Final = ("language", "label", "length", "source")
"""Ways that every row has; any column of the rows is one more."""
DERIVED: Final = ("gender", "name")
"""Ways to tell groups of people by what a question says of them."""
NUM_LENGTHS: Final = 3


def values_of(name: str, items: Sequence[Item]) -> list[str]:
    """Each item's value; empty where it has none. Raises TunesmithError `slice-column` for a column that no row has."""
    if name == "language":
        return [item.language for item in items]
    if name == "label":
        return [item.label or "" for item in items]
    if name == "source":
        return [item.source for item in items]
    if name == "length":
        return _lengths(items)
    if all(name not in item.columns for item in items):
        known = sorted({column for item in items for column in item.columns})
        raise TunesmithError("slice-column", column=name, known=", ".join((*OWN, *known)))
    return [item.columns.get(name, "") for item in items]


def _lengths(items: Sequence[Item]) -> list[str]:
    """Thirds of the items by characters of their questions, named by their shortest and longest."""
    lengths_N = np.array([len(question(item.prompt)) for item in items])
    edges = np.quantile(lengths_N, np.linspace(0, 1, NUM_LENGTHS + 1)[1:-1], method="higher")
    third_N = np.searchsorted(edges, lengths_N, side="right")
    names = {
        third: f"{lengths_N[third_N == third].min()}-{lengths_N[third_N == third].max()}" for third in set(third_N)
    }
    return [names[third] for third in third_N]


def value_of_row(name: str, row: Example) -> str:
    """What a training row has in a way to divide test items; empty where it has nothing, and for lengths, which are
    thirds of the test items."""
    if name == "language":
        return language_of(row.prompt[-1].content)
    if name == "label":
        return row.label or ""
    if name == "source":
        return Path(row.place.file).name
    return row.metadata.get(name, "")
