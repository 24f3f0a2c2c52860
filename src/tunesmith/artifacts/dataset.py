"""The Dataset on disk: rows and their frozen split, no tokens, and the report that accounts for every row read."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from tunesmith.artifacts.bias import Bias
from tunesmith.artifacts.folder import Manifest, read_manifest
from tunesmith.artifacts.quality import QUALITY, QualityReport
from tunesmith.errors import Place
from tunesmith.records import (
    Annotation,
    Declared,
    Entity,
    Example,
    Intent,
    Message,
    PlainText,
    Rejected,
    Relation,
    Split,
)
from tunesmith.text.language import Language

KIND: Final = "dataset"
REPORT: Final = "report.json"
REJECTS: Final = "rejects.jsonl"
CLUSTERS: Final = "clusters.jsonl"
CONTAMINATION: Final = "contamination.jsonl"
AUGMENT_REJECTS: Final = "augment_rejects.jsonl"
METHOD_COLUMN: Final = "augmented_by"
"""Metadata of a row that was made, not read: how."""
SAFETY: Final = "safety"
"""Such a row refuses a request on a blocked topic; it has nothing of the task."""
TRACE_REJECTS: Final = "trace_rejects.jsonl"
# the id is the first thing in a written row
_ID_IN_LINE: Final = itemgetter(slice(len('{"id": "'), len('{"id": "') + 16))

Encoding = Literal["utf-8", "gb18030", "binary"]
Recognition = Literal["detected", "declared"]
"""Whether a source's columns were recognised, or its format and columns named in the recipe."""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceReport(_Record):
    """One file, or one split of a Hub dataset: how it was read and what became of its rows."""

    file: str
    format: str | None
    """None, like `why`, when no row of it could be read."""
    why: Recognition | None
    columns: dict[str, str]
    """The source's own column by canonical name."""
    encoding: Encoding
    split: Declared | None
    """What the source declares."""
    read: int
    kept: int
    rejected: int
    added: int = 0
    """Windows beyond the first of each row: `read` + `added` = `kept` + `rejected`."""


class LongText(_Record):
    """Rows that were longer than the model reads or the recipe allows, and what became of them."""

    policy: Literal["stop", "drop", "cut-prompt", "window"]
    max_tokens: int
    rows: int
    """Longer than that."""
    cut: int
    """Rows whose prompt was cut."""
    windowed: int
    """Rows that became windows."""
    windows: int
    """Those windows, before duplicates among them were left out."""
    dropped: int
    """Rows rejected as `too-long`."""


class Reason(_Record):
    """How many rows one check rejected, and where the first of them stand."""

    count: int
    places: list[str]


class Conflicts(_Record):
    """Kept prompts that stand with more than one answer, and the rows that hold them."""

    prompts: int
    rows: int


class Quantiles(_Record):
    """Nearest-rank quantiles."""

    min: int
    p25: int
    p50: int
    p75: int
    p95: int
    max: int


class Characters(_Record):
    """Lengths of the kept rows in characters."""

    prompt: Quantiles
    """All messages before the answer together."""
    reasoning: Quantiles | None
    """Of the rows that have one."""
    answer: Quantiles


class Reasoning(_Record):
    """Kept rows whose answer carries its reasoning, and those whose answer does not."""

    present: int
    absent: int


class Overlap(_Record):
    """What two splits have in common."""

    prompts: int
    """Equal ones, and those that stand before an earlier answer of a conversation in the other."""
    groups: int
    clusters: int = 0
    """Clusters of near-duplicates (`clusters.jsonl`) with rows in both."""
    families: int = 0
    """Rows of one split whose `parent_id` names a row of the other, and rows that rows of both name."""

    @property
    def total(self) -> int:
        return self.prompts + self.groups + self.clusters + self.families


class SplitProof(_Record):
    """Counted on the published files: what any two splits share, and out of how many."""

    shared: dict[str, Overlap]
    """By pair: `train/validation`, `train/test`, `validation/test`."""
    distinct_prompts: dict[Split, int]
    distinct_groups: dict[Split, int]
    ids_sha256: dict[Split, str] = {}
    """SHA-256 of the ids, each made anew from its row's messages, sorted, one a line: the frozen split."""

    @property
    def holds(self) -> bool:
        return not any(overlap.total for overlap in self.shared.values())


class Contamination(_Record):
    """What the training rows and a text they must not know have in common."""

    against: str
    """`test`, or the name of a benchmark's table."""
    rows: int
    """Of that text."""
    cut: int
    """Training rows that were cut because their prompt stands there too, exactly or nearly."""
    sharing_8_grams: int
    """Training rows left that hold a run of 8 words (Chinese: characters) of its prompts."""
    sharing_13_grams: int
    """The same for 13; each of them is listed in `contamination.jsonl`."""
    places: list[str]
    """Where the first of those stand."""


class Balanced(_Record):
    """One category of the training rows, before and after it was balanced."""

    before: int
    """Rows."""
    rows: int
    """Rows that stayed."""
    visits: int
    """Rows that an epoch of training sees, repeats counted."""
    weight: float
    """By which the loss of each of its rows is multiplied."""


