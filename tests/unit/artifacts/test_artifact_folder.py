from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tunesmith.artifacts import Identity, hash_file, is_whole, library_versions, publish, write_whole
from tunesmith.artifacts.folder import MANIFEST, read_manifest, sweep
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


def make(out: Path, identity: Identity = IDENTITY, files: dict[str, bytes] = FILES) -> Path:
    with publish(out, identity) as folder:
        for name, content in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    return out


def code_of_opening(folder: Path, kind: str = "dataset") -> str | None:
    try:
        read_manifest(folder, kind)
    except TunesmithError as failure:
        return failure.code
    return None


def test_what_a_later_version_made_is_not_called_damaged(tmp_path: Path) -> None:
    out = make(tmp_path / "dataset" / "key")
    manifest = json.loads((out / MANIFEST).read_bytes())
    for written, code in ((2, "artifact-newer"), (0, "artifact-damaged"), ("2", "artifact-damaged")):
        (out / MANIFEST).write_text(json.dumps(manifest | {"format": written, "shards": []}), encoding="utf-8")
        assert code_of_opening(out) == code


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


@pytest.mark.thorough
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


def test_what_a_killed_process_left_goes_and_what_a_living_one_holds_stays(tmp_path: Path) -> None:
    dead, living, retired, other = (
        tmp_path / name for name in (".key.901.partial", ".key.902.partial", ".key.903.retired", ".other.904.partial")
    )
    for folder in (dead, living, retired, other):
        (folder / "part").mkdir(parents=True)
    held = os.open(living, os.O_RDONLY)  # what another process has open is another lock
    fcntl.flock(held, fcntl.LOCK_EX)
    make(tmp_path / "key")
    os.close(held)
    assert sorted(path.name for path in tmp_path.iterdir()) == [living.name, other.name, "key"]
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_failure_inside_the_block_is_not_taken_for_a_sweep(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), publish(tmp_path / "key", IDENTITY):
        (tmp_path / "nowhere").read_bytes()
    assert list(tmp_path.iterdir()) == []
