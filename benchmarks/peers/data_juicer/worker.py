"""data-juicer's side of `prepare`: `worker.py FILE FOLDER NUM_WORKERS SETTINGS`, one JSON line: its time and files.

Runs in data-juicer's own environment and imports nothing of this project. Clean (ftfy, white space), mask e-mail and
IP, drop exact duplicates, then near ones by MinHash. With the settings `documented` the operators have their defaults;
with `matched` near-duplicates are told by five characters with as many bands and hashes as on the other sides, and the
rows are cleaned in one pass (`general_fused_op`), which is faster than a pass for each operator.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path

import yaml

PASS: list[dict[str, dict[str, object]]] = [
    {"fix_unicode_mapper": {}},
    {"whitespace_normalization_mapper": {}},
    {"clean_email_mapper": {"repl": "[EMAIL]"}},
    {"clean_ip_mapper": {"repl": "[IP]"}},
]
EXACT: dict[str, dict[str, object]] = {"document_deduplicator": {"lowercase": True}}
CHARACTERS = {
    "tokenization": "character",
    "window_size": 5,
    "jaccard_threshold": 0.8,
    "num_permutations": 126,
    "num_bands": 21,
    "num_rows_per_band": 6,
}
PROCESS: dict[str, list[dict[str, dict[str, object]]]] = {
    "matched": [
        {"general_fused_op": {"batch_size": 1000, "fused_op_list": PASS}},
        EXACT,
        {"document_minhash_deduplicator": CHARACTERS},
    ],
    "documented": [*PASS, EXACT, {"document_minhash_deduplicator": {}}],
}


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
        "export_in_parallel": num_workers > 1,
        "work_dir": str(folder),
        "np": num_workers,
        "auto_op_parallelism": False,
        "open_tracer": False,
        "use_cache": False,
        "ds_cache_dir": str(folder / "cache"),
        "process": PROCESS[sys.argv[4]],
    }
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(settings), encoding="utf-8")
    from data_juicer.config import init_configs
    from data_juicer.core import DefaultExecutor

    executor = DefaultExecutor(init_configs(["--config", str(recipe)]))
    start = time.perf_counter()
    executor.run()
    seconds = time.perf_counter() - start
    versions = {"data-juicer": version("py-data-juicer")}
    print(json.dumps({"seconds": seconds, "files": [str(out)], "versions": versions}), file=answers, flush=True)


if __name__ == "__main__":
    main()
