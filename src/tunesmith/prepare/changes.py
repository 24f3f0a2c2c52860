"""What the rules did to single rows: the sources read once more, a row before and after each rule that changed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tunesmith.errors import Place
from tunesmith.prepare.checks import Check, identified
from tunesmith.prepare.clean import FILLED, Cleaner, fill_missing
from tunesmith.prepare.diff import diff_rows
from tunesmith.prepare.formats import DATASET, Layout, layout_of
from tunesmith.prepare.lengths import fitted
from tunesmith.prepare.rows import RawRow, Refused
from tunesmith.prepare.walk import Rules, read_row, tables_once
from tunesmith.records import Declared, Example, Rejected


@dataclass(frozen=True, slots=True)
class Change:
    """What one rule did to one row."""

    place: Place
    lines: list[str]
    """Of `diff_rows`."""


def changes_by_rule(rules: Rules, counts: Mapping[str, int], num_rows: int) -> dict[str, list[Change]]:
    """The first rows that each rule changed, by the rule's code, at most `num_rows` of each.

    `counts` says how many rows each rule changed (`DatasetReport.changes`); reading stops when there is nothing more
    to show. Shown are rows as they stand in the sources, so personal data too.
    """
    wanted = {code: min(num_rows, count) for code, count in counts.items()}
    found: dict[str, list[Change]] = {code: [] for code in counts}
    for row, layout, split in _rows(rules):
        if all(len(changes) >= wanted[code] for code, changes in found.items()):
            break
        for code, change in _changes_of(row, layout, split, rules):
            if len(found.get(code, ())) < wanted.get(code, 0):
                found[code].append(change)
    return found


def _rows(rules: Rules) -> Iterator[tuple[RawRow, Layout, Declared | None]]:
    for source, table in tables_once(rules.section.sources):
        layout = layout_of(table, source) if table.columns else None
        for row in table.rows if layout is not None else ():
            if isinstance(row, RawRow) and layout is not None:
                yield row, layout, source.split or table.split


def _changes_of(row: RawRow, layout: Layout, split: Declared | None, rules: Rules) -> Sequence[tuple[str, Change]]:
    """Each rule that changed the row, and what it did; nothing for a row that was rejected."""
    try:
        example = read_row(row, layout, split, rules.section)
    except Refused:
        return ()
    if layout.format == DATASET:
        return ()
    changes = [(code, Change(row.place, _filled(row, layout, rules))) for code in example.changes if code == FILLED]
    for check in _steps(rules.checks):
        after = check(example)
        if isinstance(after, Rejected):
            return ()
        changes += _named(example, after)
        example = after
    if rules.fits is not None:
        rows = fitted(example, rules.section, rules.fits, identified)
        if isinstance(rows, Rejected):
            return ()
        changes += [change for one in rows for change in _named(example, one)]
    return changes


def _steps(checks: Sequence[Check]) -> Iterator[Check]:
    for check in checks:
        yield from check.steps() if isinstance(check, Cleaner) else (check,)


def _named(before: Example, after: Example) -> list[tuple[str, Change]]:
    codes = dict.fromkeys(after.changes[len(before.changes) :])
    change = Change(before.place, diff_rows(before, after)) if codes else None
    return [(code, change) for code in codes if change is not None]


def _filled(row: RawRow, layout: Layout, rules: Rules) -> list[str]:
    """The texts that were put into empty columns, which no message may show."""
    values, _ = fill_missing(row.values, rules.section.clean, layout.columns)
    filled = {name: value for name, value in values.items() if row.values.get(name) != value}
    return [line for name, text in filled.items() for line in (f"@@ {name} @@", f"+{text}")]
