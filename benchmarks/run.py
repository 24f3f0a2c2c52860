"""`python -m benchmarks.run NAME`: run one benchmark, print its table and one JSON line, judge it by its goals.

Exit status: 0 all goals met, 1 a goal missed or the run void, 2 wrong usage. Without NAME the benchmarks are listed.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks.hardware import Hardware, describe_hardware, describe_versions
from benchmarks.outcome import Goal, Outcome, missed_goals

NAMES: Final = (
    *("startup", "prepare", "train-cpu", "train-prefix", "train-gpu", "privacy", "quality", "resume", "plan"),
    *("method-advice", "statistics", "label-scoring", "serve", "drift", "search"),
)
FOLDER: Final = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    if options.name is None:
        for name in NAMES:
            print(f"{name:<14}{_summary(name)}")
        return 0
    benchmark = import_module(f"benchmarks.{_module(options.name)}")
    # before the benchmark itself makes the machine busy
    hardware = describe_hardware()
    outcome: Outcome = benchmark.run(quick=options.quick)
    goals: Mapping[str, Goal] = {} if options.quick else benchmark.GOALS
    return report(options.name, hardware, outcome, goals, None if options.quick else options.results)


def report(name: str, hardware: Hardware, outcome: Outcome, goals: Mapping[str, Goal], results: Path | None) -> int:
    """Print table, verdict and JSON line; write the JSON into `results` where given. Returns the exit status."""
    missed = missed_goals(outcome.figures, goals)
    record = _record(name, hardware, outcome, goals, missed)
    print(table_text(outcome.table))
    if not hardware.is_idle:
        print(f"note: the machine was busy before the run (load {hardware.load_1min_before})")
    for reason in outcome.void:
        print(f"void: {reason}")
    for sentence in missed:
        print(f"goal missed: {sentence}")
    if results is not None:
        results.mkdir(parents=True, exist_ok=True)
        file = results / f"{name}-{hardware.slug}-{record['date']}.json"
        file.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"written: {file}")
    shown = {key: value for key, value in record.items() if key not in ("details", "table")}
    print(json.dumps(shown, ensure_ascii=False))
    return 1 if missed or outcome.void else 0


def _record(
    name: str, hardware: Hardware, outcome: Outcome, goals: Mapping[str, Goal], missed: Sequence[str]
) -> dict[str, Any]:
    return {
        "benchmark": name,
        "date": datetime.now(UTC).date().isoformat(),
        "figures": dict(outcome.figures),
        "table": [list(row) for row in outcome.table],
        "goals": {figure: asdict(goal) for figure, goal in goals.items()},
        "missed": list(missed),
        "void": list(outcome.void),
        "hardware": asdict(hardware),
        "versions": describe_versions() | dict(outcome.versions),
        "details": dict(outcome.details),
    }


def table_text(table: Sequence[Sequence[str]]) -> str:
    """Columns aligned, the first to the left and the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        first, *others = (
            f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="a smoke run: no peer, no goals, nothing written")
    parser.add_argument("--results", type=Path, default=FOLDER / "results", help="folder of the JSON files")
    return parser.parse_args(arguments)


def _module(name: str) -> str:
    return name.replace("-", "_")


def _summary(name: str) -> str:
    """The first line of the benchmark's docstring, read without importing it."""
    source = (FOLDER / f"{_module(name)}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
