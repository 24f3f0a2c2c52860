"""Whether the 3C score finds planted faults, and nothing else: recall and false positives per fault, each C by rate.

Faults of one C at a time are planted in generated rows (`quality_set`) at 0, 5, 10 and 20 %; that C has to fall with
every step, and the two others may move by 0.02. On banking77, where it lies, wrong labels and contradicting
near-duplicates are planted likewise; what is found there at 0 % are its own faults.
"""

from __future__ import annotations

import csv
import json
import random
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from benchmarks.outcome import Goal, Outcome
from benchmarks.process import REPOSITORY
from benchmarks.quality_set import CRITERIA, FAULTS, UNCOVERED, Planted, Row, planted, section_of
from tunesmith.artifacts import Dataset, QualityReport
from tunesmith.artifacts.quality import FAULTS as FAULTS_FILE
from tunesmith.prepare import prepare
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS
from tunesmith.runtime import Runtime, Silent

RATES: Final = (0.0, 0.05, 0.1, 0.2)
MAX_MOVE: Final = 0.02
NUM_TICKETS: Final = 3_000
NUM_QUICK: Final = 300
BANKING: Final = REPOSITORY.parent / "shared" / "data" / "banking77_train.csv"
"""A real set; left out where it is absent."""
_SURE: Final = tuple(name for name in FAULTS if name != "wrong label")
GOALS: Final = {
    **{f"fall/{criterion}": Goal(minimum=1e-6) for criterion in CRITERIA},
    **{f"move/{criterion}": Goal(maximum=MAX_MOVE) for criterion in CRITERIA},
    **{f"recall/{name}": Goal(minimum=0.97) for name in (*_SURE, UNCOVERED)},
    **{f"false_positives/{name}": Goal(maximum=0.005) for name in (*_SURE, UNCOVERED)},
    "recall/wrong label": Goal(minimum=0.9),
    "false_positives/wrong label": Goal(maximum=0.03),
    **({"fall/banking77 correctness": Goal(minimum=1e-6)} if BANKING.exists() else {}),
    **({"move/banking77 consistency": Goal(maximum=MAX_MOVE)} if BANKING.exists() else {}),
}


@dataclass
class Count:
    """Planted faults of one kind over all rates, and sound rows that were taken for one."""

    planted: int = 0
    found: int = 0
    sound: int = 0
    wrong: int = 0

    def add(self, lines: set[Any], found: set[Any], num_rows: int) -> None:
        self.planted += len(lines)
        self.found += len(lines & found)
        self.sound += num_rows - len(lines)
        self.wrong += len(found - lines)


def run(*, quick: bool) -> Outcome:
    """Plant and measure; `quick` takes few rows and no real set."""
    num_tickets = NUM_QUICK if quick else NUM_TICKETS
    counts: dict[str, Count] = {name: Count() for name in (*FAULTS, UNCOVERED)}
    scores: dict[str, list[dict[str, float]]] = {}
    start = time.perf_counter()
    for criterion in CRITERIA:
        for rate in RATES:
            with tempfile.TemporaryDirectory() as folder:
                made = planted(num_tickets, criterion, rate)
                report = measure(made, Path(folder), counts)
            scores.setdefault(criterion, []).append(numbers(report))
    figures = movements(scores, CRITERIA)
    table = [["", *(f"{rate:.0%}" for rate in RATES)]]
    for criterion, of_rate in scores.items():
        table += [[f"{name} | {criterion}", *(f"{found[name]:.4f}" for found in of_rate)] for name in CRITERIA]
    if not quick and BANKING.exists():
        table += _banking(figures)
    for name, count in counts.items():
        figures[f"recall/{name}"] = count.found / count.planted
        figures[f"false_positives/{name}"] = count.wrong / count.sound
        shown = f"{count.found} / {count.planted}", f"{count.wrong} / {count.sound}"
        table.append([name, "recall", f"{count.found / count.planted:.3f}", *shown])
    figures["seconds"] = time.perf_counter() - start
    return Outcome(figures, table, details={"scores": scores, "counts": {k: vars(v) for k, v in counts.items()}})


