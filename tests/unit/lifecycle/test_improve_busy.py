"""A round is called for while another process makes one, or where one was begun that cannot go on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from lineage_material import published
from store_material import START, bundle

from tunesmith.artifacts.bundle import Bundle
from tunesmith.artifacts.feedback_set import KIND as FEEDBACK_SET
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle import improve as module
from tunesmith.lifecycle.improve import improve, round_id
from tunesmith.lifecycle.improve.rows import Champion
from tunesmith.recipe.file import read_recipe
from tunesmith.runtime import Runtime, Silent
from tunesmith.store import add_version, open_store, resolve, roll_back, set_alias, withdraw
from tunesmith.store.cycles import Round, begin_round

ABSENT: Final[Any] = (None, None, None)
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


@pytest.mark.parametrize(
    ("forgotten", "code"), [("feedback", "improve-no-champion"), ("champion", "version-withdrawn")]
)
def test_a_round_whose_parts_were_forgotten_holds_no_other_up(tmp_path: Path, forgotten: str, code: str) -> None:
    recipe = read_recipe("name: support-bot\nprepare: {sources: rows.jsonl}\n", "recipe.yaml")
    job = Job(recipe, Runtime(workspace=tmp_path, cache=tmp_path / "cache", clock=lambda: START), Silent())
    with open_store(f"sqlite:///{tmp_path}/store.db", clock=lambda: START, key_file=tmp_path / "store.key") as store:
        champion = add_version(store, bundle(tmp_path / "bundle"), who="ann")
        made_of = {"champion": champion.bundle, "feedback_set": "f" * 16, "earlier": ""}
        if forgotten == "champion":
            set_alias(store, "champion", str(champion), who="ann")
            withdraw(store, str(champion), who="ann", reason="rows of a person who is to be forgotten")
            made_of["feedback_set"] = published(job.runtime, FEEDBACK_SET, {}, {}).name
        id = round_id(job, champion.bundle, made_of["feedback_set"])
        begun = Round(id, job.recipe.name, "trained", {}, str(champion), None, None, (), START, START, made_of)
        begin_round(store, begun)
        with pytest.raises(TunesmithError, match=code):
            improve(job, store, trigger={"by": "command"}, who="ann")


def test_who_went_back_from_a_candidate_is_not_overruled_by_the_round_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the candidate was the champion and the round did not say so yet."""
    recipe = read_recipe("name: support-bot\nprepare: {sources: rows.jsonl}\n", "recipe.yaml")
    job = Job(recipe, Runtime(workspace=tmp_path, cache=tmp_path / "cache", clock=lambda: START), Silent())
    with open_store(f"sqlite:///{tmp_path}/store.db", clock=lambda: START, key_file=tmp_path / "store.key") as store:
        champion = add_version(store, bundle(tmp_path / "one"), who="ann")
        candidate = Bundle.open(bundle(tmp_path / "two", seed=1))
        monkeypatch.setattr(module, "export", lambda job: candidate)
        made_of = {"champion": champion.bundle, "feedback_set": "f" * 16}
        begun = Round("a" * 16, "support-bot", "judged", {}, str(champion), None, "promote", (), START, START, made_of)
        begin_round(store, begun)
        going = module._Going(job, store, begun, Champion(champion, candidate, *ABSENT), ABSENT[0], "ann")
        set_alias(store, "champion", str(champion), who="ann")
        assert module._shipped(going, job, begun).state == "promoted"
        killed = replace(begun, id="b" * 16)
        begin_round(store, killed)
        roll_back(store, "champion", who="ann")
        assert module._shipped(going, job, killed).state == "promoted"
        assert resolve(store, "champion") == champion
