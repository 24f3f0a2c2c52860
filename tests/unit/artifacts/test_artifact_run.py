from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import tunesmith
from tunesmith.artifacts import note_artifact, open_run, read_events, read_metrics
from tunesmith.artifacts.run import RunBusy
from tunesmith.errors import Place, RunFailed
from tunesmith.runtime import Runtime

HOLD = """
import sys, time
from pathlib import Path
from tunesmith.artifacts import open_run
from tunesmith.runtime import utc_now

with open_run(Path(sys.argv[1]), "name: held\\n", utc_now) as run:
    run.record("metric", step=1, loss=1.0)
    print("open", flush=True)
    time.sleep(60)
"""


def events_file(folder: Path) -> Path:
    return folder / "events.jsonl"


def test_an_artifact_that_was_found_is_noted_unless_it_was_the_last(tmp_path: Path, runtime: Runtime) -> None:
    """Killed between the two, a run has what it never named; another run, or other rows, made it before."""
    with open_run(tmp_path / "a", "name: a\n", runtime.clock) as run:
        for key, name in (("k1", "tuned"), ("k1", "tuned"), ("k2", "long"), ("k1", "tuned"), ("k3", "tuned")):
            note_artifact(run, "tuned_model", key, name=name)
        note_artifact(run, "scorecard", "k1")
    with open_run(tmp_path / "a", "name: a\n", runtime.clock) as run:
        note_artifact(run, "scorecard", "k1")
        note_artifact(run, "tuned_model", "k1", name="tuned")
    found = [(event.data["kind"], event.data["key"]) for event in read_events(tmp_path / "a")]
    models, card = [("tuned_model", key) for key in ("k1", "k2", "k3", "k1")], ("scorecard", "k1")
    assert found == [*models[:3], card, models[3]]


def test_events_are_read_back_in_order_with_their_attempt(tmp_path: Path, runtime: Runtime) -> None:
    with open_run(tmp_path / "a", "name: a\n", runtime.clock) as run:
        assert (run.id, run.attempt) == ("a", 1)
        run.set_state("running")
        run.record("metric", step=3, **{"train/loss": 0.25})
    with open_run(tmp_path / "a", "name: b\n", runtime.clock) as run:
        assert run.attempt == 2
        run.record("message", text="第二行\n 末")
    events = list(read_events(tmp_path / "a"))
    assert [(event.type, event.attempt, event.step, dict(event.data)) for event in events] == [
        ("state", 1, None, {"state": "running"}),
        ("metric", 1, 3, {"train/loss": 0.25}),
        ("message", 2, None, {"text": "第二行\n 末"}),
    ]
    assert datetime.fromisoformat(events[0].time) == runtime.clock()
    assert (tmp_path / "a" / "recipe.resolved.yaml").read_text(encoding="utf-8") == "name: b\n"


def test_each_line_is_one_versioned_json_object(tmp_path: Path, runtime: Runtime) -> None:
    with open_run(tmp_path / "a", "", runtime.clock) as run:
        run.record("message", text="a\nb")
        run.record("metric", step=0, loss=1)
    lines = events_file(tmp_path / "a").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["v"] for line in lines] == [1, 1]
    assert ["step" in json.loads(line) for line in lines] == [False, True]


def test_an_event_is_with_the_operating_system_when_record_returns(tmp_path: Path, runtime: Runtime) -> None:
    with open_run(tmp_path / "a", "", runtime.clock) as run:
        run.record("metric", step=1, loss=1.0)
        assert len(list(read_events(tmp_path / "a"))) == 1


def test_times_come_from_the_clock_that_was_handed_in(tmp_path: Path) -> None:
    times = iter(datetime(2030, 1, 1, tzinfo=UTC) + timedelta(minutes=n) for n in range(3))
    with open_run(tmp_path / "a", "", lambda: next(times)) as run:
        run.set_state("queued")
        run.set_state("running")
    assert [event.time[11:16] for event in read_events(tmp_path / "a")] == ["00:00", "00:01"]


def test_a_folder_without_events_has_none(tmp_path: Path) -> None:
    assert list(read_events(tmp_path)) == []
    assert read_metrics(tmp_path) == []


