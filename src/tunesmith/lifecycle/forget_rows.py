"""Rows without a person: raw files with their rows blanked, datasets and FeedbackSets in a successor without theirs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from tunesmith.artifacts import DatasetReport, Identity, publish
from tunesmith.artifacts.dataset import (
    CLUSTERS,
    METHOD_COLUMN,
    REJECTS,
    REPORT,
    AugmentReport,
    Reason,
    SourceReport,
    place_of,
)
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.artifacts.feedback_set import BODY, PREFERENCES, RATINGS, ROWS, FeedbackBody
from tunesmith.artifacts.folder import MANIFEST, sync
from tunesmith.errors import Place
from tunesmith.lifecycle.lineage import FORGOTTEN, Node
from tunesmith.prepare.duplicates import DUPLICATE, REPEATS
from tunesmith.prepare.files import TEXT_DOCUMENTS, TEXT_TABLES, kind_of
from tunesmith.prepare.pool import Pool
from tunesmith.prepare.proof import measure
from tunesmith.prepare.read import read_file
from tunesmith.prepare.rows import RawRow
from tunesmith.records import SPLITS
from tunesmith.text.language import language_of
from tunesmith.text.needles import Needles

REWRITABLE: Final = (".jsonl", ".ndjson", ".csv", ".tsv")
_LINE: Final = re.compile(rb"[^\n]*\n|[^\n]+")
_LINE_OF_TABLE: Final = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_END: Final = re.compile(rb"[\r\n]*\Z")

Spot = tuple[str, int | None, int | None, str | None]
"""Where a row stands: the absolute path, the line from 1, and what tells rows of one line apart: the byte on which each
begins, or the page or paragraph where there are no lines."""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file of raw rows that holds a person."""

    file: str
    lines: tuple[int, ...]
    """Where those rows begin; a line above all rows, a table's header, as it is."""
    can_rewrite: bool
    """Whether it is plain lines or a plain table; any other is for its owner to change."""
    spots: frozenset[Spot] = field(default=frozenset(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Cut:
    """An artifact of rows, and the lines of each of its files that a successor lacks, from 1."""

    node: Node
    lines: dict[str, frozenset[int]]
    ids: frozenset[str]
    """Of its rows that go."""

    @property
    def learned(self) -> int:
        """Rows of a dataset among them that a training learns from, or is stopped by."""
        return sum(len(self.lines.get(f"{split}.jsonl", ())) for split in ("train", "validation"))


def raw_file(file: Path, needles: Needles) -> RawFile | None:
    """Where a person stands in a file of raw rows; None where nowhere.

    Raises what `read_file` raises where the file cannot be read as a table any more.
    """
    hit = [place for place, words in passages(file) if needles.found_in(words)]
    if not hit and file.suffix in (*TEXT_TABLES, *TEXT_DOCUMENTS) and needles.found_in_file(file):
        hit = [Place(str(file), 1)]  # where no row shows it: an attribute of a page, the end of a long reject
    if not hit:
        return None
    if file.suffix not in REWRITABLE:
        lines = sorted({place.line or 1 for place in hit})
        return RawFile(str(file), tuple(lines), False, frozenset(map(_spot, hit)))
    starts = _starts(file)
    found = [place.line or 1 for place in hit]
    rows = sorted({starts[number - 1] if (number := bisect_right(starts, line)) else line for line in found})
    return RawFile(str(file), tuple(rows), True, frozenset(_spot(Place(str(file), line)) for line in rows))


def passages(file: Path) -> Iterator[tuple[Place, bytes]]:
    """What stands in a file of raw rows, and where: the lines as they are, or its rows where it has no lines. Raises
    what `read_file` raises.
    """
    if file.suffix in REWRITABLE:
        yield from _numbered(file, _lines(file))
    elif kind_of(file):
        yield from ((row.place, _words(row)) for row in read_file(file).rows)
    else:  # rows are made with it, such as a list of synonyms
        with file.open("rb") as stream:
            yield from _numbered(file, stream)


def _numbered(file: Path, lines: Iterable[bytes]) -> Iterator[tuple[Place, bytes]]:
    return ((Place(str(file), number), line) for number, line in enumerate(lines, start=1))


def _words(row: Any) -> bytes:
    words = json.dumps(row.values, ensure_ascii=False, default=str) if isinstance(row, RawRow) else row.row
    return words.encode("utf-8", "surrogatepass")


def _starts(file: Path) -> list[int]:
    """The lines on which rows begin: a row of a table may go over several."""
    return sorted(row.place.line for row in read_file(file).rows if row.place.line is not None)


def _lines(file: Path) -> list[bytes]:
    """The lines as `read_file` counts them."""
    pattern = _LINE if file.suffix in (".jsonl", ".ndjson") else _LINE_OF_TABLE
    return pattern.findall(file.read_bytes())


def blank(found: RawFile) -> None:
    """Leave empty lines where the rows stood, so that every other row keeps its place; the file changes at once."""
    replace_file(Path(found.file), blanked(found))


def blanked(found: RawFile) -> bytes:
    """What is left of the file. A header stays, without which no row could be read."""
    file = Path(found.file)
    lines, starts = _lines(file), _starts(file)
    for first in found.lines:
        place = bisect_right(starts, first)
        if not place:
            continue
        end = starts[place] if place < len(starts) else len(lines) + 1
        for number in range(first - 1, end - 1):
            lines[number] = _END.search(lines[number])[0]  # type: ignore[index]
    return b"".join(lines)


def replace_file(file: Path, content: bytes) -> None:
    """Give a file that others own another content, at once, under its own rights; of a link, the file itself."""
    file = file.resolve()
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        partial.touch(mode=0o600)
        shutil.copymode(file, partial)
        partial.write_bytes(content)
        sync(partial)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    sync(file.parent)


def cut_of(node: Node, needles: Needles, gone: Collection[Spot]) -> Cut | None:
    """The lines of an artifact that hold a person, or a row that stood where a person stands; None where none do."""
    lines: dict[str, frozenset[int]] = {}
    ids = set()
    for file in sorted(node.folder.glob("*.jsonl")):
        hit = set()
        for number, line in enumerate(_LINE.findall(file.read_bytes()), start=1):
            row = json.loads(line)
            stood = isinstance(row.get("place"), dict) and _spot(place_of(row))
            if needles.found_in(line) or stood in gone:
                hit.add(number)
                ids |= {row["id"]} if "id" in row else set()
        if hit and file.name != CLUSTERS:
            lines[file.name] = frozenset(hit)
    return Cut(node, lines, frozenset(ids)) if lines else None


def spots_of(cut: Cut) -> set[Spot]:
    """Where the cut rows stand, as the rows that were read from them name it."""
    files = {name: str(cut.node.folder / name) for name in cut.lines}
    return {_spot(Place(files[name], line)) for name, lines in cut.lines.items() for line in lines}


def _spot(place: Place) -> Spot:
    """By the line alone where each has one row at most: of a table no row knows its byte."""
    is_of_lines = Path(place.file).suffix in REWRITABLE
    is_of_pages = place.line is None
    return (
        os.path.abspath(place.file),
        place.line,
        None if is_of_lines else place.byte,
        place.field if is_of_pages else None,
    )


def successor_identity(cut: Cut) -> Identity:
    gone = hashlib.sha256("\n".join(sorted(cut.ids)).encode() + json.dumps(_numbers(cut)).encode()).hexdigest()
    inputs = cut.node.manifest.inputs
    return replace(cut.node.manifest.identity, inputs={**inputs, FORGOTTEN: gone[:16]})


def _numbers(cut: Cut) -> dict[str, list[int]]:
    return {name: sorted(lines) for name, lines in sorted(cut.lines.items())}


def write_successor(cut: Cut, needles: Needles) -> Path:
    """The same artifact without those lines, its counts with it, under a key of its own.

    What cannot be told without the rows (distributions, bias, conflicts) stays as it was counted with them; the score
    of the data's quality, bias and balance are left out where they quote them.
    """
    identity = successor_identity(cut)
    out = cut.node.folder.with_name(identity.key())
    with publish(out, identity) as staging:
        for file in _files(cut.node.folder):
            name = file.relative_to(cut.node.folder)
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            if file.name in cut.lines:
                (staging / name).write_bytes(b"".join(_kept(file, cut.lines[file.name])))
            elif file.name in (REPORT, BODY, CLUSTERS) or not needles.found_in_file(file):
                shutil.copyfile(file, staging / name)
        (_settle_dataset if cut.node.kind == DATASET else _settle_feedback)(cut, staging, needles)
    return out


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if file.is_file() and file.name != MANIFEST)


def _kept(file: Path, gone: Collection[int]) -> Iterator[bytes]:
    return (line for number, line in enumerate(_LINE.findall(file.read_bytes()), start=1) if number not in gone)


def _settle_feedback(cut: Cut, staging: Path, needles: Needles) -> None:
    body = FeedbackBody.model_validate_json((staging / BODY).read_bytes())
    counts = {name: len(_LINE.findall((staging / name).read_bytes())) for name in (ROWS, PREFERENCES, RATINGS)}
    suspects = [each for each in body.suspects if not _quotes(each, needles)]
    labels = Counter(json.loads(line).get("label") for line in _LINE.findall((staging / ROWS).read_bytes()))
    changed = {
        "num_rows": counts[ROWS],
        "num_preferences": counts[PREFERENCES],
        "num_ratings": counts[RATINGS],
        "new_labels": {label: labels[label] for label in body.new_labels if labels[label]},
        "suspects": suspects,
    }
    (staging / BODY).write_bytes(body.model_copy(update=changed).model_dump_json().encode())


def _quotes(part: BaseModel, needles: Needles) -> bool:
    return needles.found_in(part.model_dump_json().encode()) is not None


def _settle_dataset(cut: Cut, staging: Path, needles: Needles) -> None:
    _settle_clusters(staging / CLUSTERS, cut.ids)
    report = DatasetReport.model_validate_json((staging / REPORT).read_bytes())
    rows, rejects = _cut_rows(cut), _cut_rejects(cut)
    made = Counter(row["metadata"][METHOD_COLUMN] for _, row in rows if METHOD_COLUMN in row["metadata"])
    reasons = Counter(reject["reason"] for reject in rejects)
    num_read = len(rows) - made.total()
    labels = _less(report.labels, Counter((row["label"], split) for split, row in rows))
    with tempfile.TemporaryDirectory() as scratch, Pool(None, 1) as pool:
        proof = measure(staging, Path(scratch), pool)
    changed = {
        "read": report.read - num_read - reasons.total(),
        "kept": report.kept - num_read,
        "rejected": report.rejected - reasons.total(),
        "bad": report.bad - sum(count for reason, count in reasons.items() if reason not in REPEATS),
        "duplicates": report.duplicates - reasons[DUPLICATE],
        "reasons": _less_reasons(report.reasons, reasons),
        "splits": {split: report.splits[split] - sum(each == split for each, _ in rows) for split in SPLITS},
        "sources": [_less_source(source, rows, rejects) for source in report.sources],
        "labels": {label: counts for label, counts in labels.items() if any(counts.values())},
        "languages": _less(report.languages, Counter((split, _language(row)) for split, row in rows)),
        "reasoning": _less_reasoning(report, [row for _, row in rows]),
        "augment": _less_augment(report.augment, made),
        "proof": proof,
        "bias": None if report.bias and _quotes(report.bias, needles) else report.bias,
        "balance": None if report.balance and _quotes(report.balance, needles) else report.balance,
    }
    (staging / REPORT).write_bytes(report.model_copy(update=changed).model_dump_json().encode())


def _settle_clusters(file: Path, gone: Collection[str]) -> None:
    """A cluster of fewer than two rows is none."""
    if not file.is_file():
        return
    clusters = [json.loads(line) for line in _LINE.findall(file.read_bytes())]
    left = [{**cluster, "rows": [id for id in cluster["rows"] if id not in gone]} for cluster in clusters]
    lines = [json.dumps(cluster, ensure_ascii=False) + "\n" for cluster in left if len(cluster["rows"]) > 1]
    file.write_text("".join(lines), encoding="utf-8")


def _cut_rows(cut: Cut) -> list[tuple[str, dict[str, Any]]]:
    return [(split, row) for split in SPLITS for row in _cut_of_file(cut, f"{split}.jsonl")]


def _cut_rejects(cut: Cut) -> list[dict[str, Any]]:
    return _cut_of_file(cut, REJECTS)


def _cut_of_file(cut: Cut, name: str) -> list[dict[str, Any]]:
    gone = cut.lines.get(name, frozenset())
    lines = _LINE.findall((cut.node.folder / name).read_bytes()) if gone else []
    return [json.loads(line) for number, line in enumerate(lines, start=1) if number in gone]


def _language(row: dict[str, Any]) -> str:
    """By the last thing the user says, as `prepare` counts it."""
    asked = [message["content"] for message in row["messages"] if message["role"] == "user"]
    return language_of(asked[-1] if asked else "")


def _less(counts: dict[Any, dict[Any, int]], gone: Counter[tuple[Any, Any]]) -> dict[Any, dict[Any, int]]:
    return {
        one: {other: max(0, count - gone[one, other]) for other, count in inner.items()}
        for one, inner in counts.items()
    }


def _less_reasons(reasons: dict[str, Reason], gone: Counter[str]) -> dict[str, Reason]:
    left = {code: reason.model_copy(update={"count": reason.count - gone[code]}) for code, reason in reasons.items()}
    return {code: reason for code, reason in left.items() if reason.count}


def _less_source(
    source: SourceReport, rows: list[tuple[str, dict[str, Any]]], rejects: list[dict[str, Any]]
) -> SourceReport:
    kept = sum(row["place"]["file"] == source.file and METHOD_COLUMN not in row["metadata"] for _, row in rows)
    rejected = sum(reject["place"]["file"] == source.file for reject in rejects)
    less = {"read": kept + rejected, "kept": kept, "rejected": rejected}
    return source.model_copy(update={name: source.model_dump()[name] - count for name, count in less.items()})


def _less_reasoning(report: DatasetReport, rows: list[dict[str, Any]]) -> Any:
    present = sum("reasoning_content" in row["messages"][-1] for row in rows if METHOD_COLUMN not in row["metadata"])
    absent = sum(METHOD_COLUMN not in row["metadata"] for row in rows) - present
    before = report.reasoning
    return before.model_copy(update={"present": before.present - present, "absent": before.absent - absent})


def _less_augment(augment: AugmentReport | None, made: Counter[str]) -> AugmentReport | None:
    if augment is None:
        return None
    methods = [
        each.model_copy(update={"made": each.made - made[each.method], "kept": each.kept - made[each.method]})
        for each in augment.methods
    ]
    return augment.model_copy(update={"methods": methods})


def drop_lines(file: Path, needles: Needles) -> None:
    """Leave out of a file of JSON lines those that hold a person."""
    replace_file(file, b"".join(line for line in _LINE.findall(file.read_bytes()) if not needles.found_in(line)))
