"""The walk through the sources: tables -> rows -> Examples through the checks -> the spool and the rejects."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts.dataset import example_to_json, reject_to_json
from tunesmith.errors import Place, TunesmithError
from tunesmith.prepare.bias import NO_DAY, day_of, time_column_of
from tunesmith.prepare.checks import Check, checks_of, identified, run_checks, sound
from tunesmith.prepare.clean import fill_missing
from tunesmith.prepare.duplicates import REPEATS, answer_key, group_key, opening_keys, prompt_key, whole_key
from tunesmith.prepare.formats import DATASET, Layout, layout_of, missing_column, to_example
from tunesmith.prepare.index import BENCHMARK, DECLARED, NO_KEY, OPENINGS, Columns, Spool, name_key
from tunesmith.prepare.lengths import CUT, TOO_LONG, WINDOW, Fits, fitted
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.privacy import PERSONAL_DATA, redacted, types_of
from tunesmith.prepare.quality.formats import format_of
from tunesmith.prepare.report import LANGUAGES, SourceCount
from tunesmith.prepare.rows import ID_COLUMN, PARENT_COLUMN, RawRow, Refused, Table
from tunesmith.prepare.sources import tables_of
from tunesmith.recipe import Prepare, Source
from tunesmith.records import REHEARSAL, Declared, Example, Rejected
from tunesmith.runtime import Progress
from tunesmith.text.language import language_of

_CHUNK_ROWS: Final = 512
_CHUNK_CHARACTERS: Final = 1 << 21
# The script of a text shows in its beginning.
_JUDGED_CHARACTERS: Final = 300
_NUM_PLACES: Final = 5
_WRITTEN_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T\s]*")
_LINES: Final = json.JSONEncoder(ensure_ascii=False)
ADDED: Final = "added"


@dataclass(frozen=True)
class Rules:
    """What every row of the walk is put through; sent to each process once."""

    section: Prepare
    fits: Fits | None = None
    personal_key: bytes | None = field(default=None, repr=False)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        return checks_of(self.section, self.personal_key)

    def checks_of(self, layout: Layout) -> tuple[Check, ...]:
        """Rows that `prepare` wrote earlier have had theirs: nothing is changed twice."""
        return (*sound(), identified) if layout.format == DATASET else self.checks

    def __getstate__(self) -> dict[str, Any]:
        return {"section": self.section, "fits": self.fits, "personal_key": self.personal_key}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Neighbouring rows of one table."""

    source: int
    rows: tuple[RawRow | Rejected, ...]
    layout: Layout | None
    split: Declared | None
    is_benchmark: bool
    time_column: str | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a chunk: the lines of its sound rows and their columns, and its rejects."""

    source: int
    num_read: int
    lines: list[bytes]
    columns: dict[str, list[Any]]
    rejects: list[Rejected]
    changes: Counter[str]
    long: Counter[str]
    """Rows read that were too long, by what became of them; `ADDED`: rows made of them beside themselves."""
    openings: list[tuple[int, int]]
    """Places in `lines`, each with one of the `opening_keys` of the row there."""

    @classmethod
    def of(cls, source: int, num_read: int) -> Checked:
        return cls(source, num_read, [], {name: [] for name in COLUMNS}, [], Counter(), Counter(), [])

    def add(self, example: Example, values: tuple[Any, ...]) -> None:
        """One sound row; `values` are those of `values_of`."""
        self.openings.extend((len(self.lines), key) for key in opening_keys(example))
        self.lines.append((_LINES.encode(example_to_json(example)) + "\n").encode("utf-8"))
        for name, value in zip(COLUMNS, values, strict=True):
            self.columns[name].append(value)


class Rejects:
    """The rejected rows: written as they come, counted by reason and source."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._stream = file.open("w", encoding="utf-8", newline="\n")
        self.of_reason: dict[str, list[Rejected]] = {}
        """By reason its first rejects, without their rows."""
        self.first_bad: list[Rejected] = []
        """The first of those that are unusable in themselves."""
        self.counts: Counter[str] = Counter()
        self.of_source: Counter[int] = Counter()
        self.personal: Counter[str] = Counter()
        """By type of personal data, the rows that were rejected for it."""

    def add(self, reject: Rejected, source: int) -> None:
        self._stream.write(json.dumps(reject_to_json(reject), ensure_ascii=False) + "\n")
        self.counts[reject.reason] += 1
        self.of_source[source] += 1
        if reject.reason == PERSONAL_DATA:
            self.personal.update(types_of(reject))
        firsts = [self.of_reason.setdefault(reject.reason, [])]
        if reject.reason not in REPEATS:
            firsts.append(self.first_bad)
        for kept in firsts:
            if len(kept) < _NUM_PLACES:
                kept.append(replace(reject, row=""))

    @property
    def num_bad(self) -> int:
        return sum(count for reason, count in self.counts.items() if reason not in REPEATS)

    def close(self) -> None:
        self._stream.close()


