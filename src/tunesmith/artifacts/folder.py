"""An artifact is a folder whose `manifest.json` is written last: it exists, whole, or it does not.

Everything is written to a sibling folder, files and folders are fsynced, then one rename makes it visible. The
manifest lists every file with its SHA-256, so that damage is found when the artifact is opened.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from errno import EEXIST, ENOTEMPTY
from functools import cache
from glob import escape
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tunesmith.errors import Place, RunFailed, TunesmithError

MANIFEST: Final = "manifest.json"
Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True)
class Identity:
    """All that decides what an artifact contains; its hash is the artifact's key."""

    kind: str
    stage_version: int
    """Raised by hand whenever the stage's output changes for equal input."""
    inputs: Mapping[str, str]
    """Content hash or key of everything that went in, by role."""
    section: Mapping[str, Any]
    """The resolved part of the recipe, as JSON values."""
    seed: int
    libraries: Mapping[str, str]

    def key(self) -> str:
        """The first 16 hex digits of the SHA-256 of the canonical JSON."""
        canonical = json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


class FileEntry(BaseModel):
    """What a file of an artifact must be."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    sha256: str
    num_bytes: int


class Manifest(BaseModel):
    """What `manifest.json` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    format: Literal[1] = 1
    kind: str
    key: str
    stage_version: int
    inputs: dict[str, str]
    section: dict[str, Any]
    seed: int
    libraries: dict[str, str]
    files: dict[str, FileEntry]

    @property
    def identity(self) -> Identity:
        return Identity(**self.model_dump(include={field.name for field in fields(Identity)}))


def library_versions(*names: str) -> dict[str, str]:
    """Installed versions of the named distributions."""
    return {name: _installed(name) for name in names}


# a distribution's whole description is read for its version
_installed = cache(version)


