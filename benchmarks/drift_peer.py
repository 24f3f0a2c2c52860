"""evidently in a process and an environment of its own, asked over JSON lines."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift_streams import Pool
from benchmarks.peers.environment import peer_python
from benchmarks.process import CACHE, REPOSITORY

Columns = Mapping[str, Mapping[str, Sequence[Any]]]
"""By kind (`number`, `class`, `text`) the values of each column."""
LOG: Final = CACHE / "logs" / "drift-evidently.log"


@dataclass(frozen=True)
class Drifted:
    num_columns: int
    num_drifted: int


class Evidently:
    """One process; it ends with this one, whose end closes its input."""

    def __init__(self) -> None:
        worker = REPOSITORY / "benchmarks" / "peers" / "evidently" / "worker.py"
        LOG.parent.mkdir(parents=True, exist_ok=True)
        settings = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}
        with LOG.open("a", encoding="utf-8") as messages:
            # -E: the peer's interpreter must not be led to our packages by PYTHON variables
            self._process = subprocess.Popen(
                [str(peer_python("evidently")), "-E", str(worker)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
                env=os.environ | settings,
            )
        self.versions: Mapping[str, str] = self._answer()["versions"]

    def drifted(self, reference: Columns, window: Columns) -> Drifted:
        """Raises RuntimeError with the end of its messages when it died."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"reference": reference, "window": window}) + "\n")
        self._process.stdin.flush()
        return Drifted(**self._answer())

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            last = LOG.read_text(encoding="utf-8").splitlines()[-20:]
            raise RuntimeError("\n".join([f"evidently ended, see {LOG}", *last]))
        answer: dict[str, Any] = json.loads(line)
        return answer


def columns_of(pool: Pool, places: NDArray[np.int64]) -> Columns:
    """What every text tells, as columns of a table: vectors are left out, the question itself is there."""
    chosen = places.tolist()
    numbers = {name: values[places] for name, values in pool.numbers.items()}
    classes = {name: (names, codes[places]) for name, (names, codes) in pool.classes.items()}
    shares = {name: values[places] for name, values in pool.shares.items()}
    return {
        "number": {name: values.tolist() for name, values in numbers.items() if not np.isnan(pool.numbers[name]).any()},
        "class": {
            **{
                name: [names[code] if code >= 0 else "(none)" for code in codes]
                for name, (names, codes) in classes.items()
            },
            **{
                name: [str(bool(value)) for value in values]
                for name, values in shares.items()
                if not np.isnan(pool.shares[name]).any()
            },
        },
        "text": {"question": [pool.texts[place] for place in chosen]},
    }
