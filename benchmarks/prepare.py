"""Our `prepare` against data-juicer and datatrove: rows a second and peak memory, and memory as the rows grow.

Each side cleans the text (broken Unicode, white space), masks e-mail and IP addresses and drops exact and near
duplicates, in processes of its own, as many as there are cores, from the same rows of about 1 kB, one after the other
in one run. Only our side also judges rows, splits them and proves the split. Each peer runs twice: `matched` has our
settings for near-duplicates (five characters, Jaccard 0.8, 21 bands of 6 hashes), `documented` its own defaults, which
take words of English, on a tenth of the rows: a peer's rate does not grow with them, since its start is not counted.
Ours is held against the fastest of the four. The run is void unless our side and the matched ones find the planted
duplicates, keep the other rows and leave no planted fault or address in them.

The time is that of the work with its worker processes; the start of the main one, and the dealing of the rows to
workers where a side cannot read one file with several, are told apart. CPU seconds hold everything, and say what the
clock cannot where other work goes on beside. Peak memory is the largest sum of the resident memory of a side's
processes, pages that they share counted in each.

`python -m benchmarks.prepare ROWS [SIDE ...]` compares on fewer rows and prints the table.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.hardware import num_usable_cores
from benchmarks.outcome import Goal, Outcome
from benchmarks.peers.environment import peer_python
from benchmarks.prepare_rows import FAULTS, Planted, write_rows
from benchmarks.process import CACHE, REPOSITORY

OURS: Final = (sys.executable, "-m", "benchmarks.prepare_ours")
PEERS: Final = ("data-juicer", "datatrove")
MATCHED, DOCUMENTED = "matched", "documented"
SMALL, LARGE, SMOKE = 200_000, 1_000_000, 2_000
ROWS_OF_SETTINGS: Final = {MATCHED: SMALL, DOCUMENTED: SMALL // 10}
SHARED_TYPES: Final = "email,ip"
"""What all three sides find; names and the rest are timed apart."""
ALL_TYPES: Final = "name,phone,email,address,id-card,card,iban,ssn,bank-account,ip,birth-date,secret"
GOALS: Final = {"speed_ratio": Goal(minimum=5.0), "memory_growth": Goal(maximum=1.3)}
MAX_DUPLICATES_OFF: Final = 0.01
"""Share of the planted duplicates by which the number of rows that a side drops may differ from theirs."""
_SAMPLE_SECONDS: Final = 0.05
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """One side on one file."""

    side: str
    num_rows: int
    seconds: float
    """Of the work itself."""
    other_seconds: float
    """Before and after it: the interpreter, its imports, rows dealt to workers."""
    cpu_seconds: float
    """Of all its processes, from start to end, as sampled."""
    peak_bytes: int
    kept: int
    faulty: int
    """Kept rows with a planted fault or address."""
    answer: Mapping[str, Any]
    """What the side says of itself: `versions` and, ours, its counts."""

    @property
    def rows_per_second(self) -> float:
        return self.num_rows / self.seconds


def run(*, quick: bool) -> Outcome:
    """All sides on the same rows; `quick` takes ours alone, on few."""
    with tempfile.TemporaryDirectory(dir=_folder()) as scratch:
        if quick:
            ours = _ours(SMOKE, Path(scratch), SHARED_TYPES)
            return Outcome(_figures([ours]), _table([ours]), void=tuple(_unequal([ours])))
        return _compare(Path(scratch))


def _compare(scratch: Path) -> Outcome:
    small = _ours(SMALL, scratch, SHARED_TYPES)
    peers = [_peer(name, settings, rows, scratch) for settings, rows in ROWS_OF_SETTINGS.items() for name in PEERS]
    large = _ours(LARGE, scratch, SHARED_TYPES)
    named = _ours(ROWS_OF_SETTINGS[DOCUMENTED], scratch, ALL_TYPES, "ours, all personal data")
    sides = [small, *peers, large, named]
    figures = _figures(sides) | compare(small, peers, large)
    versions = {
        f"{peer.side.partition(',')[0]} environment: {name}": str(version)
        for peer in peers
        for name, version in peer.answer["versions"].items()
    }
    details = {"sides": [asdict(side) for side in sides], "planted": [asdict(_inputs(n)[1]) for n in (SMALL, LARGE)]}
    return Outcome(figures, _table(sides), versions, details, tuple(_unequal(sides)))


def compare(small: Measured, peers: Sequence[Measured], large: Measured) -> dict[str, float]:
    """Ours against the fastest peer, and the memory that five times the rows take."""
    return {
        "speed_ratio": small.rows_per_second / max(peer.rows_per_second for peer in peers),
        "cpu_ratio": min(peer.cpu_seconds / peer.num_rows for peer in peers) / (small.cpu_seconds / small.num_rows),
        "memory_growth": large.peak_bytes / small.peak_bytes,
    }


def _ours(num_rows: int, scratch: Path, types: str, name: str = "ours") -> Measured:
    files, _ = _inputs(num_rows)
    return measure(name, num_rows, (*OURS, str(files[0]), "{out}", str(num_usable_cores()), types), scratch)


def _peer(name: str, settings: str, num_rows: int, scratch: Path) -> Measured:
    files, _ = _inputs(num_rows)
    worker = REPOSITORY / "benchmarks" / "peers" / name.replace("-", "_") / "worker.py"
    # -E: the peer's interpreter must not be led to our packages by PYTHON variables
    command = (str(peer_python(name.replace("-", "_"))), "-E", str(worker))
    arguments = (str(files[1]), "{out}", str(num_usable_cores()), settings)
    return measure(f"{name}, {settings}", num_rows, (*command, *arguments), scratch)


def measure(side: str, num_rows: int, command: Sequence[str], scratch: Path) -> Measured:
    """Run a side in a new folder, `{out}` of its command, that is removed afterwards.

    Raises RuntimeError with the end of its messages when it fails.
    """
    out = Path(tempfile.mkdtemp(dir=scratch))
    log = _folder() / "logs" / f"prepare-{side.partition(',')[0]}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    settings = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with log.open("w", encoding="utf-8") as messages, (out / "answer").open("w+", encoding="utf-8") as answers:
        start = time.perf_counter()
        process = subprocess.Popen(
            [part.replace("{out}", str(out)) for part in command],
            stdout=answers,
            stderr=messages,
            env=os.environ | settings,
            cwd=REPOSITORY,
        )
        peak_bytes, ticks = _watch(process)
        whole_seconds = time.perf_counter() - start
        answers.seek(0)
        lines = answers.read().splitlines()
    if process.returncode != 0 or not lines:
        last = log.read_text(encoding="utf-8").splitlines()[-20:]
        raise RuntimeError("\n".join([f"{side} failed, see {log}", *last]))
    answer = json.loads(lines[-1])
    kept, faulty = count_rows(map(Path, answer.pop("files")))
    shutil.rmtree(out)
    seconds = answer.pop("seconds")
    times = seconds, whole_seconds - seconds, ticks / _TICKS_PER_SECOND
    return Measured(side, num_rows, *times, peak_bytes, kept, faulty, answer)


def _watch(process: subprocess.Popen[bytes]) -> tuple[int, int]:
    """Until it ends: the most bytes that a process and all that it started held at once, and their clock ticks."""
    peak_bytes = 0
    ticks: dict[tuple[int, str], int] = {}
    while process.poll() is None:
        held_bytes = 0
        for pid in _family(process.pid):
            try:
                # the name of the program, in brackets, may hold spaces
                fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # proc(5): user and system time, start time, resident pages are fields 14, 15, 22, 24; the third is first
            ticks[pid, fields[19]] = int(fields[11]) + int(fields[12])
            held_bytes += int(fields[21]) * _PAGE_BYTES
        peak_bytes = max(peak_bytes, held_bytes)
        time.sleep(_SAMPLE_SECONDS)
    return peak_bytes, sum(ticks.values())


def count_rows(files: Iterable[Path]) -> tuple[int, int]:
    """The rows of files of JSON lines, and those among them that still hold what was planted to be mended or masked."""
    kept = faulty = 0
    for file in files:
        with file.open(encoding="utf-8", newline="\n") as stream:
            for line in stream:
                kept += 1
                # parsed and written again, so that it does not matter how a side escapes
                text = json.dumps(json.loads(line), ensure_ascii=False)
                faulty += FAULTS.search(text) is not None
    return kept, faulty


def _family(pid: int) -> list[int]:
    """A process and all that it started; those that ended meanwhile are left out."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text(encoding="ascii").split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found += [member for child in children for member in _family(int(child))]
    return found


