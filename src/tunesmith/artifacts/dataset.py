"""The Dataset on disk: rows and their frozen split, no tokens."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts.folder import Manifest, read_manifest
from tunesmith.errors import Place
from tunesmith.records import SPLITS, Example, Message, Rejected, Split

KIND: Final = "dataset"
REPORT: Final = "report.json"
REJECTS: Final = "rejects.jsonl"


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

    def report(self) -> dict[str, Any]:
        """Counts of kept, changed and rejected rows, split sizes, labels, the proof of no overlap."""
        report: dict[str, Any] = json.loads((self.folder / REPORT).read_text(encoding="utf-8"))
        return report


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


__all__ = ["KIND", "REJECTS", "REPORT", "SPLITS", "Dataset", "read_examples", "write_examples", "write_rejects"]