def measure(made: Planted, folder: Path, counts: Mapping[str, Count]) -> QualityReport:
    """Prepare the rows, and add to the counts what was found of the faults planted in them."""
    made.write(folder)
    report, found = judged(section_of(folder), folder)
    num_rows = len(made.tickets) + len(made.orders)
    of_part: dict[str, set[tuple[str, int]]] = {}
    for name, lines in made.lines.items():
        of_part.setdefault(FAULTS[name].part, set()).update(lines)
    for name, lines in made.lines.items():
        # faults of one part cannot be told apart by what was found, so none of them is false for another
        others = of_part[FAULTS[name].part] - lines
        counts[name].add(lines, found.get(FAULTS[name].part, set()) - others, num_rows)
    if made.uncovered:
        missing = {value for value, count in report.coverage["scenario"].items() if not count}
        counts[UNCOVERED].add(made.uncovered, missing, len(report.coverage["scenario"]))
    return report


def judged(section: Row, folder: Path) -> tuple[QualityReport, dict[str, set[tuple[str, int]]]]:
    """The score of what a section prepares, and by part the lines (file and number) of all rows at fault."""
    runtime = Runtime(folder, folder / "cache")
    out = folder / "dataset"
    dataset = prepare(Prepare.model_validate(section), seed=0, runtime=runtime, progress=Silent(), out=out)
    report = dataset.quality()
    assert report is not None
    found: dict[str, set[tuple[str, int]]] = {}
    lines = _lines_by_id(dataset)
    for row in map(json.loads, (dataset.folder / FAULTS_FILE).read_text(encoding="utf-8").splitlines()):
        found.setdefault(row["part"], set()).add(lines[row["id"]])
    for row in map(json.loads, (dataset.folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()):
        part = {"unclosed-think": "reasoning", "missing-label": "fields", "empty-answer": "fields"}.get(row["reason"])
        if part is not None:
            found.setdefault(part, set()).add((Path(row["file"]).stem, row["line"]))
    return report, found


def _lines_by_id(dataset: Dataset) -> dict[str, tuple[str, int]]:
    rows = (row for split in SPLITS for row in dataset.rows(split))
    return {row.id: (Path(row.place.file).stem, row.place.line or 0) for row in rows}


def numbers(report: QualityReport) -> dict[str, float]:
    """The three scores; nan for what was not judged."""
    return {name: float("nan") if (score := report.numbers[name]) is None else score for name in CRITERIA}


def movements(scores: Mapping[str, list[dict[str, float]]], judged_by: Iterable[str]) -> dict[str, float]:
    """By C the least fall from one rate of its own faults to the next, and the largest move by the others' faults."""
    figures = {}
    for criterion in judged_by:
        own = [found[criterion] for found in scores[criterion]]
        figures[f"fall/{criterion}"] = min(before - after for before, after in pairwise(own))
        others = [of_rate for name, of_rate in scores.items() if name != criterion]
        moves = [abs(found[criterion] - of_rate[0][criterion]) for of_rate in others for found in of_rate]
        figures[f"move/{criterion}"] = max(moves)
    return figures


def _banking(figures: dict[str, float]) -> list[list[str]]:
    """Wrong labels, and near-duplicates with another label, in banking77."""
    with BANKING.open(encoding="utf-8", newline="") as stream:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(stream)]
    labels = sorted({label for _, label in rows})
    scores: dict[str, list[dict[str, float]]] = {"correctness": [], "consistency": []}
    for criterion, of_rate in scores.items():
        for rate in RATES:
            draw = random.Random(f"{criterion} {rate}")
            spoiled = list(rows)
            for place in draw.sample(range(len(rows)), round(rate * len(rows))):
                text, label = rows[place]
                other = draw.choice([name for name in labels if name != label])
                if criterion == "correctness":
                    spoiled[place] = text, other
                else:
                    spoiled.append((f"{text} Hi!", other))
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "rows.jsonl"
                lines = (json.dumps({"text": text, "label": label}) + "\n" for text, label in spoiled)
                file.write_text("".join(lines), encoding="utf-8")
                of_rate.append(numbers(judged({"sources": str(file)}, Path(folder))[0]))
    moved = movements(scores, scores)
    figures |= {f"{name.replace('/', '/banking77 ')}": value for name, value in moved.items()}
    return [
        [f"banking77 {name} | {criterion}", *(f"{found[name]:.4f}" for found in of_rate)]
        for criterion, of_rate in scores.items()
        for name in scores
    ]
