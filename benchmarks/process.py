"""Worker processes that take training steps on request, over JSON lines."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks.hardware import available_bytes
from benchmarks.training_job import TakenStep, TrainingJob

REPOSITORY: Final = Path(__file__).parents[1]
CACHE: Final = REPOSITORY / ".cache" / "benchmarks"
KEPT_BYTES: Final = 1 << 30
"""Memory of the machine that workers leave to everything else."""
MAX_WORKER_SECONDS: Final = 3 * 3600.0


class Worker:
    """One process with one job; it computes only while a step is asked of it. Its messages go to `log`.

    After `limit_seconds` it is killed. It may take what memory is free when it starts, less KEPT_BYTES: a job that
    needs more ends with an error of its own, before the machine does.
    """

    def __init__(
        self, command: Sequence[str], job: TrainingJob, log: Path, limit_seconds: float = MAX_WORKER_SECONDS
    ) -> None:
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        settings = {"OMP_NUM_THREADS": str(job.num_threads), "HF_HUB_OFFLINE": "1", "HF_HOME": str(CACHE / "hub")}
        with log.open("w", encoding="utf-8") as stream:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stream,
                text=True,
                env=os.environ | settings,
                cwd=REPOSITORY,
            )
        free_bytes = available_bytes()
        if free_bytes is not None and job.device == "cpu":
            allowed = max(KEPT_BYTES, free_bytes - KEPT_BYTES)
            resource.prlimit(self._process.pid, resource.RLIMIT_DATA, (allowed, allowed))
        self._killer = threading.Timer(limit_seconds, self._process.kill)
        self._killer.daemon = True
        self._killer.start()
        self.versions: dict[str, str] = self._ask(json.dumps(asdict(job)))["versions"]

    def step(self) -> TakenStep:
        """Take one optimiser step. Raises RuntimeError with the end of the worker's messages when it died."""
        return TakenStep(**self._ask("{}"))

    def close(self) -> None:
        """End the process; a worker that does not stop by itself within a minute is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._killer.cancel()
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.close()
            last = self._log.read_text(encoding="utf-8").splitlines()[-20:]
            raise RuntimeError("\n".join([f"worker ended, see {self._log}", *last]))
        values: dict[str, Any] = json.loads(answer)
        return values
