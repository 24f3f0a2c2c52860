"""Windows stay where they are, whatever a clock did and whatever was lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tunesmith.monitor.windows import TimeOf, Window, windows
from tunesmith.recipe.span import length_of

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def at(*days: float) -> list[datetime]:
    return [MONDAY + day * DAY for day in days]


def time_of(times: list[datetime]) -> TimeOf:
    """As the store tells it."""

    def found(place: int, since: datetime | None) -> datetime | None:
        left = sorted(time for time in times if since is None or time >= since)
        return left[place] if place < len(left) else None

    return found


def shown(times: list[datetime], size: str | int, now: datetime) -> list[tuple[float, float, int]]:
    """Each window in days, and how many exchanges lie in it."""
    return [
        ((one.since - MONDAY) / DAY, (one.until - MONDAY) / DAY, sum(one.since <= time < one.until for time in times))
        for one in windows(time_of(times), size, now)
    ]


def test_weeks_begin_on_mondays_and_hours_at_midnight() -> None:
    assert MONDAY.weekday() == 0
    assert shown(at(1, 6.999, 7, 15), "7d", MONDAY + 22 * DAY) == [(0, 7, 2), (7, 14, 1), (14, 21, 1)]
    assert shown(at(0.1, 0.6), "12h", MONDAY + timedelta(days=1, hours=1)) == [(0, 0.5, 1), (0.5, 1, 1)]


def test_bounds_do_not_move_with_what_is_lost() -> None:
    all_of_them, later = (shown(at(*days), "7d", MONDAY + 30 * DAY) for days in ((1, 9, 10, 20), (10, 20)))
    assert later[0][:2] == all_of_them[1][:2]


def test_a_window_that_lasts_is_not_looked_at() -> None:
    assert shown(at(1, 8), "7d", MONDAY + 8.5 * DAY) == [(0, 7, 1)]


def test_the_last_complete_window_is_there_without_an_exchange() -> None:
    assert shown(at(1), "7d", MONDAY + 22 * DAY) == [(0, 7, 1), (14, 21, 0)]
    assert shown([], "7d", MONDAY + 7 * DAY) == [(0, 7, 0)]
    assert shown(at(8), "7d", MONDAY + 8.5 * DAY) == [(0, 7, 0)]


def test_what_is_ahead_of_the_clock_fills_no_window() -> None:
    far = at(1, 2, 400, 9000)
    assert shown(far, "7d", MONDAY + 8 * DAY) == [(0, 7, 2)]
    assert [num for _, _, num in shown(far, 2, MONDAY + 8 * DAY)] == [2]
    assert shown(far, 3, MONDAY + 8 * DAY) == []


def test_decades_without_an_exchange_cost_nothing() -> None:
    old = [datetime(1970, 1, 1, tzinfo=UTC), *at(1)]
    found = list(windows(time_of(old), "1h", MONDAY + 2 * DAY))
    assert [sum(one.since <= time < one.until for time in old) for one in found] == [1, 1, 0]
    assert found[0].since <= old[0] < found[0].until


def test_by_count_a_rest_waits() -> None:
    times = at(1, 2, 3, 4, 5)
    found = list(windows(time_of(times), 2, MONDAY + 9 * DAY))
    assert [[time for time in times if one.since <= time < one.until] for one in found] == [times[:2], times[2:4]]
    assert Window(MONDAY, MONDAY).seconds == 1.0


def test_by_count_what_came_at_once_stays_together() -> None:
    assert [num for _, _, num in shown(at(1, 2, 2, 2, 3, 4), 2, MONDAY + 9 * DAY)] == [4, 2]


@pytest.mark.parametrize(("size", "hours"), [("12h", 12), ("7d", 168), ("1d", 24)])
def test_lengths(size: str, hours: int) -> None:
    assert length_of(size) == timedelta(hours=hours)
