"""Two runs of one job are the same operations, whatever their processes are called."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from benchmarks.file_operations import Hooked, _file
from tunesmith.artifacts.folder import Identity, publish, write_whole


def job(folder: Path) -> None:
    write_whole(folder / "note.txt", b"one\n")
    with publish(folder / "made", Identity("dataset", 1, {}, {}, 0, {})) as staging:
        (staging / "rows.jsonl").write_text("{}\n", encoding="utf-8")


def test_files_are_known_by_what_stays_of_their_names(tmp_path: Path) -> None:
    files = []
    for number in range(2):
        root = tmp_path / str(number)
        root.mkdir()
        found = Hooked().record(partial(job, root), root, tmp_path / f"{number}.log")
        files.append([_file(each.paths, root) for each in found])
    assert files[0] == files[1]
    assert {".note.txt.partial", "note.txt", ".made.partial/manifest.json", "made"} <= set(files[0])
