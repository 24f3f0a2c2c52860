"""Publishing an artifact in processes that are killed at every step, race each other or lose their place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tunesmith
from tunesmith.artifacts.folder import MANIFEST

# the same artifact, made in another process
MAKE = """
import os, sys
from pathlib import Path
from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.folder import read_manifest
from tunesmith.errors import TunesmithError

def make(out, seed=7, mark=b""):
    with publish(out, Identity("dataset", 1, {}, {}, seed, {})) as folder:
        (folder / "part").mkdir()
        for name in ("a", "b", "part/c"):
            (folder / name).write_bytes(name.encode() * 1000 + mark)
"""


def run_python(script: str, *arguments: Path | str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(tunesmith.__file__).parents[1])}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


# an audit hook sees each file operation before it happens; fsync, which has no such event, is wrapped
WATCH = """
STEPS = ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove")
def watch(root, step):
    def hook(event, arguments):
        if event not in STEPS:
            return
        path, folder = str(arguments[0]), arguments[-1]
        if event in ("os.remove", "os.rmdir") and folder != -1:  # named from an open folder, as rmtree does
            path = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)
        if path.startswith(root):
            step(event, path, *map(str, arguments[1:]))
    def fsync(descriptor, fsync=os.fsync):
        step("fsync", os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)
    os.fsync = fsync
    sys.addaudithook(hook)
"""
KILL = (
    MAKE
    + WATCH
    + """
root, old = sys.argv[1:]
def die_at(last):
    count = 0
    def step(*what):
        nonlocal count
        count += 1
        if count == last:
            os._exit(9)
    watch(root, step)
last, status = 0, 9
while status == 9:
    last += 1
    out = Path(root, str(last), "key")
    if old == "damaged":
        make(out)
        (out / "a").write_bytes(b"x")
    elif old == "other":
        make(out, seed=8)
    child = os.fork()
    if not child:
        die_at(last)
        make(out)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        state = f"seed {read_manifest(out, 'dataset').seed}"
    except TunesmithError as failure:
        state = failure.code
    make(out)  # the next attempt is not in the way of what is left
    assert read_manifest(out, "dataset").seed == 7
    print(last, status, state)
"""
)


@pytest.mark.parametrize(
    ("old", "before"),
    [
        ("nothing", {"artifact-missing"}),
        ("damaged", {"artifact-damaged", "artifact-missing"}),
        ("other", {"seed 8", "artifact-missing"}),
    ],
)
def test_a_kill_at_any_step_leaves_nothing_or_a_whole_artifact(tmp_path: Path, old: str, before: set[str]) -> None:
    lines = [line.split(" ", 2) for line in run_python(KILL, tmp_path, old).splitlines()]
    states = [state for _, _, state in lines]
    assert [status for _, status, _ in lines] == ["9"] * (len(lines) - 1) + ["0"]
    assert len(lines) > 15
    assert set(states) <= {*before, "seed 7"}
    # once whole, it stays whole at every later step
    assert states == sorted(states, key=lambda state: state == "seed 7")
    assert states[0] in before
    assert states[-1] == "seed 7"


RECORD = (
    MAKE
    + WATCH
    + """
root = sys.argv[1]
watch(root, lambda event, path, *more: print(event, path, more[0] if event == "os.rename" else ""))
make(Path(root, "key"))
"""
)


def test_files_are_synced_before_the_rename_and_the_parent_after_it(tmp_path: Path) -> None:
    steps = [line.split() for line in run_python(RECORD, tmp_path).splitlines()]
    staging = next(path for event, path, *_ in steps if event == "os.mkdir")
    renames = [i for i, step in enumerate(steps) if step[0] == "os.rename" and step[1] == staging]
    assert [steps[i][2] for i in renames] == [str(tmp_path / "key")]
    synced_before = [step[1] for step in steps[: renames[0]] if step[0] == "fsync"]
    written = {f"{staging}/{name}" for name in ("a", "b", "part/c")}
    assert {*written, f"{staging}/part", staging} <= set(synced_before)
    # the manifest is synced under a passing name, after all files, and then gets its own
    named = next(i for i, step in enumerate(steps) if step[0] == "os.rename" and step[-1] == f"{staging}/{MANIFEST}")
    last_file = max(i for i, step in enumerate(steps) if step[0] == "fsync" and step[1] in written)
    assert last_file < named < renames[0]
    assert ["fsync", steps[named][1]] in steps[last_file:named]
    assert synced_before[-1] == staging
    assert ["fsync", str(tmp_path)] in steps[renames[0] :]


RACE = (
    MAKE
    + """
out, children = Path(sys.argv[1]), []
for number in range(2):
    child = os.fork()
    if not child:
        for turn in range(30):
            make(out, seed=turn if sys.argv[2] == "other" else 7)
            if sys.argv[2] == "same":
                read_manifest(out, "dataset")
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print(read_manifest(out, "dataset").seed)
"""
)


@pytest.mark.parametrize(("keys", "seed"), [("same", "7"), ("other", "29")])
def test_two_processes_that_publish_at_one_place_do_not_harm_it(tmp_path: Path, keys: str, seed: str) -> None:
    assert run_python(RACE, tmp_path / "key", keys).strip() == seed
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


STOLEN = (
    MAKE
    + WATCH
    + """
out = Path(sys.argv[1])
make(out, seed=8)
thefts = [out.with_name("elsewhere")]
def step(event, path, *more):
    if event == "os.rename" and path == str(out) and thefts:
        out.rename(thefts.pop())
watch(str(out), step)
make(out)
print(read_manifest(out, "dataset").seed)
"""
)


def test_what_another_process_moved_away_first_is_no_obstacle(tmp_path: Path) -> None:
    assert run_python(STOLEN, tmp_path / "key").strip() == "7"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "key"]
