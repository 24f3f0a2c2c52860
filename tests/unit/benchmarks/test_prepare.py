"""When the sides of the comparison did the same work, and what their figures are."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import prepare
from benchmarks.prepare_rows import EXACT_EVERY, NEAR_EVERY, Planted, write_rows

PLANTED = Planted(num_rows=1000, num_bytes=10**6, exact=100, near=100)


def side(name: str, kept: int = 800, faulty: int = 0, seconds: float = 2.0, peak: int = 100) -> prepare.Measured:
    return prepare.Measured(name, 1000, seconds, 1.0, 2 * seconds, peak, kept, faulty, {})


@pytest.mark.parametrize("kept", [798, 800, 802])
def test_sides_that_did_the_same_work_pass(kept: int) -> None:
    assert prepare.faults_of(side("a", kept), PLANTED) == []


@pytest.mark.parametrize(("kept", "faulty", "reason"), [(797, 0, "203"), (803, 0, "197"), (800, 1, "left 1 of 1000")])
def test_a_side_that_did_less_or_more_voids_the_run(kept: int, faulty: int, reason: str) -> None:
    (found,) = prepare.faults_of(side("a", kept, faulty), PLANTED)
    assert reason in found


def test_ours_is_held_against_the_faster_peer() -> None:
    # on a tenth of the rows in as little time, it is the slowest
    few = replace(side("few", seconds=20.0), num_rows=100)
    peers = [side("slow", seconds=40.0), side("fast", seconds=20.0), few]
    figures = prepare.compare(side("ours"), peers, side("ours", peak=125))
    assert figures == {
        "speed_ratio": pytest.approx(10.0),
        "cpu_ratio": pytest.approx(10.0),
        "memory_growth": pytest.approx(1.25),
    }
    assert set(prepare.GOALS) < set(figures)


@pytest.mark.thorough
def test_rows_are_written_alike_for_both_sides_with_what_is_planted(tmp_path: Path) -> None:
    planted = write_rows(400, tmp_path / "ours", tmp_path / "peers")
    assert (planted.exact, planted.near) == (400 // EXACT_EVERY, 400 // NEAR_EVERY)
    ours, peers = (
        list(map(json.loads, (tmp_path / name).read_text("utf-8").splitlines())) for name in ("ours", "peers")
    )
    assert [f"{row['question']}\n{row['answer']}" for row in ours] == [row["text"] for row in peers]
    assert 900 < planted.num_bytes / 400 < 1200
    kept, faulty = prepare.count_rows([tmp_path / "ours"])
    assert kept == 400
    assert 400 / 8 < faulty < 400 / 3


@pytest.mark.thorough
def test_a_side_is_measured_with_its_processes_and_its_files_are_counted(tmp_path: Path) -> None:
    code = """
import json, subprocess, sys
held = "import time; part = bytearray(60 << 20); time.sleep(1)"
subprocess.run([sys.executable, "-c", held], check=True)
open(sys.argv[1] + "/out", "w").write('{"text": "note\\\\u0007"}\\n{"text": "fine"}\\n')
print(json.dumps({"seconds": 2.0, "files": [sys.argv[1] + "/out"], "versions": {}}))
"""
    found = prepare.measure("a", 8, (sys.executable, "-c", code, "{out}"), tmp_path)
    assert (found.kept, found.faulty, found.rows_per_second) == (2, 1, 4.0)
    assert found.peak_bytes > 60 << 20
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="no such side"):
        prepare.measure("a", 8, (sys.executable, "-c", "raise SystemExit('no such side')"), tmp_path)
