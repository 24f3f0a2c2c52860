"""What several tests of `prepare` need."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunesmith.artifacts import Dataset
from tunesmith.i18n import LANGUAGES, translate

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