@dataclass
class Walk:
    """All rows of all sources: the sound ones spooled, the others rejected."""

    spool: Spool
    rejects: Rejects
    openings: Columns
    """Of `Kin`."""
    sources: list[SourceCount] = field(default_factory=list)
    benchmarks: list[SourceCount] = field(default_factory=list)
    """Numbered on from the sources."""
    origins: list[int] = field(default_factory=list)
    """By number of a table, which of the section's sources it belongs to."""
    labels: dict[str, int] = field(default_factory=dict)
    """The code of each label, in order of first appearance."""
    changes: Counter[str] = field(default_factory=Counter)
    time_columns: dict[str, None] = field(default_factory=dict)
    """The columns that say when rows of the sources were made."""
    long: Counter[str] = field(default_factory=Counter)
    added_of_source: Counter[int] = field(default_factory=Counter)

    @classmethod
    def into(cls, folder: Path) -> Walk:
        return cls(Spool(folder), Rejects(folder / "rejects.jsonl"), Columns(folder / "openings", OPENINGS))

    def close(self) -> None:
        self.spool.close()
        self.rejects.close()

    @property
    def num_read(self) -> int:
        return sum(source.num_read for source in self.sources)

    def add(self, checked: Checked) -> None:
        labels = [self._label(label) for label in checked.columns["label"]]
        rows = [len(self.spool) + place for place, _ in checked.openings]
        self.openings.append(row=rows, key=[key for _, key in checked.openings])
        self.spool.append(checked.lines, checked.columns | {"label": labels})
        if checked.source < len(self.sources):
            self.changes += checked.changes
            self.long += checked.long
            self.added_of_source[checked.source] += checked.long[ADDED]
            for reject in checked.rejects:
                self.rejects.add(reject, checked.source)

    def _label(self, label: str | None) -> int:
        return -1 if label is None else self.labels.setdefault(label, len(self.labels))


def read_sources(found: Walk, rules: Rules, pool: Pool[Rules], progress: Progress) -> None:
    """Read and check every row of the sources and the benchmarks into `found`.

    Raises what `tables_of` and `layout_of` raise, `data-twice`, and `column-missing` or `column-absent` for a
    `group_by`, a `split_by_time`, or a name under `clean.fill` or `clean.require`, that no row has.
    """
    section = rules.section
    columns: dict[str, None] = {}
    progress.begin("task.prepare", None)
    for source, table in tables_once(section.sources):
        columns.update(dict.fromkeys(table.columns))
        found.origins.append(section.sources.index(source))
        _walk_table(found, source, table, False, pool, progress)
    for source, table in tables_once(section.contamination):
        _walk_table(found, source, table, True, pool, progress)
    progress.end()
    found.spool.flush()
    _check_columns(found, section, columns)


def _check_columns(found: Walk, section: Prepare, columns: Iterable[str]) -> None:
    """`columns` are those of all sources. Raises `column-missing`, `column-absent`."""
    columns, place = dict.fromkeys(columns), Place(found.sources[0].name)
    if section.group_by is not None and section.group_by not in columns and not found.spool["group"].any():
        raise missing_column("group_by", section.group_by, columns, place)
    time = section.split_by_time
    if time is not None and time not in columns and found.rejects.counts.total() == found.num_read:
        raise missing_column("split_by_time", time, columns, place)
    # canonical names stand for the columns that a layout gave them
    named = columns | {role: None for source in found.sources if source.layout for role in source.layout.columns}
    for key, names in (("clean.fill", section.clean.fill), ("clean.require", section.clean.require)):
        for name in names:
            if name not in named:
                raise missing_column(key, name, columns, place)