class BalanceReport(_Record):
    """How the categories of the training rows were evened out."""

    by: str
    """`label`, `language`, `source`, `cluster` or the name of a column."""
    method: Literal["over", "under", "weight"]
    categories: dict[str, Balanced]
    """The largest first; sources by their place in the recipe, from 1."""


class Making(_Record):
    """What one method made of the training rows: `made` = `kept` + the rejected."""

    method: str
    model: str | None
    """Of a rewriting method, who wrote: the folders of the models, or the model's name behind its endpoint."""
    made: int
    kept: int
    rejected: dict[str, int]
    """By code `reject.<reason>` of the catalogue, most frequent first; each stands in `augment_rejects.jsonl`."""


class AugmentReport(_Record):
    """The made rows, by method in the order of the recipe."""

    methods: list[Making]

    @property
    def kept(self) -> int:
        return sum(making.kept for making in self.methods)


class Refusals(_Record):
    """Training rows that refuse requests on blocked topics; made, kept and rejected ones stand under `augment`."""

    rows: int
    visits: dict[str, int]
    """By topic, how many of them an epoch visits, repeats counted."""
    share: float
    """Of all that an epoch visits."""


class Synthesis(_Record):
    """Reasoning that a teacher wrote for training rows: `answers` = `kept` + the rejected.

    Of `rows`, `kept` have reasoning now, `unchecked` were never asked about, and for the rest no answer passed.
    """

    model: str
    """The teacher's name behind its endpoint."""
    url: str
    licence: str | None
    """Licence or terms for what it wrote, where the recipe says them."""
    rows: int
    """Training rows without reasoning."""
    unchecked: int
    """Those whose answer nothing can check: prose, an answer to unlearn, one beside a worse one, or with tools."""
    answers: int
    kept: int
    rejected: dict[str, int]
    """By code `reject.<reason>` of the catalogue, most frequent first; each stands in `trace_rejects.jsonl`."""


class Unhidden(_Record):
    """Personal data that stand in training rows, where the recipe asks for none to be hidden."""

    looked_at: int
    """Rows drawn by lot from those of the training."""
    rows: int
    """Those of them with any."""
    types: dict[str, int]
    """Those with each type, most frequent first. Names, addresses, dates of birth and network addresses are not told:
    many a sound row holds some."""


class DatasetReport(_Record):
    """The data contract, what `report.json` holds: `read` + `added` = `kept` + `rejected`.

    Rows that augmentation made were never read: with them, the splits hold `kept` + `augment.kept` rows.
    """

    task: Literal["labels", "text"]
    """`labels` when every kept row has a label."""
    read: int
    kept: int
    rejected: int
    bad: int
    """Rejected rows that are unusable in themselves; the others repeat a row that is kept."""
    duplicates: int
    """Rejected rows that are equal to an earlier one."""
    added: int = 0
    """Windows beyond the first of each row: a row that became five windows counts four."""
    long_text: LongText | None = None
    """None where the rows were prepared for no model."""
    near_duplicates: int = 0
    """Kept rows that stand in a cluster of near-duplicates with another kept row."""
    clusters: int = 0
    """Those clusters, each in `clusters.jsonl`."""
    reasons: dict[str, Reason]
    """By code `reject.<reason>` of the catalogue, most frequent first."""
    changes: dict[str, int] = {}
    """Rows that each rule changed, by its code, most frequent first; rows later left out as repeats included."""
    splits: dict[Split, int]
    sources: list[SourceReport]
    decoded_as_gb18030: int
    """Rows read from files that are not UTF-8 but plainly GB18030 (GBK)."""
    conflicting: Conflicts
    repeats_within_test: int
    """Rows of a declared test split, all kept, that differ from an earlier one in case, width or white space only."""
    labels: dict[str, dict[Split, int]]
    languages: dict[Split, dict[Language, int]]
    characters: Characters
    reasoning: Reasoning
    synthesis: Synthesis | None = None
    proof: SplitProof
    contamination: list[Contamination] = []
    augment: AugmentReport | None = None
    balance: BalanceReport | None = None
    refusals: Refusals | None = None
    personal: dict[str, int] = {}
    """Rows in which each type of personal data was found, most frequent first; empty where none was looked for."""
    unhidden: Unhidden | None = None
    """None where personal data were treated, and in datasets made before they were looked for."""
    bias: Bias | None = None
    """None in datasets made before it was counted."""


