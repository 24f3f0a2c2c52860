"""What several tests of `prepare` need."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunesmith.artifacts import Dataset, DatasetReport
from tunesmith.i18n import LANGUAGES, translate
from tunesmith.prepare import Fits, prepare
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS
from tunesmith.runtime import Progress, Runtime

Run = Callable[..., Dataset]


@dataclass
class Listening:
    """A progress that remembers what was said, and that every word of it is in the catalogue."""

    said: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def begin(self, task: str, total: int | None) -> None:
        assert translate(task)

    def advance(self, steps: int = 1, **figures: float) -> None: ...

    def end(self) -> None: ...

    def say(self, key: str, level: str = "info", **parameters: object) -> None:
        assert all(translate(key, language, **parameters) for language in LANGUAGES)
        self.said.append((key, parameters))

    def said_keys(self) -> list[str]:
        return [key for key, _ in self.said]


def write_jsonl(file: Path, rows: list[Any]) -> str:
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(file)


def rejects_of(dataset: Dataset) -> list[dict[str, Any]]:
    # split on \n alone: a row may hold U+2028
    lines = (dataset.folder / "rejects.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def runner(folder: Path, runtime: Runtime, progress: Progress) -> Run:
    """Prepare sources into `folder`, with the other settings of the section as keywords."""

    def call(sources: Any, seed: int = 0, out: str = "out", fits: Fits | None = None, **section: Any) -> Dataset:
        settings = Prepare.model_validate({"sources": sources, **section})
        return prepare(settings, seed=seed, runtime=runtime, progress=progress, out=folder / out, fits=fits)

    return call


def check_counts(dataset: Dataset) -> DatasetReport:
    """Every count of the report against the files and against the others."""
    report = dataset.report()
    rejects = rejects_of(dataset)
    assert report.read == report.kept + report.rejected == sum(source.read for source in report.sources)
    assert report.rejected == len(rejects) == sum(source.rejected for source in report.sources)
    assert report.splits == {split: len(dataset.rows(split)) for split in SPLITS}
    assert report.kept == sum(report.splits.values()) == sum(source.kept for source in report.sources)
    assert report.kept == report.reasoning.present + report.reasoning.absent
    reasons = Counter(row["reason"] for row in rejects)
    assert counts_of(report) == reasons
    assert report.duplicates == reasons["duplicate"]
    assert all(sum(report.languages[split].values()) == report.splits[split] for split in SPLITS)
    ids = [example.id for split in SPLITS for example in dataset.rows(split)]
    assert len(set(ids)) == len(ids)
    assert report.proof.holds
    assert set(report.proof.shared) == {"train/validation", "train/test", "validation/test"}
    return report


def counts_of(report: DatasetReport) -> dict[str, int]:
    return {reason: found.count for reason, found in report.reasons.items()}
