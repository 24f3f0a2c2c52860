from __future__ import annotations

import os
from pathlib import Path

import pytest

from tunesmith.cli.environment import language_of_environment, make_runtime, num_cores, threads_of_environment


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": ""}, "zh"),
        ({"LANG": "de_DE.UTF-8", "TUNESMITH_LANG": "ZH"}, "zh"),
        ({"LANG": "zh_TW.UTF-8", "TUNESMITH_LANG": "en"}, "en"),
    ],
)
def test_language_follows_our_variable_then_the_locale(environment: dict[str, str], language: str) -> None:
    assert language_of_environment(environment) == language


@pytest.mark.parametrize(
    ("value", "threads"), [("3", 3), ("4,2", 4), (" 2 ", 2), ("", None), ("many", None), ("0", None), ("-1", None)]
)
def test_threads_are_read_as_openmp_writes_them(value: str, threads: int | None) -> None:
    assert threads_of_environment({"OMP_NUM_THREADS": value}) == threads


def test_the_runtime_holds_what_the_process_may_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("OMP_NUM_THREADS")
    runtime = make_runtime(Path("here"), "zh")
    assert (runtime.workspace, runtime.language) == (Path("here"), "zh")
    assert runtime.cache == tmp_path / "tunesmith"
    assert runtime.num_threads == num_cores() <= (os.cpu_count() or 1)