def _walk_table(
    found: Walk, source: Source, table: Table, is_benchmark: bool, pool: Pool[Rules], progress: Progress
) -> None:
    layout = layout_of(table, source) if table.columns else None
    split = source.split or table.split
    counts = found.benchmarks if is_benchmark else found.sources
    number = len(found.sources) + len(found.benchmarks)
    counts.append(SourceCount.of(table, layout, split, 0))
    time_column = None if is_benchmark else time_column_of(table.columns, pool.context.section.split_by_time)
    if time_column is not None:
        found.time_columns[time_column] = None
    num_read = 0
    chunks = (Chunk(number, rows, layout, split, is_benchmark, time_column) for rows in _chunks(table.rows))
    for checked in pool.map(check_chunk, chunks):
        num_read += checked.num_read
        found.add(checked)
        progress.advance(checked.num_read)
    counts[-1] = replace(counts[-1], num_read=num_read)
    _say_read(counts[-1], progress)


def tables_once(sources: Sequence[Source]) -> Iterator[tuple[Source, Table]]:
    """Every table of the sources.

    Raises TunesmithError `data-twice` when two sources name the same table, whose rows would then be counted twice.
    """
    seen: set[str] = set()
    for source in sources:
        for table in tables_of(source):
            if table.name in seen:
                raise TunesmithError("data-twice", place=Place(table.name))
            seen.add(table.name)
            yield source, table


