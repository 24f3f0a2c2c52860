"""Write `general.jsonl`, the general suites: what a model should still be able to do after tuning, in both languages.

Half of the questions are those that the embedded base knows; the others are written by hand, and sums are drawn by a
seed. English and Chinese have as many of each kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tools.general_suite import chinese, counted, english, known
from tools.general_suite.rows import EXACT, KINDS, Kind, Row
from tools.tiny_base.patterns import LANGUAGES, Language

OUT: Final = Path(__file__).parents[1] / "src/tunesmith/evaluate/suites/general.jsonl"
WRITTEN: Final[dict[Language, dict[Kind, tuple[Row, ...]]]] = {"en": english.ROWS, "zh": chinese.ROWS}


def lines() -> Iterator[dict[str, Any]]:
    """The items in their order, as the file has them."""
    for language in LANGUAGES:
        of_kind: dict[Kind, list[Row]] = {kind: [] for kind in KINDS}
        for kind, row in known.rows(language):
            of_kind[kind].append(row)
        of_kind["arithmetic"] += counted.rows(language)
        for kind, written in WRITTEN[language].items():
            of_kind[kind] += written
        for kind, rows in of_kind.items():
            for place, row in enumerate(rows):
                yield _line(f"{language}-{kind}-{place:03d}", language, kind, row)


def _line(id: str, language: Language, kind: Kind, row: Row) -> dict[str, Any]:
    line: dict[str, Any] = {"id": id, "language": language, "kind": kind, "prompt": row.prompt, "answer": row.answer}
    if row.aliases:
        line["aliases"] = list(row.aliases)
    if row.check != EXACT:
        line["check"] = row.check
    return line


def main(out: Path = OUT) -> None:
    with out.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(json.dumps(line, ensure_ascii=False) + "\n" for line in lines())


if __name__ == "__main__":
    main()
