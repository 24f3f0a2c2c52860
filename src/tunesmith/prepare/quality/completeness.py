"""Completeness: nothing is missing from a row, thinking is closed, and what the recipe declares is covered.

Rows that were rejected because a part of them is missing count: the dataset is as incomplete as what was collected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tunesmith.artifacts.quality import Part
from tunesmith.prepare.quality.found import Found, part_of
from tunesmith.prepare.walk import Rejects

MISSING_FIELDS: Final = (
    *("missing-field", "missing-value", "missing-label", "empty-prompt", "empty-answer"),
    *("no-user-message", "no-assistant-message", "no-answer-at-end"),
)
OPEN_REASONING: Final = ("unclosed-think", "reasoning-missing")


def with_rejected(found: Found, reasons: tuple[str, ...], rejects: Rejects) -> Found:
    """The faulty rows that were kept, and those that were rejected for one of the reasons."""
    num_rejected = sum(rejects.counts[reason] for reason in reasons)
    firsts = [reject for reason in reasons for reject in rejects.of_reason.get(reason, ())]
    return Found(found.judged + num_rejected, found.rows_F, found.say, num_more=num_rejected, rejects=firsts)


def coverage(counts: Mapping[str, Mapping[str, int]]) -> Part | None:
    """Declared values that no training row has; None where none is declared."""
    found = [count for of_value in counts.values() for count in of_value.values()]
    return part_of(len(found), found.count(0)) if found else None
