"""Completeness: nothing is missing from a row, thinking is closed, and what the recipe declares is covered.

Rows that were rejected because a part of them is missing count: the dataset is as incomplete as what was collected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tunesmith.artifacts.quality import Part
from tunesmith.prepare.index import Rows
from tunesmith.prepare.quality.found import Found, Say, part_of
from tunesmith.prepare.walk import Rejects

MISSING_FIELDS: Final = (
    *("missing-field", "missing-value", "missing-label", "empty-prompt", "empty-answer"),
    *("no-user-message", "no-assistant-message", "no-answer-at-end"),
)
OPEN_REASONING: Final = ("unclosed-think", "reasoning-missing")


def fields(num_kept: int, rows_F: Rows, say: Say, rejects: Rejects) -> Found:
    """Rows that lack a part: `rows_F`, which leave a declared column empty, and rejected ones."""
    return _with_rejected(Found(num_kept, rows_F, say), MISSING_FIELDS, rejects)


def reasoning(num_kept: int, no_rows: Rows, rejects: Rejects) -> Found:
    """Rows whose thinking does not end, or is absent though the recipe requires it: all of them were rejected."""
    return _with_rejected(Found(num_kept, no_rows, lambda place, row: ""), OPEN_REASONING, rejects)


def coverage(counts: Mapping[str, Mapping[str, int]]) -> Part | None:
    """Declared values that no training row has; None where none is declared."""
    found = [count for of_value in counts.values() for count in of_value.values()]
    return part_of(len(found), found.count(0)) if found else None


def _with_rejected(found: Found, reasons: tuple[str, ...], rejects: Rejects) -> Found:
    num_rejected = sum(rejects.counts[reason] for reason in reasons)
    firsts = [reject for reason in reasons for reject in rejects.of_reason.get(reason, ())]
    return Found(found.judged + num_rejected, found.rows_F, found.say, num_more=num_rejected, rejects=firsts)