@dataclass(frozen=True)
class Dataset:
    """`train.jsonl`, `validation.jsonl`, `test.jsonl`, `rejects.jsonl` and `report.json` (the data contract).

    `clusters.jsonl` names near-duplicates that were kept, by id, the representative (the first one read) in front;
    `contamination.jsonl` lists training rows that share 13 words in a row with the test or a benchmark; `quality.json`
    holds the 3C score; `augment_rejects.jsonl` and `trace_rejects.jsonl` made rows and reasoning that did not pass.
    """

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Dataset:
        return cls(folder, read_manifest(folder, KIND))

    @property
    def key(self) -> str:
        return self.manifest.key

    def rows(self, split: Split) -> list[Example]:
        return list(read_examples(self.folder / f"{split}.jsonl"))

    def sample(self, split: Split, num_rows: int) -> list[Example]:
        return sample_of(self.folder, split, num_rows)

    def report(self) -> DatasetReport:
        return DatasetReport.model_validate_json((self.folder / REPORT).read_bytes())

    def quality(self) -> QualityReport | None:
        """The 3C score; None where it was not asked for."""
        file = self.folder / QUALITY
        return QualityReport.model_validate_json(file.read_bytes()) if file.is_file() else None


def sample_of(folder: Path, split: Split, num_rows: int) -> list[Example]:
    """At most so many rows of a split, those with the smallest ids: ids are content hashes, so that this is a draw by
    lot which comes out the same every time.
    """
    with (folder / f"{split}.jsonl").open(encoding="utf-8", newline="\n") as stream:
        lines = heapq.nsmallest(num_rows, stream, key=_ID_IN_LINE)
    return [example_from_json(json.loads(line)) for line in lines]


def write_examples(file: Path, examples: Iterable[Example]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(example_to_json(example), ensure_ascii=False) + "\n" for example in examples)


def read_examples(file: Path) -> Iterator[Example]:
    with file.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            yield example_from_json(json.loads(line))


def write_rejects(file: Path, rejects: Iterable[Rejected]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(reject_to_json(reject), ensure_ascii=False) + "\n" for reject in rejects)


def reject_to_json(reject: Rejected) -> dict[str, Any]:
    return {**_place_to_json(reject.place), "reason": reject.reason, "detail": reject.detail, "row": reject.row}


def example_to_json(example: Example) -> dict[str, Any]:
    written: dict[str, Any] = {
        "id": example.id,
        "messages": [_message_to_json(message) for message in example.messages],
        "label": example.label,
        "group": example.group,
        "split": example.split,
        "place": _place_to_json(example.place),
        "metadata": dict(example.metadata),
    }
    if example.rejected is not None:
        written["rejected"] = _message_to_json(example.rejected)
    if example.desirable is not None:
        written["desirable"] = example.desirable
    if example.target is not None:
        written["target"] = example.target
    if example.text is not None:
        written["text"] = asdict(example.text)
    if example.annotations:
        written["annotations"] = [
            {"kind": _KIND_OF_ANNOTATION[type(annotation)], **asdict(annotation)} for annotation in example.annotations
        ]
    if example.changes:
        written["changes"] = example.changes
    return written | emphasis_to_json(example.repeats, example.weight)


def emphasis_to_json(repeats: int, weight: float) -> dict[str, Any]:
    """What stands last in a written row that training visits more than once, or weighs."""
    emphasis: dict[str, Any] = {"repeats": repeats} if repeats != 1 else {}
    return emphasis | {"weight": weight} if weight != 1.0 else emphasis


def example_from_json(row: dict[str, Any]) -> Example:
    rejected = row.get("rejected")
    return Example(
        id=row["id"],
        messages=tuple(map(_message_from_json, row["messages"])),
        place=place_of(row),
        label=row["label"],
        group=row["group"],
        split=row["split"],
        metadata=row["metadata"],
        rejected=None if rejected is None else _message_from_json(rejected),
        desirable=row.get("desirable"),
        target=row.get("target"),
        annotations=tuple(map(_annotation_from_json, row.get("annotations", ()))),
        changes=tuple(row.get("changes", ())),
        repeats=row.get("repeats", 1),
        weight=row.get("weight", 1.0),
        text=PlainText(**row["text"]) if "text" in row else None,
    )


def place_of(row: dict[str, Any]) -> Place:
    """Where a written row stood in its source."""
    place = row["place"]
    return Place(place["file"], place["line"], field=place["field"], byte=place.get("byte"))


def _message_to_json(message: Message) -> dict[str, Any]:
    row: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.reasoning is not None:
        row["reasoning_content"] = message.reasoning
    if message.weight != 1.0:
        row["weight"] = message.weight
    return row


def _message_from_json(row: dict[str, Any]) -> Message:
    return Message(row["role"], row["content"], row.get("reasoning_content"), row.get("weight", 1.0))


_KIND_OF_ANNOTATION: Final[dict[type[Annotation], str]] = {Entity: "entity", Relation: "relation", Intent: "intent"}
_ANNOTATION_OF_KIND: Final = {kind: annotation for annotation, kind in _KIND_OF_ANNOTATION.items()}


def _annotation_from_json(row: dict[str, Any]) -> Annotation:
    return _ANNOTATION_OF_KIND[row["kind"]](**{name: value for name, value in row.items() if name != "kind"})


def _place_to_json(place: Place) -> dict[str, Any]:
    row = {"file": place.file, "line": place.line, "field": place.field}
    return row if place.byte is None else {**row, "byte": place.byte}
