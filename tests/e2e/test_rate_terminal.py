"""`tunesmith rate` in a real terminal, left and taken up again."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time
from pathlib import Path

import pytest
from rating_material import rated_scorecard

from tunesmith.artifacts.ratings import read_ratings

pytestmark = pytest.mark.thorough


def at_a_terminal(workspace: Path, keys: list[tuple[str, bytes]], *words: str) -> str:
    """What stood on the screen; each key is pressed once its text has come."""
    child, screen = pty.fork()
    if child == 0:
        command = ["-m", "tunesmith", "--workspace", str(workspace), "rate", str(workspace / "card"), *words]
        os.execve(sys.executable, [sys.executable, *command], {**os.environ, "TUNESMITH_LANG": "en"})
    shown, seen, ends = "", 0, time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            part = os.read(screen, 65536) if select.select([screen], [], [], 1.0)[0] else b""
        except OSError:  # the other end is closed
            break
        shown += part.decode("utf-8", "replace")
        while keys and keys[0][0] in shown[seen:]:
            seen = shown.index(keys[0][0], seen) + len(keys[0][0])
            time.sleep(0.3)  # a terminal drops what was typed before it began to listen for keys
            os.write(screen, keys.pop(0)[1])
    else:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, shown
    assert keys == []
    return shown


def test_a_rater_comes_and_goes(tmp_path: Path) -> None:
    rated_scorecard(tmp_path / "card", 1)
    grades = [("made up: whoever", b"5"), ("cannot be understood", b"3")]
    shown = at_a_terminal(tmp_path, [("Your name", b"anna\n"), *grades, ("nothing to do with", b"q")])
    assert "2 of 6 answers given" in shown
    assert "anna 2" in shown
    file = tmp_path / "ratings" / "anna.jsonl"
    assert [(r.dimension, r.value) for r in read_ratings(file)] == [("accuracy", 5), ("fluency", 3)]
    rest = [("nothing to do with", b"1"), ("made up: whoever", b"2"), ("cannot be understood", b"0")]
    shown = at_a_terminal(tmp_path, [*rest, ("nothing to do with", b"4")], "--rater", "anna")
    assert "all 6 answers given" in shown
    assert [r.value for r in read_ratings(file)] == [5, 3, 1, 2, None, 4]