def test_a_torn_last_line_is_dropped_wherever_it_was_torn(tmp_path: Path, runtime: Runtime) -> None:
    with open_run(tmp_path / "whole", "", runtime.clock) as run:
        run.record("metric", step=1, loss=1.0)
        run.record("metric", step=2, loss="二")
    whole = events_file(tmp_path / "whole").read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(first, len(whole)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        events_file(folder).write_bytes(whole[:cut])
        assert [event.step for event in read_events(folder)] == [1]
        with open_run(folder, "", runtime.clock) as run:
            run.record("metric", step=5, loss=0.5)
        assert [(event.step, event.attempt) for event in read_events(folder)] == [(1, 1), (5, 2)]


def test_a_record_torn_in_its_first_line_starts_anew(tmp_path: Path, runtime: Runtime) -> None:
    events_file(tmp_path).write_bytes(b'{"v": 1, "ty')
    with open_run(tmp_path, "", runtime.clock) as run:
        assert run.attempt == 1
        run.set_state("running")
    assert len(list(read_events(tmp_path))) == 1


def test_damage_before_the_last_line_is_told_with_its_line(tmp_path: Path, runtime: Runtime) -> None:
    with open_run(tmp_path, "", runtime.clock) as run:
        for step in (1, 2, 3):
            run.record("metric", step=step, loss=1.0)
    lines = events_file(tmp_path).read_bytes().split(b"\n")
    events_file(tmp_path).write_bytes(b"\n".join([lines[0], lines[1][:10], *lines[2:]]))
    with pytest.raises(RunFailed) as caught:
        list(read_events(tmp_path))
    assert caught.value.code == "events-damaged"
    assert str(caught.value.place) == f"{events_file(tmp_path)}:2"


@pytest.mark.parametrize("line", ["{}", "12", "null", '["state"]'])
def test_a_line_that_is_no_event_is_named(tmp_path: Path, line: str) -> None:
    events_file(tmp_path).write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(RunFailed) as caught:
        list(read_events(tmp_path))
    assert (caught.value.code, caught.value.place) == ("events-damaged", Place(str(events_file(tmp_path)), 1))


def test_a_step_done_again_after_a_resume_counts_once(tmp_path: Path, runtime: Runtime) -> None:
    with open_run(tmp_path, "", runtime.clock) as run:
        for step in (1, 2, 3):
            run.record("metric", step=step, **{"train/loss": 10.0 + step})
        run.record("metric", step=2, **{"eval/loss": 7.0})
        run.record("checkpoint", step=2, path="c")
    with open_run(tmp_path, "", runtime.clock) as run:
        for step in (3, 4):
            run.record("metric", step=step, **{"train/loss": 20.0 + step})
    found = [(event.step, event.attempt, dict(event.data)) for event in read_metrics(tmp_path)]
    assert found == [
        (1, 1, {"train/loss": 11.0}),
        (2, 1, {"train/loss": 12.0}),
        (2, 1, {"eval/loss": 7.0}),
        (3, 2, {"train/loss": 23.0}),
        (4, 2, {"train/loss": 24.0}),
    ]


def test_a_step_of_one_model_does_not_replace_the_others(tmp_path: Path, runtime: Runtime) -> None:
    with open_run(tmp_path, "", runtime.clock) as run:
        for model, loss in (("tuned", 1.0), ("lora_small", 2.0), ("tuned", 3.0)):
            run.record("metric", step=1, model=model, **{"train/loss": loss})
    found = {event.data["model"]: event.data["train/loss"] for event in read_metrics(tmp_path)}
    assert found == {"tuned": 3.0, "lora_small": 2.0}
    assert len(read_metrics(tmp_path)) == 2


@pytest.mark.thorough
def test_a_run_in_use_is_refused_with_the_process_until_that_is_killed(tmp_path: Path, runtime: Runtime) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(tunesmith.__file__).parents[1])}
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "open\n"
            with pytest.raises(RunBusy) as caught, open_run(tmp_path, "name: second\n", runtime.clock):
                pass
            assert caught.value.code == "run-busy"
            assert f"process {holder.pid} " in caught.value.message()
            assert caught.value.exit_code == 1
            # the refused process has touched nothing
            assert (tmp_path / "recipe.resolved.yaml").read_text(encoding="utf-8") == "name: held\n"
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.wait()
    with open_run(tmp_path, "name: second\n", runtime.clock) as run:
        assert run.attempt == 2
        assert (tmp_path / ".lock").read_text(encoding="utf-8") == str(os.getpid())
    assert [event.step for event in read_events(tmp_path)] == [1]


def test_the_lock_is_free_after_the_block_also_when_it_fails(tmp_path: Path, runtime: Runtime) -> None:
    def fail() -> None:
        with open_run(tmp_path, "", runtime.clock) as run:
            run.set_state("running")
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail()
    assert [event.attempt for event in read_events(tmp_path)] == [1, 2]


def test_the_same_process_cannot_open_a_run_twice(tmp_path: Path, runtime: Runtime) -> None:
    with open_run(tmp_path, "", runtime.clock):
        with pytest.raises(RunBusy) as caught, open_run(tmp_path, "", runtime.clock):
            pass
        assert caught.value.parameters["process"] == str(os.getpid())


@pytest.mark.parametrize("line", ["{}", "[1]", '"text"', "7", "null", '{"v": 9, "type": "state"}'])
def test_json_that_is_no_event_is_damage_too(line: str, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(RunFailed) as caught:
        list(read_events(tmp_path))
    assert (caught.value.code, str(caught.value.place)) == ("events-damaged", f"{tmp_path / 'events.jsonl'}:1")
