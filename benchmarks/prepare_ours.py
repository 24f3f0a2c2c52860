"""Our side of `prepare`: the stage on one file, its time, its files and its counts as one JSON line.

`python -m benchmarks.prepare_ours FILE FOLDER NUM_THREADS PERSONAL`, PERSONAL the types to mask, with commas.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import tunesmith
from tunesmith.prepare import prepare
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS
from tunesmith.runtime import Runtime, Silent


def main() -> None:
    file, folder, num_threads, personal = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    section = Prepare.model_validate(
        {
            "sources": file,
            "clean": {"rewrite": ["white-space"]},
            "personal": {"mode": "mask", "types": personal.split(",")},
            "duplicates": {"near": "drop"},
        }
    )
    runtime = Runtime(workspace=folder, cache=folder / "cache", num_threads=num_threads)
    start = time.perf_counter()
    dataset = prepare(section, seed=0, runtime=runtime, progress=Silent(), out=folder / "dataset")
    seconds = time.perf_counter() - start
    report = dataset.report()
    reasons = {reason: found.count for reason, found in report.reasons.items()}
    counts = {"reasons": reasons, "changes": report.changes, "holds": report.proof.holds}
    files = [str(dataset.folder / f"{split}.jsonl") for split in SPLITS]
    print(json.dumps({"seconds": seconds, "files": files, "versions": {"tunesmith": tunesmith.__version__}, **counts}))


if __name__ == "__main__":
    main()