def _inputs(num_rows: int) -> tuple[tuple[Path, Path], Planted]:
    """The files of both sides, made once, and what was planted in them."""
    folder = _folder() / "inputs"
    folder.mkdir(parents=True, exist_ok=True)
    maker = hashlib.sha256((REPOSITORY / "benchmarks" / "prepare_rows.py").read_bytes()).hexdigest()
    name = f"prepare-{num_rows}-{maker[:8]}"
    files = folder / f"{name}-ours.jsonl", folder / f"{name}-peers.jsonl"
    counts = folder / f"{name}.json"
    if not counts.is_file():
        counts.write_text(json.dumps(asdict(write_rows(num_rows, *files))), encoding="utf-8")
    return files, Planted(**json.loads(counts.read_text(encoding="utf-8")))


def _unequal(sides: Sequence[Measured]) -> list[str]:
    """Why the sides did not do the same work; peers with defaults of their own need not."""
    judged = (side for side in sides if not side.side.endswith(DOCUMENTED))
    return [reason for side in judged for reason in faults_of(side, _inputs(side.num_rows)[1])]


def faults_of(side: Measured, planted: Planted) -> list[str]:
    """Duplicates missed or other rows dropped, and rows that are not clean."""
    expected, dropped = planted.exact + planted.near, side.num_rows - side.kept
    found = []
    if abs(dropped - expected) > MAX_DUPLICATES_OFF * expected:
        found.append(f"{side.side} dropped {dropped} of {side.num_rows} rows, {expected} duplicates were planted")
    if side.faulty:
        found.append(f"{side.side} left {side.faulty} of {side.num_rows} rows with a planted fault or address")
    return found


