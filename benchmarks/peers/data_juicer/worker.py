"""data-juicer's side of `prepare`: `worker.py FILE FOLDER NUM_WORKERS`, one JSON line with its time and what it kept.

Runs in data-juicer's own environment and imports nothing of this project. Clean (ftfy, white space), mask e-mail and
IP, drop exact duplicates, then near ones by MinHash, all with documented defaults but for the characters that its
documentation advises for Chinese.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import yaml

PROCESS: list[dict[str, dict[str, object]]] = [
    {"fix_unicode_mapper": {}},
    {"whitespace_normalization_mapper": {}},
    {"clean_email_mapper": {}},
    {"clean_ip_mapper": {}},
    {"document_deduplicator": {"lowercase": True}},
    {"document_minhash_deduplicator": {"tokenization": "character"}},
]


def main() -> None:
    # libraries print to standard output; only the answer may reach the pipe
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    file, folder, num_workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    out = folder / "out.jsonl"
    settings = {
        "project_name": "prepare",
        "dataset_path": str(file),
        "export_path": str(out),
        "work_dir": str(folder),
        "np": num_workers,
        "open_tracer": False,
        "use_cache": False,
        "ds_cache_dir": str(folder / "cache"),
        "process": PROCESS,
    }
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(settings), encoding="utf-8")
    from data_juicer.config import init_configs
    from data_juicer.core import DefaultExecutor

    executor = DefaultExecutor(init_configs(["--config", str(recipe)]))
    start = time.perf_counter()
    executor.run()
    seconds = time.perf_counter() - start
    kept = out.read_bytes().count(b"\n")
    versions = {"data-juicer": version("py-data-juicer")}
    print(json.dumps({"seconds": seconds, "kept": kept, "versions": versions}), file=answers, flush=True)


if __name__ == "__main__":
    main()
