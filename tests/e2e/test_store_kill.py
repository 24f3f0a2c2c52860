"""What is acknowledged is committed: a process that writes is killed, again and again; all that it told is there."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import threading
from itertools import count
from pathlib import Path

import pytest
from store_material import START, exchange, feedback

from tunesmith.store import open_store

NUM_KILLS = 30
NUM_THREADS = 4


def write_until_killed(folder: Path, first: int, told: int) -> None:
    """Tells the id of each exchange and each feedback once it is committed."""
    store = open_store(f"sqlite:///{folder}/store.db", clock=lambda: START, key_file=folder / "store.key")

    def write(thread: int) -> None:
        for number in count(first + thread, NUM_THREADS):
            asked = exchange(number)
            said = feedback(number, asked)
            futures = [store.record(asked), store.add_feedback(said)]
            for future, row in zip(futures, (asked, said), strict=True):
                future.result()
                os.write(told, f"{row.id}\n".encode())

    threads = [threading.Thread(target=write, args=(number,)) for number in range(NUM_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def killed_after(num_rows: int, folder: Path, first: int) -> list[str]:
    """The ids that a process told that was killed after so many."""
    read, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            write_until_killed(folder, first, told)
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(read) as stream:
        lines = [stream.readline() for _ in range(num_rows)]
        os.kill(child, signal.SIGKILL)
        lines += stream.readlines()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    return [line.strip() for line in lines if line.endswith("\n")]


@pytest.mark.thorough
def test_what_is_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    draw = random.Random(0)
    told: set[str] = set()
    for kill in range(NUM_KILLS):
        told |= set(killed_after(draw.randrange(1, 40), tmp_path, kill * 100_000))
        database = sqlite3.connect(tmp_path / "store.db")
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        there = {id for (id,) in database.execute("SELECT id FROM exchanges UNION ALL SELECT id FROM feedback")}
        database.close()
        assert told - there == set()
    assert len(told) > 10 * NUM_KILLS
    with open_store(f"sqlite:///{tmp_path}/store.db", clock=lambda: START, key_file=tmp_path / "store.key") as store:
        assert store.num_exchanges + store.num_feedback == len(there)
