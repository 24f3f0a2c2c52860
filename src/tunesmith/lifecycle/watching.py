"""Watching: what `tunesmith watch` does at each tick, so that nobody has to.

A tick looks at the windows of traffic that are complete since the last one, and with them at those shortly before of
which more was said, tells what began and ended in them, and trains a candidate where one is due. Nothing here sleeps:
who calls decides when the next tick is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError
from sqlalchemy import func, select

from tunesmith.artifacts.figures import Record
from tunesmith.artifacts.folder import locked, make_folder, write_whole
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
from tunesmith.monitor.said import NUM_LATE
from tunesmith.monitor.webhook import receiver_of
from tunesmith.monitor.windows import windows
from tunesmith.recipe.improve import When
from tunesmith.recipe.span import length_of
from tunesmith.store import CHAMPION, Store, Traffic, aliases, history
from tunesmith.store.cycles import Round, rounds
from tunesmith.store.open import reading
from tunesmith.store.schema import FEEDBACK_STATES, REVIEW_RATINGS

FOLDER: Final = "watch"
"""In the workspace: for each recipe where its watch stands, its outbox and its lock."""
NO_ROWS: Final = "improve-no-rows"
TICK: Final = timedelta(minutes=5)
MAX_WAIT: Final = timedelta(days=1)
"""Between two ticks that fail; the wait doubles with each."""
CLOCK_SLACK: Final = timedelta(days=1)
"""A clock that is behind the last window by less is waited for."""
_MAX_DOUBLED: Final = 10
_INBOX_DIGITS: Final = 16

Trigger = Mapping[str, str]
"""What calls for a round: `by`, one of `drift`, `feedback_rows`, `every`, and what shows it."""


class Standing(Record):
    """Where a watch stands: everything that the next tick needs of those before."""

    until: datetime | None = None
    """End of the last window that was looked at."""
    called_at: datetime | None = None
    """When it last called for a round."""
    inbox: str | None = None
    """What the inbox was like when nothing was due."""
    said: dict[str, tuple[str, str]] = Field(default_factory=dict)
    """Of the newest windows when they were looked at, by their end and the model: their traffic, and what had been said
    of it."""


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
        new = news_of(self.stages.reports(self.job, self.store), standing) if self._is_look_due(standing) else []
        alerts = self._tell(new)
        log = [alert for alert in read_alerts(self._log) if alert.recipe == self.job.recipe.name]
        delivered = self.sink.deliver(log)
        say_delivered(delivered, self.job.progress)
        inbox = self._inbox()
        trigger = self._trigger(new, standing, is_inbox_new=inbox != standing.inbox)
        if trigger is None:
            made = None
            standing = standing.model_copy(update={"inbox": inbox})
        else:
            made = self._improve(trigger)
            standing = standing.model_copy(update={"called_at": self.store.clock()})
        self._keep(after_look(standing, new) if new else standing)
        return Tick(new, alerts, delivered, trigger, made)

    def _is_look_due(self, standing: Standing) -> bool:
        """Whether a window is complete that was not looked at; all reports are found for that, which is much to do."""
        until = standing.until
        if until is None:
            return True
        time_of = Traffic(self.store, since=until).time_of
        complete = windows(time_of, self.job.recipe.monitor.window, self.store.clock())
        return any(window.until > until for window in complete)

    def _tell(self, reports: Sequence[HealthReport]) -> list[Alert]:
        found: list[Alert] = []
        told = read_alerts(self._log)
        for report in reports:
            source = Source(self.job.recipe.name, str(report.folder))
            new = alerts_of(report.body, self.job.recipe.monitor.alerts, [*told, *found], source)
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

    def _trigger(self, reports: Sequence[HealthReport], standing: Standing, *, is_inbox_new: bool) -> Trigger | None:
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
        when, now = self.job.recipe.improve.when, self.store.clock()
        # to count rows, the champion is opened and all feedback read; in an inbox without news they are still too few
        is_counted = when.feedback_rows is not None and is_inbox_new
        num_unseen = self.stages.num_unseen(self.job, self.store) if is_counted else 0
        # nothing waits for a time that a clock told which ran ahead
        last = max((time for time in times if time <= now), default=None)
        trigger = due(when, judged[-1] if judged else None, last, num_unseen, now)
        if trigger is not None:
            self.job.progress.say(f"watching.due.{trigger['by']}", "info", **trigger)
        return trigger

    def _inbox(self) -> str:
        """Another one whenever there may be more rows to learn from."""
        champion = aliases(self.store).get(CHAMPION)
        newest = select(func.max(FEEDBACK_STATES.c.at)), select(func.max(REVIEW_RATINGS.c.at))
        with reading(self.store.database) as connection:
            decided, rated = (connection.scalars(each).one() for each in newest)
        section = self.job.recipe.feedback.model_dump_json()
        made_of = f"{self.store.num_feedback} {decided} {rated} {champion} {section}"
        return hashlib.sha256(made_of.encode()).hexdigest()[:_INBOX_DIGITS]

    @property
    def _log(self) -> Path:
        return self.job.runtime.workspace / ALERTS

    @property
    def _file(self) -> Path:
        return self.job.runtime.workspace / FOLDER / f"{self.job.recipe.name}.json"

    def _standing(self) -> Standing:
        """Where it stands; a window that lies ahead was looked at by a clock that ran ahead, and is forgotten."""
        if not self._file.is_file():
            return Standing()
        try:
            standing = Standing.model_validate_json(self._file.read_bytes())
        except ValidationError as failure:
            raise RunFailed("watch-damaged", place=Place(str(self._file))) from failure
        now, until = self.store.clock(), standing.until
        if until is None or now >= until - CLOCK_SLACK:
            return standing
        self.job.progress.say("watching.clock", "warning", now=f"{now:%Y-%m-%d}", until=f"{until:%Y-%m-%d}")
        return standing.model_copy(update={"until": None, "said": {}})

    def _keep(self, standing: Standing) -> None:
        write_whole(self._file, standing.model_dump_json(indent=1).encode())


def news_of(reports: Sequence[HealthReport], standing: Standing) -> list[HealthReport]:
    """Of all reports, the oldest first, those from the first on that is new: its window was not looked at, or more was
    said of it since. Of a watch that begins, the newest alone.
    """
    if standing.until is None:
        return list(reports[-1:])
    places = [place for place, report in enumerate(reports) if _is_new(report, standing.until, standing.said)]
    return list(reports[places[0] :]) if places else []


def _is_new(report: HealthReport, until: datetime, said: Mapping[str, tuple[str, str]]) -> bool:
    """Of windows from before the watch began nothing is known, and nothing is new; nor is it where exchanges were
    removed, and what was said of them with them."""
    traffic, words = _said_of(report)
    before = said.get(_window_of(report), (traffic, words))
    return report.body.until > until or (before[0] == traffic and before[1] != words)


def after_look(standing: Standing, new: Sequence[HealthReport]) -> Standing:
    """Where the watch stands once these were looked at."""
    said = {**standing.said, **{_window_of(report): _said_of(report) for report in new}}
    newest = dict(sorted(said.items())[-NUM_LATE:])
    return standing.model_copy(update={"until": new[-1].body.until, "said": newest})


def _window_of(report: HealthReport) -> str:
    return f"{report.body.until.isoformat()} {report.body.bundle}"


def _said_of(report: HealthReport) -> tuple[str, str]:
    return report.manifest.inputs["traffic"], report.manifest.inputs["said"]


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
    lock = folder / f"{job.recipe.name}.lock"
    with locked(lock, lambda process: RunFailed("watch-busy", place=Place(str(lock)), process=process)):
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
