"""Runs a training in child processes that are killed at a chosen file operation, and started again.

A child is forked from the test, so that it need not import anything. File operations are counted by an audit hook:
each one under the run's folder is a place to be killed at.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tunesmith.artifacts import Identity
from tunesmith.train.checkpoint import Progressed, newest_checkpoint, save_checkpoint
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.step import Source, StepReport

WATCHED = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "os.listdir", "os.scandir"}


def fork(job: Callable[[], None], folder: Path, kill_at: int | None = None) -> bool:
    """Run `job` in a child; True when it ended by itself. `kill_at` is the file operation not lived to see."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            return False
        assert os.WEXITSTATUS(status) == 0
        return True
    try:
        _count_operations(folder, kill_at)
        job()
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


def _count_operations(folder: Path, kill_at: int | None) -> None:
    seen = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in WATCHED and arguments and str(arguments[0]).startswith(str(folder)):
            seen += 1
            if seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(60)

    sys.addaudithook(watch)


def num_operations(job: Callable[[], None], folder: Path, note: Path) -> int:
    """File operations of one undisturbed run."""

    def counting() -> None:
        seen = []
        sys.addaudithook(
            lambda event, arguments: (
                seen.append(event)
                if event in WATCHED and arguments and str(arguments[0]).startswith(str(folder))
                else None
            )
        )
        job()
        note.write_text(str(len(seen)))

    assert fork(counting, folder)
    return int(note.read_text())


def advance(progressed: Progressed, report: StepReport, source: Source) -> Progressed:
    """One step further; the running hash remembers which rows were taken, in which order."""
    taken = progressed.rows_hash + f"{report.step}:" + ",".join(report.row_ids)
    rows_hash = hashlib.sha256(taken.encode()).hexdigest()
    return Progressed(step=report.step, source=source.state(), rows_hash=rows_hash)


def identity(dataset: str, epochs: int = 2) -> Identity:
    """Of a training of this dataset."""
    return Identity("tuned_model", 1, {"dataset": dataset}, {"epochs": epochs}, 0, {"torch": "2"})


def resumed(folder: Path, key: str, optimizer: FlatOptimizer, source: Source) -> tuple[Progressed, int]:
    """Where the run stands and how many damaged checkpoints were passed over."""
    found, damaged = newest_checkpoint(folder, identity(key))
    if found is None:
        return Progressed(step=0, source=source.state(), rows_hash=""), 0
    progressed, tensors = found
    optimizer.restore(tensors)
    source.restore(dict(progressed.source))
    return progressed, len(damaged)


def save(folder: Path, key: str, progressed: Progressed, optimizer: FlatOptimizer) -> None:
    save_checkpoint(folder, identity(key), progressed, optimizer.state())


def digest(progressed: Progressed, optimizer: FlatOptimizer) -> str:
    """Weights, moments, step counts, the random state and the rows of the whole run."""
    sums = {name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest() for name, tensor in optimizer.state().items()}
    sums["random"] = hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()
    return json.dumps({**sums, "rows": progressed.rows_hash, "step": progressed.step}, sort_keys=True)