def _chunks(rows: Iterable[RawRow | Rejected]) -> Iterator[tuple[RawRow | Rejected, ...]]:
    """A few hundred rows at a time, fewer where they are long."""
    waiting = iter(rows)
    while first := tuple(islice(waiting, 8)):
        longest = max(len(row.row) if isinstance(row, Rejected) else _num_characters(row.values) for row in first)
        num_rows = min(_CHUNK_ROWS, max(1, _CHUNK_CHARACTERS // max(1, longest)))
        yield first + tuple(islice(waiting, max(0, num_rows - len(first))))


def _num_characters(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_num_characters, parts))


def check_chunk(rules: Rules, chunk: Chunk) -> Checked:
    """Every row of a chunk through its layout and the checks."""
    checked = Checked.of(chunk.source, len(chunk.rows))
    for row in chunk.rows:
        if isinstance(row, Rejected):
            checked.rejects.append(_shown(row, row.row, rules.section))
            continue
        try:
            time = _time(row, chunk, rules.section)
            day = day_of(row.values.get(chunk.time_column)) if chunk.time_column else NO_DAY
            outcome = _outcome(row, chunk, rules)
        except Refused as refused:
            outcome = row.rejected(refused)
        if isinstance(outcome, Rejected):
            checked.long[TOO_LONG] += outcome.reason == TOO_LONG
            checked.rejects.append(_shown(outcome, row.text(), rules.section))
            continue
        for example in outcome:
            checked.add(example, values_of(example, chunk, time, day))
        checked.changes.update(dict.fromkeys(outcome[0].changes, 1))
        checked.long.update(code for code in (CUT, WINDOW) if code in outcome[0].changes)
        checked.long[ADDED] += len(outcome) - 1
    return checked


def _outcome(row: RawRow, chunk: Chunk, rules: Rules) -> tuple[Example, ...] | Rejected:
    """The rows that a row becomes: one, unless it is taken apart into windows. Raises Refused."""
    if chunk.layout is None:
        raise Refused("no-columns")
    raw = read_row(row, chunk.layout, chunk.split, rules.section)
    outcome = run_checks(raw, rules.checks_of(chunk.layout))
    # a benchmark is compared with as it is; no model reads it here
    if isinstance(outcome, Rejected) or rules.fits is None or chunk.is_benchmark:
        return outcome if isinstance(outcome, Rejected) else (outcome,)
    return fitted(outcome, rules.section, rules.fits, identified)


def read_row(row: RawRow, layout: Layout, split: Declared | None, section: Prepare) -> Example:
    """A row in its canonical form, its empty columns filled, before any check. Raises Refused."""
    if layout.format == DATASET:
        return to_example(row, layout, split, None)
    values, filled = fill_missing(row.values, section.clean, layout.columns)
    whole = replace(row, values=values) if filled else row
    example = to_example(whole, layout, split, section.group_by)
    return replace(example, changes=filled) if filled else example


def _shown(reject: Rejected, row: str, section: Prepare) -> Rejected:
    """The reject with the row that it was, without personal data where the recipe wants none: it is kept."""
    shown = replace(reject, row=row)
    return shown if section.personal.mode == "off" else redacted(shown)


COLUMNS: Final = (
    *("source", "declared", "id", "prompt", "whole", "answer", "group", "own_name", "parent"),
    *("label", "language", "format", "time", "day", "prompt_characters", "reasoning_characters", "answer_characters"),
)


def values_of(example: Example, chunk: Chunk, time: float = -math.inf, day: int = NO_DAY) -> tuple[Any, ...]:
    """One row of the index, in the order of `COLUMNS`; a made row has neither time nor day."""
    own, parent = example.metadata.get(ID_COLUMN), example.metadata.get(PARENT_COLUMN)
    asked = next(message.content for message in reversed(example.prompt) if message.role == "user")
    reasoning = example.answer.reasoning
    prompt, answer = prompt_key(example), answer_key(example)
    return (
        chunk.source,
        BENCHMARK if chunk.is_benchmark else DECLARED[example.split],
        int(example.id, 16),
        prompt,
        whole_key(prompt, answer, example),
        answer,
        NO_KEY if chunk.is_benchmark else group_key(example),
        name_key(own) if own else NO_KEY,
        name_key(parent) if parent else NO_KEY,
        None if chunk.is_benchmark or example.split == REHEARSAL else example.label,
        LANGUAGES.index(language_of(asked[:_JUDGED_CHARACTERS])),
        format_of(example),
        time,
        day,
        sum(len(message.content) for message in example.prompt),
        -1 if reasoning is None else len(reasoning),
        len(example.answer.content),
    )


def _time(row: RawRow, chunk: Chunk, section: Prepare) -> float:
    """-inf where the split is not by time, and for rows that are never held out."""
    if section.split_by_time is None or chunk.is_benchmark or chunk.split == REHEARSAL:
        return -math.inf
    return time_of(row.values.get(section.split_by_time), section.split_by_time)


def time_of(value: object, column: str) -> float:
    """Seconds since 1970: a number of them, or a date or moment of ISO 8601, UTC where no zone is given.

    Dates may also be as Excel and people write them: `2026/3/1 9:05`, `2026年3月1日`.

    Raises Refused `missing-field`, `bad-time`.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        raise Refused("missing-field", column, field=column)
    try:
        seconds = float(text)
    except ValueError:
        seconds = _iso_seconds(text, column)
    if not math.isfinite(seconds):
        raise Refused("bad-time", text[:40], field=column)
    return seconds


def _iso_seconds(text: str, column: str) -> float:
    if found := _WRITTEN_DATE.match(text):
        (year, month, day), rest = map(int, found.groups()), text[found.end() :]
        hour = f" {rest:0>{len(rest) + (rest[1:2] == ':')}}" if rest else ""
        text = f"{year:04}-{month:02}-{day:02}{hour}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("bad-time", text[:40], field=column) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _say_read(count: SourceCount, progress: Progress) -> None:
    if count.layout is not None:
        columns = ", ".join(f"{role}={column}" for role, column in count.layout.columns.items())
        progress.say(
            f"say.prepare.{count.layout.why}",
            file=count.name,
            format=count.layout.format,
            columns=columns,
            count=count.num_read,
        )
    if count.encoding == "gb18030":
        progress.say("say.prepare.gb18030", "warning", file=count.name)
