"""Killed at any file operation, and once more while it resumes: the run ends bit-identical."""

from __future__ import annotations

from pathlib import Path

from killing import fork
from nine_steps import finish, train


def test_killed_at_any_file_operation(tmp_path: Path) -> None:
    """Every thirteenth operation; each run is killed once more while it resumes."""
    finished = finish(tmp_path)
    points = range(1, finished.num_operations, 13)
    assert len(points) > 5
    killed = later = 0
    for kill_at in points:
        folder, result, log = (tmp_path / f"{kill_at}.{name}" for name in ("run", "result", "log"))
        killed += not fork(lambda f=folder, r=result, g=log: train(f, r, g), folder, kill_at)
        killed += not fork(lambda f=folder, r=result, g=log: train(f, r, g), folder, 12)
        fork(lambda f=folder, r=result, g=log: train(f, r, g), folder)
        assert result.read_text() == finished.digest, f"killed at operation {kill_at}"
        later += any(int(line.split()[0]) > 0 for line in log.read_text().splitlines())
    print(f"{killed} kills, first at {len(points)} of {finished.num_operations} operations; {later} runs resumed later")
    assert killed > len(points)
    assert later > len(points) // 2
