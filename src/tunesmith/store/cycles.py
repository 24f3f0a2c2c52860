"""Rounds of improvement: what became of each candidate, and why. A round is begun once, and its state only advances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Connection, RowMapping, select

from tunesmith.errors import TunesmithError
from tunesmith.store.open import reading, writing
from tunesmith.store.schema import CYCLES
from tunesmith.store.store import Store

RoundState = Literal[
    "began",
    "prepared",
    "trained",
    "judged",
    "exported",
    "registered",
    "promoted",
    "refused",
    "inconclusive",
]
STATES: Final[tuple[RoundState, ...]] = (
    "began",
    "prepared",
    "trained",
    "judged",
    "exported",
    "registered",
    "promoted",
)
"""In the order in which a round that ends well comes to them."""
ENDS: Final[frozenset[RoundState]] = frozenset({"promoted", "refused", "inconclusive"})


@dataclass(frozen=True, slots=True)
class Round:
    """One candidate: what called for it, what it was judged against, and what became of it."""

    id: str
    """A hash of what it is made of."""
    name: str
    """Of the recipe."""
    state: RoundState
    trigger: Mapping[str, str]
    """What called for it first, such as `{"by": "feedback_rows", "rows": "212"}`."""
    champion: str
    """The version that it is judged against, `name@3`."""
    candidate: str | None
    """Its own version; None before it is registered, and where it is not."""
    passage: str | None
    """The gate's word: `promote`, `reject` or `inconclusive`; None before it is judged."""
    findings: tuple[Mapping[str, Any], ...]
    """The gate's reasons: `code`, `suite` and what there is of `mean`, `low`, `high`, `items`."""
    began_at: datetime
    changed_at: datetime
    products: Mapping[str, str] = field(default_factory=dict)
    """Keys of what was made: `feedback_set`, `fresh`, `dataset`, `model`, `scorecard`, `bundle`."""

    @property
    def has_ended(self) -> bool:
        return self.state in ENDS
