"""Where alerts go: the terminal, `alerts.jsonl` of the workspace, and a webhook that may be down.

`alerts.jsonl` comes first and decides: what is in it was told, and what is open is read from it. What a webhook has
not taken yet waits in an outbox of its own, a small file that is replaced as a whole; its `newest` says up to where
the log was taken over. So a kill at any point loses no alert, and after a 2xx that was written down none is sent again.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from tunesmith.artifacts.figures import Record
from tunesmith.artifacts.folder import make_folder, write_whole
from tunesmith.errors import Phrase, Place, RunFailed
from tunesmith.monitor.alerts import Alert
from tunesmith.monitor.webhook import Answer, Receiver
from tunesmith.runtime import Progress

FILE: Final = "alerts.jsonl"
"""In the workspace."""
FIRST_WAIT: Final = timedelta(seconds=30)
MAX_WAIT: Final = timedelta(hours=6)
"""Between two tries of one alert; the wait doubles with each."""
PASS_SECONDS: Final = 30.0
"""After so long no further alert is posted until next time."""
_MAX_DOUBLED: Final = 10


class Waiting(Record):
    """An alert that the webhook has not taken yet."""

    alert: Alert
    num_tries: int = 0
    again_at: datetime | None = None
    """Not tried before; None for at once."""


class Outbox(Record):
    """What waits for one webhook, oldest first."""

    newest: str | None = None
    """Id of the last alert of the log that was taken over."""
    waiting: tuple[Waiting, ...] = ()
    num_delivered: int = 0
    num_dropped: int = 0
    """Since it began."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one pass did."""

    num_delivered: int
    num_dropped: int
    num_waiting: int
    problem: Phrase | None
    """Why the last post that failed did."""


def read_alerts(file: Path) -> list[Alert]:
    """All alerts of a log in the order they were told. What a kill tore stands behind the last newline.

    A line that is no alert is none: somebody wrote into the file.
    """
    found = []
    for line in file.read_bytes().split(b"\n")[:-1] if file.is_file() else []:
        try:
            found.append(Alert.model_validate_json(line))
        except ValidationError:
            continue
    return found


def append_alerts(file: Path, alerts: Sequence[Alert]) -> None:
    """Add to a log, which is made where it is absent; on the disk when this returns. A torn last line is cut."""
    if not alerts:
        return
    make_folder(file.parent)
    lines = "".join(alert.model_dump_json() + "\n" for alert in alerts)
    with file.open("a+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        whole, newline, _ = stream.read().rpartition(b"\n")
        stream.truncate(len(whole) + len(newline))
        stream.write(lines.encode())
        stream.flush()
        os.fsync(stream.fileno())


def say_alerts(alerts: Iterable[Alert], progress: Progress, language: str) -> None:
    for alert in alerts:
        progress.say("alert.line", "warning" if alert.state == "begun" else "info", text=alert.text[language])


def read_outbox(file: Path) -> Outbox:
    """Empty where there is none yet. Raises RunFailed `outbox-damaged`."""
    if not file.is_file():
        return Outbox()
    try:
        return Outbox.model_validate_json(file.read_bytes())
    except ValidationError as failure:
        raise RunFailed("outbox-damaged", place=Place(str(file))) from failure


def taken_over(outbox: Outbox, log: Sequence[Alert], max_waiting: int) -> Outbox:
    """The outbox with what the log holds beyond its `newest`; of more than `max_waiting` the oldest are dropped.

    A log without that alert was moved away, and all in it is new.
    """
    ids = [alert.id for alert in log]
    begin = ids.index(outbox.newest) + 1 if outbox.newest in ids else 0
    if begin == len(ids):
        return outbox
    waiting = (*outbox.waiting, *(Waiting(alert=alert) for alert in log[begin:]))
    num_over = max(0, len(waiting) - max_waiting)
    told = {"newest": ids[-1], "waiting": waiting[num_over:], "num_dropped": outbox.num_dropped + num_over}
    return outbox.model_copy(update=told)


@dataclass(frozen=True)
class Sink:
    """The outbox of a recipe's webhook; without a receiver nothing waits in it."""

    file: Path
    receiver: Receiver | None
    max_waiting: int
    clock: Callable[[], datetime]

    def deliver(self, log: Sequence[Alert]) -> Delivered:
        """Post what waits and is due, oldest first, for at most `PASS_SECONDS`.

        What is taken is written down at once. Where nobody answers, none of those that wait is tried before the first
        of them is due again. Raises RunFailed `outbox-damaged`.
        """
        before = read_outbox(self.file)
        outbox = taken_over(before, log, self.max_waiting)
        if self.receiver is None:  # nobody was to be told: nothing waits, and nothing was dropped
            outbox = outbox.model_copy(update={"waiting": (), "num_dropped": before.num_dropped})
        if outbox != before:
            self._keep(outbox)
        problem: Phrase | None = None
        begun = time.monotonic()
        for each in due(outbox.waiting, self.clock()):
            if self.receiver is None or time.monotonic() - begun > PASS_SECONDS:
                break
            answer = self.receiver.post(posted(each.alert), {"Idempotency-Key": each.alert.id}, self.clock())
            outbox = after(outbox, each, answer, self.clock())
            self._keep(outbox)
            problem = answer.problem or problem
            if not answer.is_there:
                break
        num_delivered = outbox.num_delivered - before.num_delivered
        return Delivered(num_delivered, outbox.num_dropped - before.num_dropped, len(outbox.waiting), problem)

    def _keep(self, outbox: Outbox) -> None:
        make_folder(self.file.parent)
        write_whole(self.file, outbox.model_dump_json(indent=1).encode())


def due(waiting: Sequence[Waiting], now: datetime) -> list[Waiting]:
    """Those whose time has come; a time beyond the longest wait was set by a clock that ran ahead."""
    return [each for each in waiting if each.again_at is None or not now < each.again_at <= now + MAX_WAIT]


def after(outbox: Outbox, tried: Waiting, answer: Answer, now: datetime) -> Outbox:
    """The outbox once one of its alerts was posted."""
    if answer.problem is None:
        left = tuple(each for each in outbox.waiting if each is not tried)
        return outbox.model_copy(update={"waiting": left, "num_delivered": outbox.num_delivered + 1})
    again_at = now + min(MAX_WAIT, FIRST_WAIT * (1 << min(tried.num_tries, _MAX_DOUBLED)))
    return outbox.model_copy(
        update={"waiting": tuple(_later(each, tried, answer, again_at) for each in outbox.waiting)}
    )


def _later(each: Waiting, tried: Waiting, answer: Answer, again_at: datetime) -> Waiting:
    if each is tried:
        return each.model_copy(update={"num_tries": each.num_tries + 1, "again_at": again_at})
    if answer.is_there or (each.again_at is not None and each.again_at > again_at):
        return each
    return each.model_copy(update={"again_at": again_at})


def posted(alert: Alert) -> bytes:
    """What is sent: the line of the log."""
    return alert.model_dump_json().encode()


def say_delivered(delivered: Delivered, progress: Progress) -> None:
    if delivered.num_dropped:
        progress.say("alert.dropped", "warning", num=delivered.num_dropped)
    if delivered.problem is not None:
        key, values = delivered.problem.key, delivered.problem.parameters
        progress.say(key, "warning", num=delivered.num_waiting, **values)