def hash_file(file: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_folder(folder: Path) -> str:
    """SHA-256 over the names and bytes of all files in a folder, 64 hex digits."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    joined = "".join(f"{file.relative_to(folder).as_posix()}:{hash_file(file)}\n" for file in files)
    return hashlib.sha256(joined.encode()).hexdigest()


def sync(path: Path) -> None:
    """Flush a file or folder to the disk, so that it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing, each one's name safe on the disk."""
    for path in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        path.mkdir(exist_ok=True)
        sync(path.parent)


def write_whole(file: Path, content: bytes) -> None:
    """Replace a file atomically: it has the old content or the new one, never a part."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.partial")
    try:
        partial.write_bytes(content)
        sync(partial)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    sync(file.parent)


@contextmanager
def locked(file: Path, busy: Callable[[str], RunFailed]) -> Iterator[None]:
    """Hold a file's lock, which ends with the process, and write the process's id into the file.

    Raises what `busy` makes of the id of another process that holds it.
    """
    with file.open("a+", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as failure:
            stream.seek(0)
            raise busy(stream.read().strip()) from failure
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


@contextmanager
def publish(out: Path, identity: Identity) -> Iterator[Path]:
    """Give a staging folder to write into; when the block ends well, it becomes `out` with its manifest, at once.

    When the block fails, nothing appears at `out` and the staging folder is removed. A whole artifact of the same key
    that is already there stays; anything else there is replaced. What a killed process left of the same artifact is
    removed.
    """
    staging = out.with_name(f".{out.name}.{os.getpid()}.partial")
    make_folder(out.parent)
    sweep(out.parent, out.name)
    with _claimed(staging):
        try:
            yield staging
            _seal(staging, identity)
            _place(staging, out, identity)
            sync(out.parent)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _claimed(staging: Path) -> Iterator[None]:
    """Make the folder and hold its lock, which ends with the process, so that `sweep` can tell who still lives."""
    staging.mkdir(exist_ok=True)
    while (descriptor := _lock(staging)) is None:  # a sweep took it for a dead one's before it was locked
        time.sleep(0.001)
        staging.mkdir(exist_ok=True)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock of a file or folder until it is closed; None where that is gone or another's."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with suppress(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_nlink:
            return descriptor
    os.close(descriptor)
    return None


def sweep(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes left of the artifact `name`, or of any; the living hold theirs locked."""
    pattern = "*" if name is None else escape(name)
    for left in [*folder.glob(f".{pattern}.*.partial"), *folder.glob(f".{pattern}.*.retired")]:
        if (descriptor := _lock(left)) is None:
            continue
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
        os.close(descriptor)


def _seal(folder: Path, identity: Identity) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    entries = {}
    for path in files:
        sync(path)
        relative = path.relative_to(folder).as_posix()
        entries[relative] = FileEntry(sha256=hash_file(path), num_bytes=path.stat().st_size)
    for path in sorted(path for path in folder.rglob("*") if path.is_dir()):
        sync(path)
    manifest = Manifest(key=identity.key(), files=entries, **asdict(identity))
    write_whole(folder / MANIFEST, manifest.model_dump_json(indent=1).encode())


def _place(staging: Path, out: Path, identity: Identity) -> None:
    """Rename `staging` to `out`. What stood there is moved aside first: a kill never leaves half of it at `out`."""
    retired = staging.with_suffix(".retired")
    while True:
        try:
            staging.rename(out)
            break
        except OSError as failure:
            if failure.errno not in (EEXIST, ENOTEMPTY):
                raise
        if _holds(out, identity):
            return
        shutil.rmtree(retired, ignore_errors=True)
        with suppress(FileNotFoundError):  # another process may have moved it first
            out.rename(retired)
    shutil.rmtree(retired, ignore_errors=True)


def _holds(folder: Path, identity: Identity) -> bool:
    try:
        return read_manifest(folder, identity.kind).key == identity.key()
    except (TunesmithError, FileNotFoundError):  # not whole, or moved away while it was read
        return False


def is_whole(folder: Path) -> bool:
    """Whether an artifact was published here. Its files are checked when it is opened."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path, kind: str) -> Manifest:
    """Open an artifact: its manifest, once every file's size and hash agree with it.

    Raises TunesmithError `artifact-missing`, `artifact-kind` (another kind of artifact), `artifact-newer`; RunFailed
    `artifact-damaged`.
    """
    manifest = open_manifest(folder, kind)
    for name in manifest.files:
        check_file(folder, name, manifest)
    return manifest


def read_body(file: Path, body: type[Body], kind: str) -> Body:
    """What a file of an artifact holds, as JSON. Raises RunFailed `artifact-damaged`."""
    try:
        return body.model_validate_json(file.read_bytes())
    except (ValidationError, FileNotFoundError) as failure:
        raise RunFailed("artifact-damaged", place=Place(str(file)), kind=kind) from failure


def open_manifest(folder: Path, kind: str) -> Manifest:
    """The manifest alone, whatever became of the files. Raises what `read_manifest` does."""
    if not is_whole(folder):
        raise TunesmithError("artifact-missing", place=Place(str(folder)), kind=kind)
    manifest_place = Place(str(folder / MANIFEST))
    content = (folder / MANIFEST).read_bytes()
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as failure:
        if _is_newer(content):
            raise TunesmithError("artifact-newer", place=manifest_place, kind=kind) from failure
        raise RunFailed("artifact-damaged", place=manifest_place, kind=kind) from failure
    if manifest.identity.key() != manifest.key:
        raise RunFailed("artifact-damaged", place=manifest_place, kind=kind)
    if manifest.kind != kind:
        raise TunesmithError("artifact-kind", place=Place(str(folder)), kind=kind, found=manifest.kind)
    return manifest


def _is_newer(manifest: bytes) -> bool:
    """Whether a later version wrote it, which says so in `format`."""
    try:
        found = json.loads(manifest)
    except ValueError:
        return False
    written = found.get("format") if isinstance(found, dict) else None
    return isinstance(written, int) and written > 1


def check_file(folder: Path, name: str, manifest: Manifest) -> None:
    """Raises RunFailed `artifact-damaged` unless the file has the size and hash that its manifest says."""
    path, entry = folder / name, manifest.files[name]
    if not path.is_file() or path.stat().st_size != entry.num_bytes or hash_file(path) != entry.sha256:
        raise RunFailed("artifact-damaged", place=Place(str(path)), kind=manifest.kind)
