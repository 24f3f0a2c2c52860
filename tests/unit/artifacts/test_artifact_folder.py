from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import tunesmith
from tunesmith.artifacts import Identity, hash_file, is_whole, library_versions, publish, write_whole
from tunesmith.artifacts.folder import MANIFEST, Manifest, read_manifest
from tunesmith.errors import TunesmithError

IDENTITY = Identity(
    kind="dataset",
    stage_version=1,
    inputs={"rows": "ab" * 32},
    section={"share": 0.1, "name": "客服", "columns": {"a": "b"}},
    seed=7,
    libraries={"polars": "1.0"},
)
FILES = {"train.jsonl": b'{"a": 1}\n', "report.json": b"{}", "weights/part-1.bin": bytes(range(256)), "empty": b""}
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


def make(out: Path, identity: Identity = IDENTITY, files: dict[str, bytes] = FILES) -> Path:
    with publish(out, identity) as folder:
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    return out


def run_python(script: str, *arguments: Path | str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(tunesmith.__file__).parents[1])}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def code_of_opening(folder: Path, kind: str = "dataset") -> str | None:
    try:
        read_manifest(folder, kind)
    except TunesmithError as failure:
        return failure.code
    return None


def test_what_is_published_can_be_read_back(tmp_path: Path) -> None:
    out = make(tmp_path / "dataset" / "key")
    manifest = read_manifest(out, "dataset")
    assert manifest.identity == IDENTITY
    assert manifest.key == IDENTITY.key() == read_manifest(out, "dataset").identity.key()
    assert {name: entry.num_bytes for name, entry in manifest.files.items()} == {k: len(v) for k, v in FILES.items()}
    assert {name: (out / name).read_bytes() for name in FILES} == FILES
    assert [path.name for path in out.parent.iterdir()] == ["key"]


def test_hashes_are_those_of_sha256sum(tmp_path: Path) -> None:
    out = make(tmp_path / "a")
    for name, entry in read_manifest(out, "dataset").files.items():
        printed = subprocess.run(["sha256sum", out / name], capture_output=True, text=True, check=True).stdout
        assert printed.split()[0] == entry.sha256 == hash_file(out / name)


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_nothing(tmp_path: Path, failure: type[BaseException]) -> None:
    def fail(out: Path) -> None:
        with publish(out, IDENTITY) as folder:
            (folder / "a").write_bytes(b"x")
            raise failure

    with pytest.raises(failure):
        fail(tmp_path / "key")
    assert list(tmp_path.iterdir()) == []
    make(tmp_path / "key")
    with pytest.raises(failure):
        fail(tmp_path / "key")
    assert code_of_opening(tmp_path / "key") is None


def test_a_whole_artifact_of_the_same_key_stays(tmp_path: Path) -> None:
    out = make(tmp_path / "key")
    before = (out / "report.json").stat().st_ino
    make(out)
    assert (out / "report.json").stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("fault", ["other key", "damaged", "no manifest", "empty folder"])
def test_anything_else_at_the_place_is_replaced(tmp_path: Path, fault: str) -> None:
    out = make(tmp_path / "key", replace(IDENTITY, seed=8) if fault == "other key" else IDENTITY)
    if fault == "damaged":
        (out / "report.json").write_bytes(b"[]")
    if fault in ("no manifest", "empty folder"):
        for path in [*out.rglob("*")]:
            if path.is_file() and (fault == "empty folder" or path.name == MANIFEST):
                path.unlink()
    make(out)
    assert read_manifest(out, "dataset").key == IDENTITY.key()
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_the_key_changes_with_every_part_of_the_identity() -> None:
    others = [
        IDENTITY,
        replace(IDENTITY, kind="plan"),
        replace(IDENTITY, stage_version=2),
        replace(IDENTITY, inputs={"rows": "cd" * 32}),
        replace(IDENTITY, inputs={"row": "ab" * 32}),
        replace(IDENTITY, section={**IDENTITY.section, "share": 0.2}),
        replace(IDENTITY, seed=8),
        replace(IDENTITY, libraries={"polars": "1.1"}),
    ]
    keys = [other.key() for other in others]
    assert len(set(keys)) == len(keys)
    assert all(re.fullmatch("[0-9a-f]{16}", key) for key in keys)
    reordered = replace(IDENTITY, section=dict(reversed(IDENTITY.section.items())))
    assert reordered.key() == IDENTITY.key()


# --- damage


def test_every_flipped_byte_of_a_small_artifact_is_found(tmp_path: Path) -> None:
    out = make(tmp_path / "key")
    for file in [path for path in sorted(out.rglob("*")) if path.is_file()]:
        whole = file.read_bytes()
        for position in range(len(whole)):
            file.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
            assert code_of_opening(out) == "artifact-damaged", (file.name, position)
        file.write_bytes(whole)
    assert code_of_opening(out) is None


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_files_cut_grown_or_gone_are_found(tmp_path: Path, name: str) -> None:
    out = make(tmp_path / "key")
    whole = (out / name).read_bytes()
    damages = [whole + b"x", whole[:-1], whole[: len(whole) // 2], b""]
    for damage in damages:
        if damage != whole:
            (out / name).write_bytes(damage)
            assert code_of_opening(out) == "artifact-damaged"
    (out / name).unlink()
    assert code_of_opening(out) == ("artifact-missing" if name == MANIFEST else "artifact-damaged")


def test_another_kind_and_nothing_are_told_apart_from_damage(tmp_path: Path) -> None:
    out = make(tmp_path / "key")
    assert code_of_opening(out, "plan") == "artifact-kind"
    assert code_of_opening(tmp_path / "none") == "artifact-missing"
    assert is_whole(out)
    assert not is_whole(tmp_path / "none")


def test_a_manifest_of_a_later_format_is_not_taken_for_ours(tmp_path: Path) -> None:
    out = make(tmp_path / "key")
    manifest = Manifest.model_validate_json((out / MANIFEST).read_bytes())
    (out / MANIFEST).write_text(manifest.model_dump_json().replace('"format":1', '"format":2'), encoding="utf-8")
    assert code_of_opening(out) == "artifact-damaged"


# --- kills, the order of syncing, and two processes

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


# --- single files


def test_write_whole_replaces_and_leaves_no_rest(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_whole(file, b"one")
    write_whole(file, b"two")
    assert file.read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_write_whole_that_fails_keeps_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "inside").write_bytes(b"old")
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a" / "inside").read_bytes() == b"old"


def test_library_versions_are_those_installed() -> None:
    import pydantic

    assert library_versions("pydantic") == {"pydantic": pydantic.VERSION}
