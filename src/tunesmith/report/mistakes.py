"""Wrong answers in the report: each kind before and after, and examples of what the tuned model still gets wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tunesmith.artifacts.mistakes import ERROR_KINDS, ErrorCount, ErrorKind, ErrorPart
from tunesmith.artifacts.scorecard import Difference, ScorecardBody
from tunesmith.metrics.wording import Direction, Words, count, probability, signed
from tunesmith.report.cells import Cell, cell_of


@dataclass(frozen=True)
class ErrorRow:
    """One kind: of all answers its share before and after, how many answers that are, and the change."""

    kind: str
    before: Cell | None
    num_before: str
    after: Cell | None
    num_after: str
    change: str
    interval: str
    direction: Direction
    p_value: str


@dataclass(frozen=True)
class ErrorExamples:
    """What the tuned model gets wrong in one way."""

    kind: str
    parts: tuple[tuple[str, str, str], ...]
    """What was told for what, how often, and where."""
    worst: str
    """Ids of items."""


@dataclass(frozen=True)
class ErrorsView:
    before: str
    after: str
    rows: tuple[ErrorRow, ...]
    examples: tuple[ErrorExamples, ...]


def errors_view(body: ScorecardBody, words: Words) -> ErrorsView | None:
    """Of the first verdict's two arms; None where both are always right, or nothing was asked."""
    verdict = body.verdicts[0]
    before, after = (
        {found.kind: found for found in body.errors.get(arm, [])} for arm in (verdict.difference.against, verdict.arm)
    )
    if not before and not after:
        return None
    changes = {change.metric: change for change in body.error_changes if change.arm == verdict.arm}
    return ErrorsView(
        before=words.arm(verdict.difference.against),
        after=words.arm(verdict.arm),
        rows=tuple(_row(kind, before, after, changes, words) for kind in ERROR_KINDS if kind in before | after),
        examples=tuple(_examples(found, words) for found in after.values()),
    )


def _row(
    kind: ErrorKind,
    before: Mapping[ErrorKind, ErrorCount],
    after: Mapping[ErrorKind, ErrorCount],
    changes: Mapping[str, Difference],
    words: Words,
) -> ErrorRow:
    change = changes[kind]
    cells = [cell_of(found[kind].share, words) if kind in found else None for found in (before, after)]
    nums = [count(found[kind].count) if kind in found else "0" for found in (before, after)]
    return ErrorRow(
        kind=words(f"mistake.{kind}"),
        before=cells[0],
        num_before=nums[0],
        after=cells[1],
        num_after=nums[1],
        change=signed(change.mean),
        interval=words.interval_of_difference(change),
        direction=_direction(change),
        p_value=probability(change.p_value if change.p_adjusted is None else change.p_adjusted),
    )


def _direction(change: Difference) -> Direction:
    """Mistakes are the better the fewer there are."""
    if change.low <= 0 <= change.high:
        return "unclear"
    return "improved" if change.high < 0 else "worse"


def _examples(found: ErrorCount, words: Words) -> ErrorExamples:
    return ErrorExamples(
        kind=words(f"mistake.{found.kind}"),
        parts=tuple((_told(found.kind, part, words), count(part.count), ", ".join(part.items)) for part in found.parts),
        worst=", ".join(found.worst),
    )


def _told(kind: str, part: ErrorPart, words: Words) -> str:
    if kind == "number":
        return words(f"mistake.number.{part.told}")
    wanted, told = part.wanted, part.told
    if kind == "language":
        wanted, told = words.language_name(wanted), words.language_name(told)
    return words("mistake.pair", wanted=wanted, told=told)
