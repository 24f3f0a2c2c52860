"""datatrove's side of `prepare`: `worker.py FILE FOLDER NUM_WORKERS`, one JSON line with its time and what it kept.

Runs in datatrove's own environment and imports nothing of this project. Clean (FTFY, white space), mask e-mail and IP,
drop exact duplicates, then near ones in its four MinHash stages, all with documented defaults; the file is dealt to the
workers line by line before the clock starts.
"""

from __future__ import annotations

import json
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    ExactDedupConfig,
    ExactDedupFilter,
    ExactDedupSignature,
    ExactFindDedups,
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from datatrove.pipeline.formatters.base import BaseFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

SPACE: Final = re.compile(r"[^\S\n]+")


class WhiteSpace(BaseFormatter):  # type: ignore[misc]
    """Runs of spaces to one."""

    name = "white space"

    def format(self, text: str) -> str:
        return SPACE.sub(" ", text).strip()


def content(document: Document) -> str:
    return document.text.lower()


def stages(dealt: Path, folder: Path, num_workers: int) -> list[tuple[list[Any], int]]:
    """Steps and the number of tasks that share each of them."""
    exact, near = ExactDedupConfig(content_getter=content), MinhashConfig()
    parts = {name: str(folder / name) for name in ("clean", "sigs", "dups", "exact", "hashes", "buckets", "cut", "out")}
    cleaning = [JsonlReader(str(dealt)), FTFYFormatter(), WhiteSpace(), PIIFormatter(only_remove_public_ips=False)]
    return [
        (
            [
                *cleaning,
                JsonlWriter(parts["clean"], compression=None),
                ExactDedupSignature(parts["sigs"], config=exact),
            ],
            num_workers,
        ),
        ([ExactFindDedups(parts["sigs"], parts["dups"], config=exact)], 1),
        (
            [
                JsonlReader(parts["clean"]),
                ExactDedupFilter(parts["dups"], config=exact),
                JsonlWriter(parts["exact"], compression=None),
                MinhashDedupSignature(parts["hashes"], config=near),
            ],
            num_workers,
        ),
        ([MinhashDedupBuckets(parts["hashes"], parts["buckets"], config=near)], near.num_buckets),
        ([MinhashDedupCluster(parts["buckets"], parts["cut"], config=near)], 1),
        (
            [
                JsonlReader(parts["exact"]),
                MinhashDedupFilter(parts["cut"]),
                JsonlWriter(parts["out"], compression=None),
            ],
            num_workers,
        ),
    ]


def deal(file: Path, folder: Path, num_workers: int) -> None:
    folder.mkdir()
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    for worker in range(num_workers):
        (folder / f"{worker:05}.jsonl").write_text("".join(lines[worker::num_workers]), encoding="utf-8")


def main() -> None:
    file, folder, num_workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    deal(file, folder / "dealt", num_workers)
    start = time.perf_counter()
    for number, (steps, num_tasks) in enumerate(stages(folder / "dealt", folder, num_workers)):
        LocalPipelineExecutor(
            pipeline=steps, tasks=num_tasks, workers=num_workers, logging_dir=str(folder / "logs" / str(number))
        ).run()
    seconds = time.perf_counter() - start
    kept = sum(part.read_bytes().count(b"\n") for part in (folder / "out").glob("*.jsonl"))
    print(json.dumps({"seconds": seconds, "kept": kept, "versions": {"datatrove": version("datatrove")}}), flush=True)


if __name__ == "__main__":
    main()
