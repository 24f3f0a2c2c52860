"""How well `find_personal` was measured to find: what must stand beside the word anonymised wherever that is said.

`python -m benchmarks.privacy` writes the file; a test measures a part of it anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parent / "measured.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """Counts of one type in one language on labelled, generated sentences."""

    found: int
    missed: int
    right: int
    """Finds that are what they are said to be."""
    wrong: int

    @property
    def recall(self) -> float:
        return self.found / (self.found + self.missed)

    @property
    def precision(self) -> float | None:
        """None where finds are counted under another type: those of `name in no list` under `name`."""
        num_finds = self.right + self.wrong
        return self.right / num_finds if num_finds else None


def measured() -> Mapping[tuple[str, str], Measured]:
    """Return the counts by type and language (`en`, `zh`); `name in no list` is a type of its own."""
    counts = json.loads(FILE.read_text(encoding="utf-8"))["counts"]
    return {
        (kind, language): Measured(**numbers)
        for kind, languages in counts.items()
        for language, numbers in languages.items()
    }
