"""One stage of one job of `plan` in a process of its own: `python -m benchmarks.plan_worker STAGE FOLDER WORKSPACE`.

Prints one JSON line: the prediction of `plan`, the estimate of `probe`, or the peak memory and the seconds of `train`
and `evaluate`.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.hardware import num_usable_cores
from tunesmith import lifecycle
from tunesmith.recipe import load_recipe
from tunesmith.runtime import Runtime, Silent


def main() -> None:
    stage, folder, workspace = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    job = lifecycle.Job(load_recipe(folder / "recipe.yaml", []), _runtime(workspace), Silent())
    dataset = lifecycle.prepare(job)
    plans = lifecycle.plan(job, dataset)
    if stage == "plan":
        prediction = lifecycle.predict(job, dataset, plans)["tuned"].model_dump(mode="json")
        _answer(plans["tuned"].body.model_dump(mode="json") | {"prediction": prediction})
        return
    if stage == "probe":
        _answer(lifecycle.probe(job, dataset, plans)["tuned"].model_dump(mode="json"))
        return
    with lifecycle.running(job) as record:
        started = time.perf_counter()
        models = lifecycle.train(job, dataset, plans, record)
        if stage == "evaluate":
            started = time.perf_counter()
            lifecycle.evaluate(job, dataset, plans, models, record)
    _answer({"peak_bytes": peak_bytes(), "seconds": time.perf_counter() - started})


def _runtime(workspace: Path) -> Runtime:
    return Runtime(workspace, workspace / "cache", num_threads=num_usable_cores(), has_bf16_products=True)


def peak_bytes() -> int:
    """Largest resident memory of this process, the kernel's VmHWM."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024


def _answer(values: dict[str, Any]) -> None:
    print(json.dumps(values), flush=True)


if __name__ == "__main__":
    main()
