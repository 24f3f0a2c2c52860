"""What `plan` predicts before weights are loaded, against what training and evaluating then take.

Each job runs in processes of its own: one predicts, one probes, one trains, one evaluates. None of the jobs was used
to fit a constant. Memory is the largest resident memory of the process, libraries included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.hardware import num_usable_cores
from benchmarks.outcome import Goal, Outcome
from benchmarks.plan_jobs import JUDGED, SMOKE, PlanJob
from benchmarks.process import CACHE, REPOSITORY

MAX_MEMORY_ERROR: Final = 0.15
MAX_TIME_ERROR: Final = 0.30
MIN_LARGE_BYTES: Final = 1.5e9
MIN_NUM_LARGE: Final = 4
GOALS: Final = {
    **{f"{job.name}/train_error": Goal(minimum=-MAX_MEMORY_ERROR, maximum=MAX_MEMORY_ERROR) for job in JUDGED},
    **{f"{job.name}/time_error": Goal(minimum=-MAX_TIME_ERROR, maximum=MAX_TIME_ERROR) for job in JUDGED},
    "num_large": Goal(minimum=MIN_NUM_LARGE),
}


@dataclass(frozen=True)
class Measured:
    """Of one job: bytes and seconds, as predicted and as measured."""

    job: PlanJob
    plan: dict[str, Any]
    probe: dict[str, Any]
    train: dict[str, float]
    evaluate: dict[str, float]

    @property
    def train_bytes(self) -> int:
        """Predicted peak from loading to the tuned model on disk."""
        memory = self.plan["prediction"]["memory"]
        return max(sum(memory[phase].values()) for phase in ("load", "train", "save"))

    @property
    def evaluate_bytes(self) -> int:
        return sum(self.plan["prediction"]["memory"]["evaluate"].values())

    @property
    def figures(self) -> dict[str, float]:
        found = {
            "train_bytes": self.train["peak_bytes"],
            "train_error": self.train_bytes / self.train["peak_bytes"] - 1,
            "seconds": self.train["seconds"],
            "time_error": self.probe["total_seconds"] / self.train["seconds"] - 1,
            "evaluate_bytes": self.evaluate["peak_bytes"],
            "evaluate_error": self.evaluate_bytes / self.evaluate["peak_bytes"] - 1,
        }
        return {f"{self.job.name}/{name}": value for name, value in found.items()}


def run(*, quick: bool) -> Outcome:
    """All jobs; `quick` takes one very small one, to see that it works."""
    if quick:
        with tempfile.TemporaryDirectory() as cache:
            measured = [measure(SMOKE, Path(cache))]
    else:
        measured = [measure(job, CACHE / "plan") for job in JUDGED]
    figures = {name: value for one in measured for name, value in one.figures.items()}
    figures["num_large"] = float(sum(one.train["peak_bytes"] >= MIN_LARGE_BYTES for one in measured))
    details = {
        one.job.name: {"plan": one.plan, "probe": one.probe, "train": one.train, "evaluate": one.evaluate}
        for one in measured
    }
    return Outcome(figures, _table(measured), details=details)


def measure(job: PlanJob, cache: Path) -> Measured:
    """Predict, then train and evaluate in processes of their own. Raises RuntimeError when one fails."""
    return Measured(job, *ask_stages(job, cache, ("plan", "probe", "train", "evaluate")))


def ask_stages(job: PlanJob, cache: Path, stages: Sequence[str]) -> list[dict[str, Any]]:
    """The answers of `plan_worker`, of each stage from a process of its own. Raises RuntimeError when one fails."""
    folder = cache / job.name
    job.write(folder)
    with tempfile.TemporaryDirectory(dir=folder) as workspace:
        return [_ask(stage, folder, Path(workspace)) for stage in stages]


def _ask(stage: str, folder: Path, workspace: Path) -> dict[str, Any]:
    command = (sys.executable, "-m", "benchmarks.plan_worker", stage, str(folder), str(workspace))
    settings = {"OMP_NUM_THREADS": str(num_usable_cores()), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | settings, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{folder.name}: {stage} failed\n{done.stderr[-3000:]}")
    values: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return values


def _table(measured: Sequence[Measured]) -> list[list[str]]:
    rows = [["", *(f"{what} {cell}" for what in ("GB", "s", "judging GB") for cell in ("said", "found", "error"))]]
    for one in measured:
        pairs = (
            (one.train_bytes / 1e9, one.train["peak_bytes"] / 1e9, 2),
            (one.probe["total_seconds"], one.train["seconds"], 0),
            (one.evaluate_bytes / 1e9, one.evaluate["peak_bytes"] / 1e9, 2),
        )
        cells = []
        for said, found, digits in pairs:
            cells += [f"{said:.{digits}f}", f"{found:.{digits}f}", f"{said / found - 1:+.1%}"]
        rows.append([one.job.name, *cells])
    return rows
