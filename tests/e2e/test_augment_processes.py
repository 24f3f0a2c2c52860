"""Made rows are the same bytes with any number of processes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tunesmith.prepare import prepare
from tunesmith.recipe import Prepare
from tunesmith.runtime import Runtime, Silent

GROUPS = "want, wish\norder, purchase\ndelivered, brought\nparcel, package\n包裹，邮包\n希望，盼望\n昨天，昨日\n"
TEXTS = ("I want to know when parcel {} will be delivered", "昨天{}号包裹没有送达，请帮我查一下原因")


def test_equal_bytes_from_any_number_of_processes(tmp_path: Path, runtime: Runtime) -> None:
    """Long enough rows for a second process to be started."""
    (tmp_path / "synonyms.txt").write_text(GROUPS, encoding="utf-8")
    rows = [{"question": TEXTS[n % 2].format(1000 + 7 * n), "answer": f"{n} " + "x" * 20_000} for n in range(150)]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    synonyms = str(tmp_path / "synonyms.txt")
    methods = [{"name": "synonyms", "source": synonyms}, {"name": "insertion", "source": synonyms}, "swap", "deletion"]
    section = Prepare.model_validate({"sources": str(source), "augment": {"methods": methods}})
    folders = []
    for threads in (1, 2):
        machine = replace(runtime, num_threads=threads)
        out = tmp_path / f"out-{threads}"
        folders.append(prepare(section, seed=3, runtime=machine, progress=Silent(), out=out).folder)
    for name in ("train.jsonl", "augment_rejects.jsonl", "report.json"):
        one, other = ((folder / name).read_bytes() for folder in folders)
        assert one == other
    assert (folders[0] / "train.jsonl").read_bytes().count(b"augmented_by") > 150
