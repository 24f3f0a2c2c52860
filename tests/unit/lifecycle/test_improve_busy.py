"""Who calls for a round while another process makes one is told so at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from store_material import START

from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.improve import improve
from tunesmith.recipe.file import read_recipe
from tunesmith.runtime import Runtime, Silent
from tunesmith.store import open_store

HOLDS = """
import fcntl, os, sys
lock = open(sys.argv[1], "a+")
fcntl.flock(lock, fcntl.LOCK_EX)
lock.write(str(os.getpid()))
lock.flush()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.thorough
def test_a_second_process_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    recipe = read_recipe("name: bot\nprepare: {sources: rows.jsonl}\n", "recipe.yaml")
    job = Job(recipe, Runtime(workspace=tmp_path, cache=tmp_path / "cache", clock=lambda: START), Silent())
    (tmp_path / "rounds").mkdir()
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "rounds" / "bot.lock")]
    with open_store(f"sqlite:///{tmp_path}/store.db", clock=lambda: START, key_file=tmp_path / "store.key") as store:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            with pytest.raises(RunFailed, match="improve-busy") as refused:
                improve(job, store, trigger={"by": "command"}, who="ann")
            assert refused.value.parameters == {"process": str(other.pid)}
            other.communicate("")
        # the lock is free again, and the round is called for as ever
        with pytest.raises(TunesmithError, match="improve-no-champion"):
            improve(job, store, trigger={"by": "command"}, who="ann")
