"""A run is a workshop: `runs/<id>/` is appended to while the stages work, and survives being killed.

It holds the resolved recipe, a lock, `events.jsonl` and checkpoints. `events.jsonl` is the only source of what the
terminal, the report and the pages show: one typed object a line, append-only; a torn last line is dropped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, TextIO

from tunesmith.artifacts.folder import locked, make_folder, sweep, write_whole
from tunesmith.errors import Place, RunFailed

State = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
EventType = Literal["state", "metric", "sample", "checkpoint", "message", "artifact", "experts"]
EVENT_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Event:
    """One line of `events.jsonl`."""

    type: EventType
    time: str
    """UTC, ISO 8601."""
    attempt: int
    """How many times the run had been started when this was written, from 1."""
    data: Mapping[str, Any]
    step: int | None = None


def event_to_json(event: Event) -> str:
    """One line of JSON."""
    row = {"v": EVENT_FORMAT, "type": event.type, "time": event.time, "attempt": event.attempt}
    if event.step is not None:
        row["step"] = event.step
    return json.dumps({**row, "data": event.data}, ensure_ascii=False, allow_nan=True)


def event_from_json(row: Mapping[str, Any]) -> Event:
    return Event(row["type"], row["time"], row["attempt"], row["data"], row.get("step"))


class RunBusy(RunFailed):
    """Another process works in this run's folder."""


class Run:
    """An open, locked run folder. Use `open_run`."""

    def __init__(self, folder: Path, attempt: int, clock: Callable[[], datetime], stream: TextIO) -> None:
        self.folder = folder
        self.attempt = attempt
        self._clock = clock
        self._stream = stream

    @property
    def id(self) -> str:
        return self.folder.name

    def record(self, type: EventType, *, step: int | None = None, **data: Any) -> None:
        """Append one event and hand it to the operating system."""
        event = Event(type, self._clock().isoformat(), self.attempt, data, step)
        self._stream.write(event_to_json(event) + "\n")
        self._stream.flush()

    def set_state(self, state: State) -> None:
        self.record("state", state=state)


def read_events(folder: Path) -> Iterator[Event]:
    """All whole events of a run in the order they were written.

    Raises RunFailed (`events-damaged`) with the line where one is not an event.
    """
    file = folder / "events.jsonl"
    if not file.is_file():
        return
    # what follows the last newline is a line that a kill tore, or one that is being written
    for number, line in enumerate(file.read_bytes().split(b"\n")[:-1], start=1):
        try:
            event = event_from_json(json.loads(line))
        except (ValueError, KeyError, TypeError) as failure:  # no JSON, or no object with an event's keys
            raise RunFailed("events-damaged", place=Place(str(file), number)) from failure
        yield event


def note_artifact(run: Run, kind: str, key: str, name: str | None = None) -> None:
    """Record that an artifact was found for the run, unless it is the last of its kind and name that was recorded.

    It was made before the run could say so and was killed, by another run, or by this one before it made others.
    """
    told = [event.data for event in read_events(run.folder) if event.type == "artifact"]
    keys = [data["key"] for data in told if (data["kind"], data.get("name")) == (kind, name)]
    if keys[-1:] != [key]:
        named: dict[str, Any] = {} if name is None else {"name": name}
        run.record("artifact", kind=kind, key=key, **named)


def read_metrics(folder: Path, *others: EventType) -> list[Event]:
    """The metric events of a run by step, and those of `others`.

    What one model reports again after a resume counts once, the newest kept.
    """
    newest: dict[tuple[int | None, str | None, tuple[str, ...]], Event] = {}
    for event in read_events(folder):
        if event.type in ("metric", *others):
            newest[event.step, event.data.get("model"), tuple(sorted(event.data))] = event
    return sorted(newest.values(), key=lambda event: event.step or 0)


def read_samples(folder: Path) -> list[Event]:
    """What models in training answered, by step and item; what a resumed one was asked again counts once."""
    found = [event for event in read_events(folder) if event.type == "sample"]
    newest = {(event.step or 0, event.data["model"], event.data["item"]): event for event in found}
    return [newest[key] for key in sorted(newest)]


@contextmanager
def open_run(folder: Path, resolved_recipe: str, clock: Callable[[], datetime]) -> Iterator[Run]:
    """Make or reopen a run's folder and hold its lock.

    Raises RunBusy (`run-busy`) naming the other process when one works in it. The lock ends with the process,
    however it ends.
    """
    make_folder(folder)
    with locked(folder / ".lock", lambda process: RunBusy("run-busy", place=Place(str(folder)), process=process)):
        sweep(folder)
        drop_torn_line(folder / "events.jsonl")
        write_whole(folder / "recipe.resolved.yaml", resolved_recipe.encode())
        attempt = 1 + max((event.attempt for event in read_events(folder)), default=0)
        with (folder / "events.jsonl").open("a", encoding="utf-8", newline="\n") as stream:
            try:
                yield Run(folder, attempt, clock, stream)
            finally:
                os.fsync(stream.fileno())


@contextmanager
def followed_run(folder: Path, clock: Callable[[], datetime]) -> Iterator[Run]:
    """The folder of a run that another process holds, for one that works along: what it records goes nowhere."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        yield Run(folder, 0, clock, nowhere)


def drop_torn_line(file: Path) -> None:
    """Cut what a kill left after the last newline, so that what is appended next starts on a line of its own."""
    if not file.is_file():
        return
    content = file.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with file.open("r+b") as stream:
            stream.truncate(whole)
