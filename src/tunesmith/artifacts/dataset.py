"""The Dataset on disk: rows and their frozen split, no tokens, and the report that accounts for every row read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from tunesmith.artifacts.folder import Manifest, read_manifest
from tunesmith.errors import Place
from tunesmith.records import Example, Message, Rejected, Split
from tunesmith.text.language import Language

KIND: Final = "dataset"
REPORT: Final = "report.json"
REJECTS: Final = "rejects.jsonl"

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
    split: Split | None
    """The split that the source declares."""
    read: int
    kept: int
    rejected: int


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
    groups: int


class SplitProof(_Record):
    """Counted on the published files: what any two splits share, and out of how many."""

    shared: dict[str, Overlap]
    """By pair: `train/validation`, `train/test`, `validation/test`."""
    distinct_prompts: dict[Split, int]
    distinct_groups: dict[Split, int]

    @property
    def holds(self) -> bool:
        return not any(overlap.prompts or overlap.groups for overlap in self.shared.values())


class DatasetReport(_Record):
    """The data contract, what `report.json` holds: `read` = `kept` + `rejected`."""

    task: Literal["labels", "text"]
    """`labels` when every kept row has a label."""
    read: int
    kept: int
    rejected: int
    bad: int
    """Rejected rows that are unusable in themselves; the others repeat a row that is kept."""
    duplicates: int
    """Rejected rows that are equal to an earlier one."""
    reasons: dict[str, Reason]
    """By code `reject.<reason>` of the catalogue, most frequent first."""
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
    proof: SplitProof


@dataclass(frozen=True)
class Dataset:
    """`train.jsonl`, `validation.jsonl`, `test.jsonl`, `rejects.jsonl` and `report.json` (the data contract)."""

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

    def report(self) -> DatasetReport:
        return DatasetReport.model_validate_json((self.folder / REPORT).read_bytes())


def write_examples(file: Path, examples: Iterable[Example]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(example_to_json(example), ensure_ascii=False) + "\n" for example in examples)


def read_examples(file: Path) -> Iterator[Example]:
    with file.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            yield example_from_json(json.loads(line))


def write_rejects(file: Path, rejects: Iterable[Rejected]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        for reject in rejects:
            row = {**_place_to_json(reject.place), "reason": reject.reason, "detail": reject.detail, "row": reject.row}
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def example_to_json(example: Example) -> dict[str, Any]:
    messages = []
    for message in example.messages:
        row: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.reasoning is not None:
            row["reasoning_content"] = message.reasoning
        if message.weight != 1.0:
            row["weight"] = message.weight
        messages.append(row)
    return {
        "id": example.id,
        "messages": messages,
        "label": example.label,
        "group": example.group,
        "split": example.split,
        "place": _place_to_json(example.place),
        "metadata": dict(example.metadata),
    }


def example_from_json(row: dict[str, Any]) -> Example:
    messages = tuple(
        Message(m["role"], m["content"], m.get("reasoning_content"), m.get("weight", 1.0)) for m in row["messages"]
    )
    place = row["place"]
    return Example(
        id=row["id"],
        messages=messages,
        place=Place(place["file"], place["line"], field=place["field"]),
        label=row["label"],
        group=row["group"],
        split=row["split"],
        metadata=row["metadata"],
    )


def _place_to_json(place: Place) -> dict[str, Any]:
    return {"file": place.file, "line": place.line, "field": place.field}
