from __future__ import annotations

import os
from pathlib import Path

import pytest

from tunesmith.cli.environment import (
    available_bytes,
    language_of_environment,
    make_runtime,
    num_cores,
    processes_of_environment,
    threads_of_environment,
    with_devices,
)
from tunesmith.errors import TunesmithError
from tunesmith.runtime import Runtime


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


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, (0, 1)),
        ({"RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}, (1, 2)),
        ({"RANK": "0", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1"}, (0, 1)),
        ({"RANK": "", "WORLD_SIZE": ""}, (0, 1)),
    ],
)
def test_the_place_among_processes_is_read_as_torchrun_writes_it(
    environment: dict[str, str], place: tuple[int, int]
) -> None:
    assert processes_of_environment(environment) == place


def test_processes_of_several_machines_are_refused() -> None:
    with pytest.raises(TunesmithError, match="several-machines") as caught:
        processes_of_environment({"RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"})
    assert "--nproc-per-node 4" in caught.value.hint("zh")


@pytest.mark.parametrize("num_gpus", [1, 2])
def test_each_process_takes_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch, num_gpus: int) -> None:
    taken: list[int] = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: num_gpus)
    monkeypatch.setattr("torch.cuda.set_device", taken.append)
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda: (7, 9))
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda *, including_emulation: True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    runtime = Runtime(Path(), Path(), rank=1, world_size=2)
    if num_gpus == 2:
        found = with_devices(runtime)
        assert (found.device, found.memory_bytes) == ("cuda", 7)
        assert taken == [1]
    else:
        with pytest.raises(TunesmithError, match="too-few-gpus"):
            with_devices(runtime)


def machine(root: Path, files: dict[str, str]) -> Path:
    memory = {"proc/meminfo": "MemTotal: 9000 kB\nMemAvailable: 5000 kB\n", "proc/self/status": "VmRSS:\t 1000 kB\n"}
    for name, content in (memory | files).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_available_memory_is_what_the_kernel_or_the_group_leaves(tmp_path: Path) -> None:
    second, first = "sys/fs/cgroup", "sys/fs/cgroup/memory"
    stat = {f"{second}/memory.stat": "anon 7\ninactive_file 500000\n"}
    assert available_bytes(tmp_path / "elsewhere") is None
    assert available_bytes(machine(tmp_path / "bare", {})) == 6000 * 1024
    unlimited = {f"{second}/memory.max": "max\n", f"{second}/memory.current": "9000000\n", **stat}
    assert available_bytes(machine(tmp_path / "unlimited", unlimited)) == 6000 * 1024
    # of 3,000,000 in use 500,000 can be dropped and 1,024,000 are this process's own
    limited = {f"{second}/memory.max": "4000000\n", f"{second}/memory.current": "3000000\n", **stat}
    assert available_bytes(machine(tmp_path / "limited", limited)) == 4_000_000 - (3_000_000 - 500_000 - 1_024_000)
    old = {
        f"{first}/memory.limit_in_bytes": "2000000\n",
        f"{first}/memory.usage_in_bytes": "1024000\n",
        f"{first}/memory.stat": "total_inactive_file 0\n",
    }
    assert available_bytes(machine(tmp_path / "old", old)) == 2_000_000


def test_available_memory_of_this_machine_is_less_than_it_has() -> None:
    found = available_bytes()
    assert found is None or 0 < found <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
