"""Our `prepare` against data-juicer and datatrove: rows a second and peak memory, and memory as the rows grow.

Each side cleans the text (broken Unicode, white space), masks e-mail and IP addresses and drops exact and near
duplicates, in processes of its own, with as many workers as there are cores, from the same rows of about 1 kB, one
after the other in one run. Only our side also checks rows, splits them and proves the split. The peers have their
documented defaults; they take a slice of the rows, because their time a row does not fall with more. Peak memory is the
largest sum of the resident memory of a side's processes, pages that they share counted in each.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.hardware import num_usable_cores
from benchmarks.outcome import Goal, Outcome
from benchmarks.peers.environment import peer_python
from benchmarks.prepare_rows import Planted, write_rows
from benchmarks.process import CACHE, REPOSITORY

OURS: Final = (sys.executable, "-m", "benchmarks.prepare_ours")
PEERS: Final = ("data-juicer", "datatrove")
SMALL, LARGE, SLICE, SMOKE = 200_000, 1_000_000, 20_000, 2_000
SHARED_TYPES: Final = "email,ip"
"""What all three sides find; names and the rest are timed apart."""
ALL_TYPES: Final = "name,phone,email,address,id-card,card,iban,ssn,bank-account,ip,birth-date,secret"
GOALS: Final = {"speed_ratio": Goal(minimum=5.0), "memory_growth": Goal(maximum=1.3)}
MIN_NEAR_FOUND: Final = 0.95
_SAMPLE_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Measured:
    """One side on one file."""

    side: str
    num_rows: int
    seconds: float
    """Of the work itself: interpreter and imports of the main process are not counted."""
    peak_bytes: int
    answer: Mapping[str, Any]
    """What the side says of itself: `kept`, `versions` and, ours, its counts."""

    @property
    def rows_per_second(self) -> float:
        return self.num_rows / self.seconds


def run(*, quick: bool) -> Outcome:
    """All sides on the same rows; `quick` takes ours alone, on few."""
    with tempfile.TemporaryDirectory(dir=_folder()) as scratch:
        if quick:
            ours, planted = _ours(SMOKE, Path(scratch), SHARED_TYPES)
            return Outcome(_figures([ours]), _table([ours]), void=tuple(_lost(ours, planted)))
        return _compare(Path(scratch))


def _compare(scratch: Path) -> Outcome:
    small, planted = _ours(SMALL, scratch, SHARED_TYPES)
    peers = [_peer(name, scratch) for name in PEERS]
    large, planted_large = _ours(LARGE, scratch, SHARED_TYPES)
    named, _ = _ours(SMALL, scratch, ALL_TYPES, "ours, all personal data")
    sides = [small, *peers, large, named]
    better = max(peers, key=lambda peer: peer.rows_per_second)
    figures = _figures(sides) | {
        "speed_ratio": small.rows_per_second / better.rows_per_second,
        "memory_growth": large.peak_bytes / small.peak_bytes,
    }
    versions = {
        f"{peer.side} environment: {name}": str(version)
        for peer in peers
        for name, version in peer.answer["versions"].items()
    }
    details = {"sides": [asdict(side) for side in sides], "planted": [asdict(planted), asdict(planted_large)]}
    void = (*_lost(small, planted), *_lost(large, planted_large))
    return Outcome(figures, _table(sides), versions, details, void)


def _ours(num_rows: int, scratch: Path, types: str, name: str = "ours") -> tuple[Measured, Planted]:
    files, planted = _inputs(num_rows)
    arguments = (*OURS, str(files[0]), "{out}", str(num_usable_cores()), types)
    return measure(name, num_rows, arguments, scratch), planted


def _peer(name: str, scratch: Path) -> Measured:
    files, _ = _inputs(SLICE)
    worker = REPOSITORY / "benchmarks" / "peers" / name.replace("-", "_") / "worker.py"
    # -E: the peer's interpreter must not be led to our packages by PYTHON variables
    python = str(peer_python(name.replace("-", "_")))
    return measure(name, SLICE, (python, "-E", str(worker), str(files[1]), "{out}", str(num_usable_cores())), scratch)


def measure(side: str, num_rows: int, command: Sequence[str], scratch: Path) -> Measured:
    """Run a side in a new folder, `{out}` of its command, that is removed afterwards.

    Raises RuntimeError with the end of its messages when it fails.
    """
    out = Path(tempfile.mkdtemp(dir=scratch))
    log = _folder() / "logs" / f"prepare-{side.partition(',')[0]}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    settings = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with log.open("w", encoding="utf-8") as messages, (out / "answer").open("w+", encoding="utf-8") as answers:
        process = subprocess.Popen(
            [part.replace("{out}", str(out)) for part in command],
            stdout=answers,
            stderr=messages,
            env=os.environ | settings,
            cwd=REPOSITORY,
        )
        peak_bytes = 0
        while process.poll() is None:
            peak_bytes = max(peak_bytes, sum(map(_resident_bytes, _family(process.pid))))
            time.sleep(_SAMPLE_SECONDS)
        answers.seek(0)
        lines = answers.read().splitlines()
    if process.returncode != 0 or not lines:
        last = log.read_text(encoding="utf-8").splitlines()[-20:]
        raise RuntimeError("\n".join([f"{side} failed, see {log}", *last]))
    shutil.rmtree(out)
    answer = json.loads(lines[-1])
    return Measured(side, num_rows, answer.pop("seconds"), peak_bytes, answer)


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


def _resident_bytes(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _inputs(num_rows: int) -> tuple[tuple[Path, Path], Planted]:
    """The files of both sides, made once, and what was planted in them."""
    folder = _folder() / "inputs"
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / f"prepare-{num_rows}-ours.jsonl", folder / f"prepare-{num_rows}-peers.jsonl"
    counts = folder / f"prepare-{num_rows}.json"
    if not counts.is_file():
        counts.write_text(json.dumps(asdict(write_rows(num_rows, *files))), encoding="utf-8")
    return files, Planted(**json.loads(counts.read_text(encoding="utf-8")))


def _lost(ours: Measured, planted: Planted) -> list[str]:
    """Why a run of ours did not do its work."""
    reasons = ours.answer["reasons"]
    exact, near = reasons.get("duplicate", 0), reasons.get("near-duplicate", 0)
    found = []
    if exact < planted.exact:
        found.append(f"{exact} of {planted.exact} exact duplicates found in {ours.num_rows} rows")
    if near < MIN_NEAR_FOUND * planted.near:
        found.append(f"{near} of {planted.near} near duplicates found in {ours.num_rows} rows")
    return found


def _figures(sides: Sequence[Measured]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for side in sides:
        name = f"{side.side}/{side.num_rows}"
        figures |= {f"{name}/rows_per_second": side.rows_per_second, f"{name}/peak_bytes": float(side.peak_bytes)}
    return figures


def _table(sides: Sequence[Measured]) -> list[list[str]]:
    heading = ["", "rows", "rows/s", "seconds", "peak MiB", "kept"]
    return [heading] + [
        [
            side.side,
            f"{side.num_rows:,}",
            f"{side.rows_per_second:,.0f}",
            f"{side.seconds:.1f}",
            f"{side.peak_bytes / 2**20:,.0f}",
            f"{side.answer['kept']:,}",
        ]
        for side in sides
    ]


def _folder() -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE
