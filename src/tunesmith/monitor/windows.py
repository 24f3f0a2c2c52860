"""Traffic in windows, by time or by count, whatever a clock did meanwhile.

A window of time begins at a whole number of its lengths after a Monday, UTC: it is the same whenever it is looked at,
and no exchange that is lost or comes late moves its bounds. A window by count is so many exchanges in the order of
their times, counted from the first one that is there, and all others of the last one's microsecond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from tunesmith.recipe.span import begin_of, length_of

TimeOf = Callable[[int, datetime | None], datetime | None]
"""When the exchange at a place came, counted from 0 in the order of times from a moment on (None: from the first one);
None where there are fewer."""


@dataclass(frozen=True, slots=True)
class Window:
    """[since, until)."""

    since: datetime
    until: datetime

    @property
    def seconds(self) -> float:
        return max(1.0, (self.until - self.since).total_seconds())


def windows(time_of: TimeOf, size: str | int, now: datetime) -> Iterator[Window]:
    """The complete windows of exchanges, oldest first; nothing of an exchange but its time is asked for.

    Of windows by time those with an exchange, and the last complete one with or without. What is not earlier than
    `now` is left out: a clock that ran ahead fills no window. `size` is `7d`, `12h` or a number.
    """
    return _by_count(time_of, size, now) if isinstance(size, int) else _by_time(time_of, length_of(size), now)


def _by_time(time_of: TimeOf, length: timedelta, now: datetime) -> Iterator[Window]:
    end, newest = begin_of(now, length), None
    at = time_of(0, None)
    while at is not None and at < end:
        newest = begin_of(at, length)
        yield Window(newest, newest + length)
        at = time_of(0, newest + length)
    if newest != end - length:
        yield Window(end - length, end)


def _by_count(time_of: TimeOf, size: int, now: datetime) -> Iterator[Window]:
    since = None
    while (first := time_of(0, since)) is not None:
        last = time_of(size - 1, since)
        if last is None or last >= now:
            return
        since = last + timedelta(microseconds=1)
        yield Window(first, since)
