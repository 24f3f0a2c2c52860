"""Watching: what `tunesmith watch` does at each tick, so that nobody has to.

A tick looks at the windows of traffic that are complete since the last one, tells what began and ended in them, and
trains a candidate where one is due. Nothing here sleeps: who calls decides when the next tick is.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from tunesmith.artifacts.figures import Record
from tunesmith.artifacts.folder import make_folder, write_whole
from tunesmith.artifacts.health import HealthBody, HealthReport
from tunesmith.errors import Interrupted, Place, RunFailed, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.monitor.alerts import Alert, Source, alerts_of
from tunesmith.monitor.deliver import FILE as ALERTS
from tunesmith.monitor.deliver import (
    Delivered,
    Sink,
    append_alerts,
    read_alerts,
    say_alerts,
    say_delivered,
)
from tunesmith.monitor.webhook import receiver_of
from tunesmith.monitor.windows import length_of, windows
from tunesmith.recipe.improve import When
from tunesmith.store import Store, aliases, history
from tunesmith.store.cycles import Round, rounds

FOLDER: Final = "watch"
"""In the workspace: for each recipe where its watch stands, its outbox and its lock."""
CHAMPION: Final = "champion"
NO_ROWS: Final = "improve-no-rows"
TICK: Final = timedelta(minutes=5)
MAX_WAIT: Final = timedelta(days=1)
"""Between two ticks that fail; the wait doubles with each."""
CLOCK_SLACK: Final = timedelta(days=1)
"""A clock that is behind the last window by less is waited for."""
_MAX_DOUBLED: Final = 10

Trigger = Mapping[str, str]
"""What calls for a round: `by`, one of `drift`, `feedback_rows`, `every`, and what shows it."""


class Standing(Record):
    """Where a watch stands: everything that the next tick needs of those before."""

    until: datetime | None = None
    """End of the last window that was looked at."""
    called_at: datetime | None = None
    """When it last called for a round."""


@dataclass(frozen=True)
class Stages:
    """What a tick calls."""

    reports: Callable[[Job, Store], list[HealthReport]]
    """On each complete window, the oldest first."""
    num_unseen: Callable[[Job, Store], int]
    """Rows of feedback that no candidate has been made with."""
    improve: Callable[[Job, Store, Trigger], Round]


@dataclass(frozen=True)
class Tick:
    """What one tick found and did."""

    reports: Sequence[HealthReport]
    alerts: Sequence[Alert]
    delivered: Delivered
    trigger: Trigger | None
    round: Round | None


def due(
    when: When, health: HealthBody | None, last_round_at: datetime | None, num_new_feedback_rows: int, now: datetime
) -> Trigger | None:
    """What calls for a round of improvement now, if anything does; a pure function.

    `health` is the newest report that was judged; it counts where most of its window lies after the last round, or
    else it tells of what that round has answered. `last_round_at` is when the champion last changed or a candidate was
    last begun. A time of it that is yet to come is that of a clock which ran ahead: the interval is not over then.
    """
    if when.drift and health is not None and health.alarms and _is_after(health, last_round_at):
        features = ", ".join(shift.feature for shift in health.alarms)
        return {"by": "drift", "features": features, "until": health.until.isoformat()}
    if when.feedback_rows is not None and num_new_feedback_rows >= when.feedback_rows:
        return {"by": "feedback_rows", "rows": str(num_new_feedback_rows)}
    if when.every is not None and last_round_at is not None and now - last_round_at >= length_of(when.every):
        return {"by": "every", "last": last_round_at.isoformat()}
    return None


def _has_moved(cut_off: Round, called_at: datetime | None) -> bool:
    """Whether a round has come further since one was called for; one that has not is of a recipe that was changed."""
    return called_at is None or cut_off.changed_at > called_at


def _is_after(health: HealthBody, last_round_at: datetime | None) -> bool:
    return last_round_at is None or last_round_at <= health.since + (health.until - health.since) / 2


@dataclass(frozen=True)
class Watch:
    """A recipe's watch, which nobody else holds; see `watching`."""

    job: Job
    store: Store
    stages: Stages
    sink: Sink

    def tick(self) -> Tick:
        """Look once. What it had done when it was killed is found, not done again.

        Raises what the stages raise; then nothing is written down, and the next tick begins with the same windows.
        """
        standing = self._standing()
        new = self._new_reports(standing)
        alerts = self._tell(new)
        log = [alert for alert in read_alerts(self._log) if alert.recipe == self.job.recipe.name]
        delivered = self.sink.deliver(log)
        say_delivered(delivered, self.job.progress)
        trigger = self._trigger(new, standing)
        made = None
        if trigger is not None:
            made = self._improve(trigger)
            standing = standing.model_copy(update={"called_at": self.store.clock()})
        if new:
            standing = standing.model_copy(update={"until": new[-1].body.until})
        self._keep(standing)
        return Tick(new, alerts, delivered, trigger, made)

    def _new_reports(self, standing: Standing) -> list[HealthReport]:
        """On windows after the last one that was looked at; of a watch that begins, on the newest alone."""
        now, until = self.store.clock(), standing.until
        if until is not None and now < until - CLOCK_SLACK:
            self.job.progress.say("watching.clock", "warning", now=f"{now:%Y-%m-%d}", until=f"{until:%Y-%m-%d}")
            until = None
        if until is None:
            return self.stages.reports(self.job, self.store)[-1:]
        # reports are found by all that they are made of, which is much to read for nothing
        size = self.job.recipe.monitor.window
        if not any(window.until > until for window in windows(self.store.exchanges(since=until), size, now)):
            return []
        return [report for report in self.stages.reports(self.job, self.store) if report.body.until > until]

    def _tell(self, reports: Sequence[HealthReport]) -> list[Alert]:
        found: list[Alert] = []
        for report in reports:
            source = Source(self.job.recipe.name, str(report.folder))
            new = alerts_of(report.body, self.job.recipe.monitor.alerts, read_alerts(self._log), source)
            append_alerts(self._log, new)
            say_alerts(new, self.job.progress, self.job.runtime.language)
            found += new
        return found

    def _improve(self, trigger: Trigger) -> Round | None:
        """None where there is nothing to learn from: that is told, and is no failure of the watch."""
        try:
            return self.stages.improve(self.job, self.store, trigger)
        except TunesmithError as failure:
            if failure.code != NO_ROWS:
                raise
            language = self.job.runtime.language
            told = {"problem": failure.message(language), "hint": failure.hint(language)}
            self.job.progress.say("watching.no-rows", "warning", **told)
            return None

    def _trigger(self, reports: Sequence[HealthReport], standing: Standing) -> Trigger | None:
        """That of a round which was cut off, else what `due` finds; None without a champion to do better than."""
        if CHAMPION not in aliases(self.store):
            return None
        begun = rounds(self.store, self.job.recipe.name)
        if begun and not begun[-1].has_ended and _has_moved(begun[-1], standing.called_at):
            self.job.progress.say("watching.due.continued", round=begun[-1].id)
            return begun[-1].trigger
        judged = [report.body for report in reports if report.body.is_judged]
        changed = [change.at for change in history(self.store) if change.alias == CHAMPION]
        times = [*changed, *(each.began_at for each in begun[-1:])]
        times += [] if standing.called_at is None else [standing.called_at]
        when = self.job.recipe.improve.when
        num_unseen = 0 if when.feedback_rows is None else self.stages.num_unseen(self.job, self.store)
        trigger = due(when, judged[-1] if judged else None, max(times), num_unseen, self.store.clock())
        if trigger is not None:
            self.job.progress.say(f"watching.due.{trigger['by']}", "info", **trigger)
        return trigger

    @property
    def _log(self) -> Path:
        return self.job.runtime.workspace / ALERTS

    @property
    def _file(self) -> Path:
        return self.job.runtime.workspace / FOLDER / f"{self.job.recipe.name}.json"

    def _standing(self) -> Standing:
        if not self._file.is_file():
            return Standing()
        try:
            return Standing.model_validate_json(self._file.read_bytes())
        except ValidationError as failure:
            raise RunFailed("watch-damaged", place=Place(str(self._file))) from failure

    def _keep(self, standing: Standing) -> None:
        write_whole(self._file, standing.model_dump_json(indent=1).encode())


