"""A round of improvement that is killed at every transition, or called twice: one candidate comes of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from improve_material import NOW, corrected, desk, enthroned, store_at, texts
from killing import fork

from tunesmith.errors import RunFailed
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.improve import improve
from tunesmith.store import aliases, history, versions
from tunesmith.store.cycles import STATES, rounds

pytestmark = [pytest.mark.slow, pytest.mark.forks]
REFUSED = 7
"""How a process ends that was told that another one is at work."""
FILE_OPERATIONS = (40, 150, 400, 900, 1800)
"""Of the round, after which of its operations on files under the workspace it is killed too."""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A champion, and feedback from which a better one comes. Trained in a child: this process stays fit to fork."""

    def reign() -> None:
        this = desk(tmp_path)
        with store_at(tmp_path / "store.db") as store:
            enthroned(this, store)
            corrected(store, this, texts("violin", 60, 1), "lamp", "violin")

    assert fork(reign, tmp_path)
    return desk(tmp_path)


def once(job: Job, folder: Path, clock: Callable[[], datetime] = lambda: NOW) -> Callable[[], None]:
    def run() -> None:
        with store_at(folder / "store.db", clock) as store:
            improve(job, store, trigger={"by": "command"}, who="ann")

    return run


def dies_at(call: int) -> Callable[[], datetime]:
    """A clock that is the last thing its process sees: it is read inside each transaction, before what it commits."""
    seen = 0

    def clock() -> datetime:
        nonlocal seen
        seen += 1
        if seen == call:
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        return NOW

    return clock


def check_one_candidate(job: Job, folder: Path) -> None:
    with store_at(folder / "store.db") as store:
        (round,) = rounds(store)
        assert (round.state, round.candidate) == ("promoted", "desk@2")
        assert [str(version) for version in versions(store)] == ["desk@1", "desk@2"]
        assert str(aliases(store)["champion"]) == "desk@2"
        assert [(change.what, change.version) for change in history(store)] == [
            ("added", "desk@1"),
            ("aliased", "desk@1"),
            ("added", "desk@2"),
            ("aliased", "desk@2"),
        ]
    for kind, num in (("bundle", 2), ("tuned_model", 2)):
        assert len(list((job.runtime.workspace / "artifacts" / kind).iterdir())) == num


def test_killed_in_every_transaction_it_makes_one_candidate(job: Job, tmp_path: Path) -> None:
    states = []
    # in each process one transaction is committed, and the next one is not lived to see
    for _ in range(20):
        if fork(once(job, tmp_path, dies_at(2)), tmp_path / "nowhere"):
            break
        with store_at(tmp_path / "store.db") as store:
            states += [round.state for round in rounds(store)]
    assert list(dict.fromkeys(states)) == [*STATES[:-1]]
    check_one_candidate(job, tmp_path)
    assert fork(once(job, tmp_path), tmp_path / "nowhere")
    check_one_candidate(job, tmp_path)


def test_killed_while_it_works_it_makes_one_candidate(job: Job, tmp_path: Path) -> None:
    workspace = job.runtime.workspace
    ends = [fork(once(job, tmp_path), workspace, kill_at) for kill_at in FILE_OPERATIONS]
    assert ends.count(False) >= 3
    assert fork(once(job, tmp_path), workspace)
    check_one_candidate(job, tmp_path)


def test_two_that_are_called_at_once_make_one_candidate(job: Job, tmp_path: Path) -> None:
    children = []
    for _ in range(2):
        child = os.fork()
        if not child:
            try:
                once(job, tmp_path)()
                os._exit(0)
            except RunFailed as failure:
                os._exit(REFUSED if failure.code == "improve-busy" else 1)
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
        children.append(child)
    assert sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children) == [0, REFUSED]
    check_one_candidate(job, tmp_path)
