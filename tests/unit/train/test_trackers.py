"""Trackers behind their seam: what they are given arrives, and whatever they do, the training is the same."""

from __future__ import annotations

import json
import math
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from test_drive import make_loop, make_training, same

from tunesmith.artifacts import open_run, read_events
from tunesmith.runtime import Silent, utc_now
from tunesmith.train.checkpoint import settings_of
from tunesmith.train.drive import Driver, Loop
from tunesmith.train.interrupt import deferred_signals
from tunesmith.train.trackers import MAX_WAITING, TRACKERS, Entry, Feed, Tracked, Tracker

STEPS = range(1, 8)


class Fake:
    """Remembers what it is told; raises or hangs where it is asked to."""

    def __init__(self, where: str = "", hangs: bool = False) -> None:
        self.where, self.hangs = where, hangs
        self.told: list[tuple[int, dict[str, float]]] = []
        self.threads: set[str] = set()
        self.is_closed = False
        self.released = threading.Event()

    def _at(self, place: str) -> None:
        self.threads.add(threading.current_thread().name)
        if place == self.where:
            if self.hangs:
                self.released.wait(60)
            raise SystemExit("the server said no")

    def start(self) -> None:
        self._at("start")

    def log(self, entries: Sequence[Entry]) -> None:
        self._at("log")
        self.told += [(step, dict(figures)) for step, figures in entries]

    def close(self) -> None:
        self._at("close")
        self.is_closed = True


def figures(step: int) -> dict[str, float]:
    return {"train/loss": 1.0 / step, "train/global_step": step, **({"eval/loss": 2.0 / step} if step % 3 == 0 else {})}


def drive(folder: Path, make: Callable[[], Tracker] | None) -> tuple[Loop, list[dict[str, Any]], list[tuple[str, str]]]:
    """A training with one tracker: how it ended, what it recorded but for times, and what was dropped."""
    dropped: list[tuple[str, str]] = []
    training = make_training(evaluate_every=2)
    with open_run(folder, "", utc_now) as run, deferred_signals() as stop:
        feeds = [] if make is None else [Feed("fake", make, lambda *told: dropped.append(told), close_seconds=0.1)]
        loop = make_loop(training, folder)
        Driver(training, loop, stop, Silent(), run, feeds).drive()
        for feed in feeds:
            feed.close()
    told = []
    for event in read_events(folder):
        steady = {name: value for name, value in event.data.items() if "per_second" not in name}
        told.append({"type": event.type, "step": event.step, **steady})
    return loop, told, dropped


def test_what_is_logged_arrives_in_order_in_a_thread_of_its_own(tmp_path: Path) -> None:
    fake = Fake()
    _, events, dropped = drive(tmp_path, lambda: fake)
    metrics = [event for event in events if event["type"] == "metric"]
    assert [step for step, _ in fake.told] == [event["step"] for event in metrics]
    assert all(
        told.items() >= {("train/loss", event["train/loss"])}
        for (_, told), event in zip(fake.told, metrics, strict=True)
    )
    assert fake.threads == {"tracker fake"}
    assert (fake.is_closed, dropped) == (True, [])


def missing() -> Tracker:
    raise ModuleNotFoundError("No module named 'fake'")


@pytest.mark.thorough
@pytest.mark.parametrize("hangs", [False, True])
@pytest.mark.parametrize("where", ["start", "log", "close"])
def test_a_tracker_that_raises_or_hangs_changes_nothing(tmp_path: Path, where: str, hangs: bool) -> None:
    fake = Fake(where, hangs)
    loop, events, dropped = drive(tmp_path / "with", lambda: fake)
    plain, expected, _ = drive(tmp_path / "without", None)
    assert same(loop, plain)
    assert events == expected
    assert dropped == [("fake", "busy for more than 0.1 s" if hangs else "SystemExit: the server said no")]
    fake.released.set()


@pytest.mark.thorough
def test_a_tracker_that_is_not_there_changes_nothing(tmp_path: Path) -> None:
    loop, events, dropped = drive(tmp_path / "with", missing)
    plain, expected, _ = drive(tmp_path / "without", None)
    assert same(loop, plain)
    assert events == expected
    assert dropped == [("fake", "ModuleNotFoundError: No module named 'fake'")]