@contextmanager
def watching(job: Job, store: Store, stages: Stages) -> Iterator[Watch]:
    """Hold the watch of a recipe, which one process at a time may.

    Raises RunFailed `watch-busy`, and what `receiver_of` raises.
    """
    section = job.recipe.monitor.alerts
    receiver = None if section.webhook is None else receiver_of(section.webhook, job.runtime)
    folder = job.runtime.workspace / FOLDER
    make_folder(folder)
    sink = Sink(folder / f"{job.recipe.name}.outbox.json", receiver, section.max_waiting, store.clock)
    with (folder / f"{job.recipe.name}.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as failure:
            lock.seek(0)
            raise RunFailed("watch-busy", place=Place(lock.name), process=lock.read().strip()) from failure
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield Watch(job, store, stages, sink)


def watch(held: Watch, tell: Callable[[Tick], None], wait: Callable[[timedelta], bool]) -> None:
    """Tick after tick, until `wait`, which is told how long, says that it is over.

    A tick that fails is told, and tried again after a wait that doubles with each.
    """
    num_failures, is_over = 0, False
    while not is_over:
        try:
            tell(held.tick())
            num_failures = 0
        except Interrupted:
            raise
        except TunesmithError as failure:
            num_failures += 1
            _say_failed(held.job, failure, after(num_failures))
        is_over = wait(after(num_failures))


def after(num_failures: int) -> timedelta:
    """How long until the next tick."""
    return min(MAX_WAIT, TICK * (1 << min(num_failures, _MAX_DOUBLED)))


def _say_failed(job: Job, failure: TunesmithError, wait: timedelta) -> None:
    language = job.runtime.language
    told = {"code": failure.code, "problem": failure.message(language), "hint": failure.hint(language)}
    job.progress.say("watching.failed", "error", minutes=int(wait.total_seconds() // 60), **told)
