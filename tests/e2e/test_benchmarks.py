"""Every benchmark still runs: its quick form, by the command that users have, and what must be nought there is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.run import NAMES

ROOT = Path(__file__).parents[2]
IN_SECONDS = ("startup", "prepare", "privacy", "statistics", "label-scoring")


def quick_run(name: str) -> dict[str, Any]:
    """The JSON line that a quick run ends with."""
    command = [sys.executable, "-m", "benchmarks.run", name, "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr[-3_000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in IN_SECONDS else [pytest.mark.slow]) for name in NAMES if name != "resume"],
)
def test_a_quick_run(name: str) -> None:
    told = quick_run(name)
    assert told["benchmark"] == name
    assert (told["void"], told["missed"]) == ([], [])
    assert all(map(math.isfinite, told["figures"].values()))
    assert told["figures"]


def test_a_quick_run_of_resume_harms_and_all_are_exact() -> None:
    figures = quick_run("resume")["figures"]
    parts = {key.removesuffix("/trials"): count for key, count in figures.items() if key.endswith("/trials")}
    assert len(parts) == 8
    assert min(parts.values()) >= 2
    assert [figures[f"{part}/inexact"] for part in parts] == [0.0] * 8
    assert (figures["mutants/caught"], figures["mutants/false alarms"]) == (5.0, 0.0)
