"""Whether a training that is harmed ends, after a resume, with the bits of one that nobody disturbed.

It is killed at random moments and at every file operation, finds the disk full at each, is interrupted by signals, has
files of its newest checkpoint damaged, and is killed in every cell of a matrix of places and layouts; weights,
optimiser, random state, order of rows and what is published are compared. So that this says something, five mutants
that each leave one entry out of a checkpoint have to be caught. At one thread and at two.
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.outcome import Goal, Outcome

if TYPE_CHECKING:
    from benchmarks.resume_trials import Trial

PARTS: Final = (
    "random kills",
    "killed at each operation",
    "disk full at each operation",
    "newest checkpoint damaged",
    "order of syncs",
    "matrix",
    "signals",
    "evaluate_every",
)
THREADS: Final = (1, 2)
MIN_TRIALS: Final = {"random kills": 100, "matrix": 144}
SHARED_MEMORY: Final = Path("/dev/shm")
GOALS: Final = {
    **{f"{name}/inexact": Goal(maximum=0) for name in PARTS},
    **{f"{name}/trials": Goal(minimum=MIN_TRIALS.get(name, 1)) for name in PARTS},
    "mutants/caught": Goal(minimum=5),
    "mutants/false alarms": Goal(maximum=0),
}


def run(*, quick: bool) -> Outcome:
    """Harm, resume, compare; `quick` tries a small part of each, at one thread."""
    # read when torch is first imported: two threads that spin beside two other processes would take minutes
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from benchmarks.resume_job import make_desk
    from benchmarks.resume_trials import MUTANTS, Bench, Sizes

    sizes = Sizes(3, 40, 1, 23, 2, (8,)) if quick else Sizes()
    table = [["", "threads", "harmed", "trials", "exact", "resumed later", "seconds"]]
    figures: dict[str, float] = {f"{name}/{kind}": 0.0 for name in PARTS for kind in ("trials", "inexact")}
    wrong: list[str] = []
    caught: set[str] = set(MUTANTS)
    false_alarms = 0
    start = time.perf_counter()
    place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="resume-", dir=place) as folder:
        desk = make_desk(Path(folder))
        gc.freeze()  # else each child copies the memory that it looks through
        for num_threads in THREADS[:1] if quick else THREADS:
            bench = Bench(desk, Path(folder), num_threads, sizes)
            parts = (
                bench.random_kills,
                bench.killed_at_operations,
                bench.full_at_operations,
                bench.damaged_files,
                bench.sync_order,
                bench.matrix,
                bench.signals,
                bench.intervals,
            )
            for name, part in zip(PARTS, parts, strict=True):
                began = time.perf_counter()
                trials = part()
                table.append([name, str(num_threads), *_counts(trials), f"{time.perf_counter() - began:.1f}"])
                figures[f"{name}/trials"] += len(trials)
                figures[f"{name}/inexact"] += sum(not trial.exact for trial in trials)
                wrong += [f"{name}, {num_threads} threads: {trial.why}" for trial in trials if not trial.exact]
            for name, trials in bench.mutants().items():
                shown = "no mutant" if name == "none" else f"mutant without {name}"
                table.append([shown, str(num_threads), *_counts(trials), ""])
                if name == "none":
                    false_alarms += sum(not trial.exact for trial in trials)
                elif all(trial.exact for trial in trials):
                    caught.discard(name)
    figures |= {"mutants/caught": len(caught), "mutants/false alarms": false_alarms}
    table += [[f"inexact: {why[:200]}", *[""] * (len(table[0]) - 1)] for why in wrong[:10]]
    figures["seconds"] = time.perf_counter() - start
    return Outcome(figures, table, details={"inexact": wrong})


def _counts(trials: Sequence[Trial]) -> list[str]:
    kinds = ([t.harmed for t in trials], [True for _ in trials], [t.exact for t in trials], [t.resumed for t in trials])
    return [str(sum(kind)) for kind in kinds]