def test_a_full_queue_drops_the_tracker_without_waiting() -> None:
    dropped: list[tuple[str, str]] = []
    fake = Fake("start", hangs=True)
    feed = Feed("fake", lambda: fake, lambda *told: dropped.append(told), close_seconds=0.0)
    for step in range(MAX_WAITING + 50):
        feed.log(step, figures(1))
    assert dropped == [("fake", f"busy for {MAX_WAITING} steps")]
    feed.close()
    assert len(dropped) == 1
    fake.released.set()


def fed(name: str, folder: Path, step: int = 0, steps: range = STEPS) -> list[tuple[str, str]]:
    """What is dropped of a real tracker that is fed these steps."""
    dropped: list[tuple[str, str]] = []
    settings = settings_of(make_training().identity())
    tracked = Tracked(folder, "quickstart-1", "tuned", "0123456789abcdef", settings, step)
    feed = Feed(name, partial(TRACKERS[name], tracked), lambda *told: dropped.append(told), close_seconds=60.0)
    for number in steps:
        feed.log(number, figures(number))
    feed.close()
    return dropped


def test_tensorboard_holds_every_figure(tmp_path: Path) -> None:
    assert fed("tensorboard", tmp_path) == []
    read = EventAccumulator(str(tmp_path / "tensorboard" / "tuned")).Reload()
    for name in ("train/loss", "eval/loss"):
        expected = [(step, figures(step)[name]) for step in STEPS if name in figures(step)]
        assert [(event.step, event.value) for event in read.Scalars(name)] == [
            (step, pytest.approx(value)) for step, value in expected
        ]


def leveldb_records(content: bytes) -> Iterator[bytes]:
    """The records of wandb's file: seven bytes of its own, then LevelDB's log, in blocks of 32 KiB.

    A piece is a checksum (4 bytes), its length (2), its kind (1: whole, 2: first, 3: middle, 4: last) and its bytes.
    """
    assert content.startswith(b":W&B")
    place, record = 7, b""
    while place + 7 <= len(content):
        room = 32768 - place % 32768
        if room < 7:
            place += room
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield record
            record = b""


@pytest.mark.thorough
def test_wandb_writes_every_figure_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    monkeypatch.setenv("WANDB_MODE", "offline")
    assert fed("wandb", tmp_path) == []
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    deadline = time.monotonic() + 60
    records: list[Any] = []
    while not (records and records[-1].HasField("exit")):  # wandb's own process writes the file
        assert time.monotonic() < deadline
        time.sleep(0.01)
        records = [Record.FromString(content) for content in leveldb_records(file.read_bytes())]
    told: dict[int, dict[str, float]] = {}
    config = {}
    for record in records:
        row = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        if row:
            told[row["train/global_step"]] = row
        if record.HasField("run"):
            config = {item.key: json.loads(item.value_json) for item in record.run.config.update}
            assert (record.run.run_id, record.run.display_name) == ("tuned-0123456789abcdef", "quickstart-1 tuned")
    assert sorted(told) == list(STEPS)
    for step in STEPS:
        assert told[step].items() >= figures(step).items()
    assert config["train.batch_rows"] == "16"


@pytest.mark.thorough
def test_mlflow_keeps_every_figure_and_goes_on_in_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second attempt begins two steps back, from its checkpoint."""
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert fed("mlflow", tmp_path) == []
    assert fed("mlflow", tmp_path, step=5, steps=range(6, 10)) == []
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = [found for found in client.search_experiments() if found.name == "tunesmith"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("quickstart-1 tuned", "FINISHED")
    assert run.data.params["train.batch_rows"] == "16"
    for name in ("train/loss", "eval/loss"):
        history = [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, name)]
        assert history == [(step, figures(step)[name]) for step in range(1, 10) if name in figures(step)]
    assert not math.isnan(run.data.metrics["train/loss"])


@pytest.mark.thorough
def test_mlflow_writes_where_its_own_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert fed("mlflow", tmp_path / "run") == []
    assert not (tmp_path / "run" / "mlflow.db").exists()
    assert [found.name for found in mlflow.MlflowClient(uri).search_experiments() if found.name == "tunesmith"]
