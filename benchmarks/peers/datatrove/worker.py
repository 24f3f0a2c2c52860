"""datatrove's side of `prepare`: `worker.py FILE FOLDER NUM_WORKERS SETTINGS`, one JSON line: its time and files.

Runs in datatrove's own environment and imports nothing of this project. Clean (FTFY, white space), mask e-mail and IP,
drop exact duplicates, then near ones in its four MinHash stages. With the settings `documented` these have their
defaults, 5-grams of English words; with `matched` near-duplicates are told by five characters with as many buckets and
hashes as on the other sides (its own tokenizers know one language each). The file is dealt to the workers line by line
before the clock starts.
"""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
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
from datatrove.utils.word_tokenizers import WordTokenizer

SPACE: Final = re.compile(r"[^\S\n]+")


class WhiteSpace(BaseFormatter):  # type: ignore[misc]
    """Runs of spaces to one."""

    name = "white space"

    def format(self, text: str) -> str:
        return SPACE.sub(" ", text).strip()


class Characters(WordTokenizer):  # type: ignore[misc]
    """Every character is a word."""

    def word_tokenize(self, text: str) -> list[str]:
        return list(text)

    def sent_tokenize(self, text: str) -> list[str]:
        return [text]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def content(document: Document) -> str:
    return document.text.lower()


@dataclass(frozen=True)
class Near:
    """How near-duplicates are told."""

    config: MinhashConfig
    tokenizer: WordTokenizer | str
    lines_to_buffer: int


SETTINGS: Final = {
    "documented": Near(MinhashConfig(), "eng", 5),
    "matched": Near(MinhashConfig(5, num_buckets=21, hashes_per_bucket=6), Characters(), 4096),
}


def stages(dealt: Path, folder: Path, num_workers: int, near: Near) -> list[tuple[list[Any], int]]:
    """Steps and the number of tasks that share each of them."""
    exact, config = ExactDedupConfig(content_getter=content), near.config
    parts = {name: str(folder / name) for name in ("clean", "sigs", "dups", "exact", "hashes", "buckets", "cut", "out")}
    masking = PIIFormatter(only_remove_public_ips=False, email_replacement="[EMAIL]", ip_replacement="[IP]")
    cleaning = [JsonlReader(str(dealt)), FTFYFormatter(), WhiteSpace(), masking]
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
                MinhashDedupSignature(parts["hashes"], config=config, language=near.tokenizer),
            ],
            num_workers,
        ),
        (
            [
                MinhashDedupBuckets(
                    parts["hashes"], parts["buckets"], config=config, lines_to_buffer=near.lines_to_buffer
                )
            ],
            config.num_buckets,
        ),
        ([MinhashDedupCluster(parts["buckets"], parts["cut"], config=config)], 1),
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
    near = SETTINGS[sys.argv[4]]
    deal(file, folder / "dealt", num_workers)
    start = time.perf_counter()
    for number, (steps, num_tasks) in enumerate(stages(folder / "dealt", folder, num_workers, near)):
        LocalPipelineExecutor(
            pipeline=steps,
            tasks=num_tasks,
            workers=min(num_workers, num_tasks),
            logging_dir=str(folder / "logs" / str(number)),
        ).run()
    seconds = time.perf_counter() - start
    files = [str(part) for part in (folder / "out").glob("*.jsonl")]
    print(json.dumps({"seconds": seconds, "files": files, "versions": {"datatrove": version("datatrove")}}), flush=True)


if __name__ == "__main__":
    main()
