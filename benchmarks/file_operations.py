"""Every file operation of a process as a place to harm it: kill it there, or tell it that the disk is full.

Where `strace` may watch a running process, operations are system calls, those of libraries in other languages too.
Elsewhere they are Python's own, seen by an audit hook in the process.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path
from typing import Any, Final, Literal

from benchmarks.resume_job import begin, fork

CALLS: Final = "openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,mkdir,unlink,unlinkat,rmdir"
EVENTS: Final = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir")
NEED_SPACE: Final = ("open", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "mkdir")
"""Beginnings of the names of operations that a full disk can refuse."""
INJECTED: Final = "(INJECTED)"
"""How strace marks an answer that is not the system's."""
_LINE: Final = re.compile(r"^(\d+) +(\w+)\((.*)\) += \S+")
"""Process, name and arguments of a call."""
_OF_ONE_RUN: Final = re.compile(r"(?<=\.tmp)\w{6}|(?:\.\d+)+(?=\.partial|\.retired)")
_PATH: Final = re.compile(r'"([^"]*)"|<(/[^>]*)>')

Job = Callable[[], None]
Damage = Literal["kill", "full"]


@dataclass(frozen=True)
class Operation:
    """One file operation: its name, which of that name it is in its process, from 1, and the paths it names."""

    name: str
    number: int
    paths: tuple[str, ...]
    writes: bool = True
    file: str = ""
    """The last of the paths under the run's folder, without what differs from run to run."""

    @property
    def needs_space(self) -> bool:
        return self.writes and self.name.removeprefix("os.").startswith(NEED_SPACE)


