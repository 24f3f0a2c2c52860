"""Windows stay where they are, whatever a clock did and whatever was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from store_material import exchange

from tunesmith.monitor.windows import Window, length_of, windows
from tunesmith.records import Exchange

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def at(*days: float) -> list[Exchange]:
    return [replace(exchange(n), at=MONDAY + timedelta(days=day)) for n, day in enumerate(days)]


def days_of(found: list[Window]) -> list[tuple[float, float, int]]:
    day = timedelta(days=1)
    return [((one.since - MONDAY) / day, (one.until - MONDAY) / day, len(one.exchanges)) for one in found]


def test_weeks_begin_on_mondays_and_hours_at_midnight() -> None:
    assert MONDAY.weekday() == 0
    found = list(windows(at(1, 6.999, 7, 15), "7d", MONDAY + timedelta(days=22)))
    assert days_of(found) == [(0, 7, 2), (7, 14, 1), (14, 21, 1)]
    halves = list(windows(at(0.1, 0.6), "12h", MONDAY + timedelta(days=1, hours=1)))
    assert days_of(halves) == [(0, 0.5, 1), (0.5, 1, 1)]


def test_bounds_do_not_move_with_what_is_lost() -> None:
    now = MONDAY + timedelta(days=30)
    all_of_them, later = (list(windows(at(*days), "7d", now)) for days in ((1, 9, 10, 20), (10, 20)))
    assert days_of(later)[0][:2] == days_of(all_of_them)[1][:2]


def test_a_window_that_lasts_is_not_looked_at() -> None:
    assert days_of(list(windows(at(1, 8), "7d", MONDAY + timedelta(days=8.5)))) == [(0, 7, 1)]


def test_the_last_complete_window_is_there_without_an_exchange() -> None:
    assert days_of(list(windows(at(1), "7d", MONDAY + timedelta(days=22)))) == [(0, 7, 1), (14, 21, 0)]
    assert days_of(list(windows([], "7d", MONDAY + timedelta(days=7)))) == [(0, 7, 0)]
    assert days_of(list(windows(at(8), "7d", MONDAY + timedelta(days=8.5)))) == [(0, 7, 0)]


def test_what_is_ahead_of_the_clock_fills_no_window() -> None:
    now = MONDAY + timedelta(days=8)
    far = at(1, 2, 400, 9000)
    assert days_of(list(windows(far, "7d", now))) == [(0, 7, 2)]
    assert [len(one.exchanges) for one in windows(far, 2, now)] == [2]
    assert list(windows(far, 3, now)) == []


def test_decades_without_an_exchange_cost_nothing() -> None:
    old = [replace(exchange(0), at=datetime(1970, 1, 1, tzinfo=UTC)), *at(1)]
    found = list(windows(old, "1h", MONDAY + timedelta(days=2)))
    assert [len(one.exchanges) for one in found] == [1, 1, 0]
    assert found[0].since <= old[0].at < found[0].until


def test_by_count_a_rest_waits() -> None:
    found = list(windows(at(1, 2, 3, 4, 5), 2, MONDAY + timedelta(days=9)))
    assert [[exchange.id[-1] for exchange in one.exchanges] for one in found] == [["0", "1"], ["2", "3"]]
    assert all(one.since <= each.at < one.until for one in found for each in one.exchanges)
    assert Window(MONDAY, MONDAY, ()).seconds == 1.0


@pytest.mark.parametrize(("size", "hours"), [("12h", 12), ("7d", 168), ("1d", 24)])
def test_lengths(size: str, hours: int) -> None:
    assert length_of(size) == timedelta(hours=hours)


def test_the_digest_tells_of_every_change() -> None:
    one = Window(MONDAY, MONDAY + timedelta(days=1), tuple(at(0.1, 0.2)))
    others = [
        replace(one, until=one.until + timedelta(days=1)),
        replace(one, exchanges=one.exchanges[:1]),
        replace(one, exchanges=(replace(one.exchanges[0], label="x"), one.exchanges[1])),
    ]
    assert len({each.digest() for each in (one, *others)}) == 4
    assert replace(one, exchanges=tuple(at(0.1, 0.2))).digest() == one.digest()