def _figures(sides: Sequence[Measured]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for side in sides:
        name = f"{side.side}/{side.num_rows}"
        figures |= {
            f"{name}/rows_per_second": side.rows_per_second,
            f"{name}/cpu_seconds": side.cpu_seconds,
            f"{name}/peak_bytes": float(side.peak_bytes),
        }
    return figures


def _table(sides: Sequence[Measured]) -> list[list[str]]:
    heading = ["", "rows", "rows/s", "seconds", "start", "CPU s", "peak MiB", "kept"]
    return [heading] + [
        [
            side.side,
            f"{side.num_rows:,}",
            f"{side.rows_per_second:,.0f}",
            f"{side.seconds:.1f}",
            f"{side.other_seconds:.1f}",
            f"{side.cpu_seconds:.1f}",
            f"{side.peak_bytes / 2**20:,.0f}",
            f"{side.kept:,}",
        ]
        for side in sides
    ]


def _try(num_rows: int, names: Sequence[str]) -> None:
    """`names` are `ours`, or a peer and its settings: `datatrove/matched`."""
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        sides = []
        for name in names or ["ours", *(f"{peer}/{settings}" for settings in (MATCHED, DOCUMENTED) for peer in PEERS)]:
            peer, _, settings = name.partition("/")
            scratch = Path(folder)
            sides.append(
                _peer(peer, settings, num_rows, scratch) if settings else _ours(num_rows, scratch, SHARED_TYPES)
            )
            for row in _table(sides[-1:]):
                print(f"{row[0]:<24}", *(f"{cell:>12}" for cell in row[1:]), flush=True)
    print(*_unequal(sides), sep="\n")


def _folder() -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE


if __name__ == "__main__":
    _try(int(sys.argv[1]), sys.argv[2:])
