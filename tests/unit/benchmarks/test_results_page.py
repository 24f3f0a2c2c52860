"""The page of results says what the newest files say, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.hardware import Hardware
from benchmarks.outcome import Goal, Outcome
from tools.results_page import results_page

GOALS = {"speed": Goal(minimum=2.0), "bytes": Goal(maximum=50.0), "absent": Goal(minimum=1.0)}


def write(folder: Path, name: str, speed: float, *void: str, is_idle: bool = True) -> Path:
    hardware = Hardware("Acme(R) Fast CPU", 2, 8 << 30, (), 0.1, is_idle)
    outcome = Outcome({"speed": speed, "bytes": 70.0}, [["", "rate"], ["ours", f"{speed:.1f}"]], void=void)
    run.report(name, hardware, outcome, GOALS, folder)
    (file,) = folder.glob(f"{name}-acme-*-20??-??-??.json")
    return file


@pytest.mark.parametrize(("language", "met", "missed"), [("en", "yes", "no"), ("zh", "是", "否")])
def test_each_goal_is_shown_with_what_was_measured(tmp_path: Path, language: str, met: str, missed: str) -> None:
    write(tmp_path, "startup", 2.5)
    lines = results_page(language, tmp_path).splitlines()
    assert "## `startup`" in lines
    assert "ours   2.5" in lines
    assert f"| `speed` | >= 2 | 2.5 | {met} |" in lines
    assert f"| `bytes` | <= 50 | 70 | {missed} |" in lines
    assert f"| `absent` | >= 1 | - | {missed} |" in lines


def test_the_newest_result_of_each_benchmark_is_taken_in_their_order(tmp_path: Path) -> None:
    older = write(tmp_path, "train-cpu", 9.0)
    older.rename(older.with_name("train-cpu-zeta-2core-2001-02-03.json"))
    write(tmp_path, "train-cpu", 3.0, "the machine was busy", is_idle=False)
    write(tmp_path, "startup", 1.0)
    page = results_page("en", tmp_path)
    assert [line for line in page.splitlines() if line.startswith("##")] == ["## `startup`", "## `train-cpu`"]
    assert "| `speed` | >= 2 | 3 | yes |" in page
    assert "| 9 |" not in page
    assert "The run is void: the machine was busy." in page
    assert page.count("with a load of 0.1 before the run") == 1