def can_trace() -> bool:
    """Whether strace is here and may watch a child of this process."""
    if shutil.which("strace") is None:
        return False
    child = subprocess.Popen(["sleep", "5"])
    command = ["strace", "-o", os.devnull, "-p", str(child.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        attached = "attached" in tracer.stderr.readline()
        child.kill()
        child.wait()
    return attached


class Traced:
    """Operations as system calls."""

    def record(self, job: Job, root: Path, log: Path) -> list[Operation]:
        """The operations under `root` of an undisturbed run of `job`, in order."""
        calls = log.with_suffix(".calls")
        assert self._run(job, log, ["-y", "-e", f"trace={CALLS}", "-o", str(calls)]) == 0, log.read_text()
        # strace counts each process's calls apart when it is told at which one to harm
        counts: Counter[tuple[str, str]] = Counter()
        found = []
        for line in calls.read_text(encoding="utf-8", errors="replace").splitlines():
            parsed = _LINE.match(line)
            if parsed is None:
                continue
            process, name, arguments = parsed.groups()
            counts[process, name] += 1
            paths = _paths(name, arguments)
            if any(_under(path, str(root)) for path in paths):
                writes = name != "openat" or "O_CREAT" in arguments or "O_WRONLY" in arguments
                found.append(Operation(name, counts[process, name], paths, writes, _file(paths, root)))
        return found

    def harm(self, job: Job, operation: Operation, damage: Damage, root: Path, log: Path) -> int | None:
        """Run `job` and harm it at an operation; its exit code, or minus the signal that ended it.

        None where a full disk was told to another operation than the one that is meant: Python lists a folder of its
        modules again when something in it changed, and so does one call more before it.
        """
        calls = log.with_suffix(".harmed")
        how = "signal=KILL" if damage == "kill" else "error=ENOSPC"
        inject = f"inject={operation.name}:{how}:when={operation.number}"
        code = self._run(job, log, ["-y", "-e", f"trace={operation.name}", "-e", inject, "-o", str(calls)])
        lines = calls.read_text(encoding="utf-8", errors="replace").splitlines()
        calls.unlink()
        met = [parsed for line in lines if INJECTED in line and (parsed := _LINE.match(line))]
        return None if any(_file(_paths(*one.groups()[1:]), root) != operation.file for one in met) else code

    def _run(self, job: Job, log: Path, options: Sequence[str]) -> int:
        """The child waits until it is watched."""
        reading, writing = os.pipe()

        def waiting() -> None:
            os.read(reading, 1)
            job()

        child = begin(waiting, log)
        command = ["strace", "-f", *options, "-p", str(child)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
            assert tracer.stderr is not None
            told = tracer.stderr.readline()
            assert "attached" in told, told
            os.write(writing, b"g")
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.close(reading)
        os.close(writing)
        return code


def _paths(name: str, arguments: str) -> tuple[str, ...]:
    """Absolute paths of a call: of its descriptor, or those it quotes, each in the open folder named before it."""
    found = _PATH.findall(arguments)
    if not name.startswith(("open", "rename", "mkdir", "unlink", "rmdir")):
        return tuple(opened for _, opened in found[:1])
    paths: list[str] = []
    folder = ""
    for quoted, opened in found:
        if opened:
            folder = opened
        else:
            paths.append(os.path.join(folder, quoted))
    return tuple(paths)


def _file(paths: Sequence[str], root: Path) -> str:
    """The last path under `root`, without numbers of processes and random letters; empty where it lies elsewhere."""
    if not paths or not _under(paths[-1], str(root)):
        return ""
    return _OF_ONE_RUN.sub("", str(Path(paths[-1]).relative_to(root)))


class Hooked:
    """Operations as Python's audit events, and `os.fsync`, which has none."""

    def record(self, job: Job, root: Path, log: Path) -> list[Operation]:
        """The operations under `root` of an undisturbed run of `job`, in order."""
        seen = log.with_suffix(".calls")

        def recording() -> None:
            with seen.open("w", encoding="utf-8") as stream:
                _watch(root, lambda name, writes, *paths: print(name, int(writes), *paths, sep="\t", file=stream))
                job()

        assert fork(recording, log) == 0, log.read_text()
        lines = [line.split("\t") for line in seen.read_text(encoding="utf-8").splitlines()]
        return [
            Operation(name, number, tuple(paths), writes == "1")
            for number, (name, writes, *paths) in enumerate(lines, start=1)
        ]

    def harm(self, job: Job, operation: Operation, damage: Damage, root: Path, log: Path) -> int:
        """Run `job` and harm it at an operation; its exit code, or minus the signal that ended it."""
        seen = 0

        def harmed(*_: object) -> None:
            nonlocal seen
            seen += 1
            if seen == operation.number and damage == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            if seen == operation.number:
                raise OSError(ENOSPC, os.strerror(ENOSPC))

        def job_watched() -> None:
            _watch(root, harmed)
            job()

        return fork(job_watched, log)


def _watch(root: Path, see: Callable[..., None]) -> None:
    """Call `see(name, writes, paths...)` before each file operation under `root` of this process."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS or isinstance(arguments[0], int):
            return
        path = os.fsdecode(arguments[0])
        if event in ("os.remove", "os.rmdir") and arguments[-1] != -1:  # named from an open folder, as rmtree does
            path = os.path.join(os.readlink(f"/proc/self/fd/{arguments[-1]}"), path)
        if _under(path, str(root)):
            writes = event != "open" or bool(arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            others = [os.fsdecode(arguments[1])] if event == "os.rename" else []
            see(event.removeprefix("os."), writes, path, *others)

    fsync = os.fsync

    def seen_fsync(descriptor: int) -> None:
        path = os.readlink(f"/proc/self/fd/{descriptor}")
        if _under(path, str(root)):
            see("fsync", True, path)
        fsync(descriptor)

    os.fsync = seen_fsync  # type: ignore[assignment]
    sys.addaudithook(hook)


def unsynced(operations: Sequence[Operation], root: Path) -> list[str]:
    """What a power cut could lose of what a rename made visible under `root` (a name without a dot before it).

    Before the rename each file and folder under it must have been synced since it was last written; after it, each
    folder above it with a new entry.
    """
    dirty: set[str] = set()
    waiting: set[str] = set()
    wrong: list[str] = []
    for operation in operations:
        path, name = operation.paths[-1], operation.name
        above = {str(folder) for folder in Path(path).parents}
        if name in ("fsync", "fdatasync"):
            dirty.discard(path)
            waiting.discard(path)
        elif name.startswith("rename"):
            moved = {lost for lost in dirty if _under(lost, operation.paths[0])}
            dirty = dirty - moved | {str(Path(path).parent)}
            if any(part.startswith(".") for part in Path(path).relative_to(root).parts):
                dirty |= {path + lost.removeprefix(operation.paths[0]) for lost in moved}
                continue
            wrong += [f"{lost} was not synced before {path} appeared" for lost in moved]
            waiting |= dirty & above
        elif name.startswith(("unlink", "remove", "rmdir")):
            dirty = {lost for lost in dirty if not _under(lost, path)}
        elif operation.writes:
            dirty |= {path, str(Path(path).parent)} if name in ("mkdir", "open", "openat") else {path}
    return wrong + [f"{folder} was not synced after something appeared under it" for folder in waiting]


def _under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
