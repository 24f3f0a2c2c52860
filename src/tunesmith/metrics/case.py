"""What a metric of answers is given, and what it gives back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tunesmith.records import Message


@dataclass(frozen=True, slots=True)
class Case:
    """One answer, with what was asked and what is right."""

    prompt: tuple[Message, ...]
    answer: str
    references: tuple[str, ...]
    """At least one; any of them is right."""
    reasoning: str | None = None
    """The thinking before the answer; None where there was none."""
    reference_reasoning: str | None = None
    is_closed: bool = True
    """False where the thinking never ended, so that there is no answer."""


Values = list[float | None]
"""A value for each case: None where the metric does not apply, `FAILED` where it could not be computed."""
Scorer = Callable[[Sequence[Case]], Values]
FAILED: Final = math.nan


def each(score: Callable[[Case], float | None]) -> Scorer:
    """The scorer that takes the cases one by one."""
    return lambda cases: [score(case) for case in cases]
