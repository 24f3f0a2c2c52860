"""Traffic in windows, by time or by count, whatever a clock did meanwhile.

A window of time begins at a whole number of its lengths after a Monday, UTC: it is the same whenever it is looked at,
and no exchange that is lost or comes late moves its bounds. A window by count is so many exchanges in the order of
their times, counted from the first one that is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import Final

from tunesmith.records import Exchange

MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)
_UNITS: Final = {"h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Window:
    """The exchanges of [since, until), in the order of their times."""

    since: datetime
    until: datetime
    exchanges: tuple[Exchange, ...]

    @property
    def seconds(self) -> float:
        return max(1.0, (self.until - self.since).total_seconds())

    def digest(self) -> str:
        """SHA-256 of its bounds and of all that is kept of its exchanges, 64 hex digits."""
        hasher = hashlib.sha256(f"{self.since.isoformat()} {self.until.isoformat()}\n".encode())
        for exchange in self.exchanges:
            hasher.update(f"{exchange!r}\n".encode("utf-8", "surrogatepass"))
        return hasher.hexdigest()


def windows(exchanges: Iterable[Exchange], size: str | int, now: datetime) -> Iterator[Window]:
    """The complete windows of exchanges that are given in the order of their times, oldest first, one at a time.

    Of windows by time those with an exchange, and the last complete one with or without. What is not earlier than
    `now` is left out, whatever its place: a clock that ran ahead fills no window. `size` is `7d`, `12h` or a number.
    """
    past = (exchange for exchange in exchanges if exchange.at < now)
    return _by_count(past, size) if isinstance(size, int) else _by_time(past, length_of(size), now)


def length_of(size: str) -> timedelta:
    """Of `7d` or `12h`."""
    return timedelta(**{_UNITS[size[-1]]: int(size[:-1])})


def _by_time(exchanges: Iterable[Exchange], length: timedelta, now: datetime) -> Iterator[Window]:
    end, newest = _begin(now, length), None
    for begin, held in groupby(exchanges, key=lambda exchange: _begin(exchange.at, length)):
        if begin >= end:
            break
        newest = begin
        yield Window(begin, begin + length, tuple(held))
    if newest != end - length:
        yield Window(end - length, end, ())


def _begin(at: datetime, length: timedelta) -> datetime:
    """Of the window that holds a moment."""
    return MONDAY + (at - MONDAY) // length * length


def _by_count(exchanges: Iterable[Exchange], size: int) -> Iterator[Window]:
    rest = iter(exchanges)
    while len(held := tuple(islice(rest, size))) == size:
        yield Window(held[0].at, held[-1].at + timedelta(microseconds=1), held)
