"""What may bias a model, counted on rows that were read and kept: classes by source, time, language and split."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

REST: Final = ""
"""The name under which rare classes and sources stand together."""

PeriodUnit = Literal["day", "month", "quarter", "year", "decade"]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rates(_Record):
    """Kept rows by a value and a class."""

    of: Literal["label", "language"]
    by: Literal["source", "period", "language", "split"]
    classes: list[str]
    """The most frequent first; `REST` for those beyond the twelfth."""
    rows: dict[str, list[int]]
    """By value, the rows of each class in the order of `classes`; sources and languages with most rows first (`REST`
    for sources beyond the twelfth), periods and splits in their order."""
    cramers_v: float
    """How much the value tells of the class, over all values and classes: 0 nothing, 1 everything."""
    p_value: float
    """Chance of so strong a tie among rows whose class has nothing to do with the value (chi-squared test)."""


class Times(_Record):
    """When the rows were made, by the columns that say so."""

    columns: list[str]
    unit: PeriodUnit
    oldest: str
    """ISO 8601 date, like `newest`."""
    newest: str
    without: int
    """Kept rows whose time is absent or cannot be read."""


class Groups(_Record):
    """How unevenly rows come from the groups of `group_by`."""

    number: int
    largest: int
    """Rows of the group that has most."""
    effective: float
    """1 / sum of squared shares (inverse Simpson index): so many equal groups would be as even."""


class Bias(_Record):
    """`rates` holds those pairs of which there are at least two values and two classes."""

    rates: list[Rates]
    times: Times | None
    groups: Groups | None
