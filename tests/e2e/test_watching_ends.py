"""A watch that is killed at any moment, or told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from alert_material import MONDAY, WEEK, answers, trap
from killing import fork, num_operations
from watch_material import HOUR, World

from tunesmith.monitor.deliver import read_alerts, read_outbox
from tunesmith.store.cycles import rounds

RECIPE = "name: bot\nprepare: {sources: rows.jsonl, test_share: 0.2}\n"


def began(folder: Path) -> World:
    """A week of traffic with an alarm; the clock stands behind it."""
    world = World(folder)
    with world.open_store() as store:
        world.begin(store, 2)
    world.now, world.alarms = MONDAY + WEEK + HOUR, {0}
    return world


@pytest.mark.thorough
def test_a_kill_at_any_moment_tells_each_alert_and_trains_each_candidate_once(tmp_path: Path) -> None:
    with trap(answers(204)) as made:
        section = f"monitor: {{alerts: {{webhook: {{url: '{made.url}', private: true}}}}}}\n"

        def look(world: World) -> None:
            with world.open_store() as store:
                world.tick(store, section)

        counted = began(tmp_path / "counted")
        num = num_operations(partial(look, counted), counted.folder, tmp_path / "note")
        assert num > 10
        for kill_at in range(1, num + 1):
            world = began(tmp_path / str(kill_at))
            made.posts.clear()
            assert not fork(partial(look, world), world.folder, kill_at)
            taken = len(made.posts) - read_outbox(world.folder / "watch" / "bot.outbox.json").num_delivered
            assert taken in (0, 1)  # posted, and killed before it was written down
            for _ in range(2):
                assert fork(partial(look, world), world.folder)
            assert [alert.state for alert in read_alerts(world.folder / "alerts.jsonl")] == ["begun"]
            assert len(made.posts) == 1 + taken
            with world.open_store() as store:
                assert [each.state for each in rounds(store)] == ["refused"]


@pytest.mark.thorough
def test_ctrl_c_ends_it_at_once_and_a_failing_tick_does_not(tmp_path: Path) -> None:
    """Nothing was exported yet: that is told, and tried again later."""
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    command = [sys.executable, "-m", "tunesmith", "watch", "recipe.yaml"]
    environment = {**os.environ, "TUNESMITH_LANG": "en"}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = ""
    while "tried again in 10 minutes" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    assert "watching bot, every 5 minutes" in said
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.stderr.close()


@pytest.mark.thorough
def test_one_look_that_fails_ends_with_its_code(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    command = [sys.executable, "-m", "tunesmith", "watch", "recipe.yaml", "--once", "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert '"errors"' in done.stdout
