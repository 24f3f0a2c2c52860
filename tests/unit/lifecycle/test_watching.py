"""What calls for a round, and ticks over months of traffic: nothing twice, nothing left out, whatever is killed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from alert_material import MONDAY, WEEK, answers, body, hangs, shift, trap
from store_material import exchange, feedback
from watch_material import HOUR, World

from tunesmith.artifacts.health import HealthReport
from tunesmith.errors import Interrupted, RunFailed, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.watching import CLOCK_SLACK, MAX_WAIT, TICK, Tick, Trigger, Watch, due, watch, watching
from tunesmith.monitor.deliver import Sink, read_alerts, read_outbox
from tunesmith.monitor.webhook import Receiver
from tunesmith.recipe.alerts import Webhook
from tunesmith.recipe.improve import When
from tunesmith.store import Store
from tunesmith.store.cycles import Round, begin_round, rounds
from tunesmith.store.feedback_states import Decision, decide

EVERY = When(every="30d", drift=False, feedback_rows=None)
DRIFT = When(drift=True, feedback_rows=None)
ROWS = When(drift=False, feedback_rows=200)
NEVER = When(drift=False, feedback_rows=None)


# what calls for a round


@pytest.mark.parametrize(("days", "is_due"), [(29.99, False), (30, True), (31, True), (4000, True), (0, False)])
def test_the_interval_is_counted_from_the_last_round(days: float, is_due: bool) -> None:
    found = due(EVERY, None, MONDAY, 0, MONDAY + timedelta(days=days))
    assert found == ({"by": "every", "last": MONDAY.isoformat()} if is_due else None)


def test_a_clock_that_jumps_calls_for_one_round_at_most() -> None:
    ahead = MONDAY + timedelta(days=3650)
    assert due(EVERY, None, MONDAY, 0, ahead) is not None
    assert due(EVERY, None, ahead, 0, ahead) is None  # the round is of that time now
    assert due(EVERY, None, ahead, 0, MONDAY) is None  # and the clock is right again
    assert due(EVERY, None, MONDAY, 0, MONDAY - WEEK) is None
    # what is not counted in time calls for rounds still
    assert due(ROWS, None, ahead, 200, MONDAY) is not None


def test_summer_time_moves_nothing() -> None:
    """An interval is elapsed time: 23 hours after the last round, on the day that has 23, a day is not over."""
    before = datetime.fromisoformat("2026-03-28T12:00:00+01:00")
    after = datetime.fromisoformat("2026-03-29T12:00:00+02:00")
    assert due(When(every="1d", drift=False), None, before, 0, after) is None
    assert due(When(every="1d", drift=False), None, before, 0, after + HOUR) is not None


@pytest.mark.parametrize(("num", "is_due"), [(0, False), (199, False), (200, True), (5000, True)])
def test_rows_of_feedback_call_for_a_round(num: int, is_due: bool) -> None:
    found = due(ROWS, None, MONDAY, num, MONDAY)
    assert found == ({"by": "feedback_rows", "rows": str(num)} if is_due else None)


def test_an_alarm_calls_for_a_round_unless_the_last_one_answered_it() -> None:
    report = body(0, shift("length"), shift("label", "output"), shift("chinese", is_alarm=False))
    middle = MONDAY + WEEK / 2
    now = MONDAY + WEEK
    wanted = {"by": "drift", "features": "length, label", "until": now.isoformat()}
    assert due(DRIFT, report, None, 0, now) == wanted
    assert due(DRIFT, report, MONDAY - WEEK, 0, now) == wanted
    assert due(DRIFT, report, middle, 0, now) == wanted
    assert due(DRIFT, report, middle + HOUR, 0, now) is None
    assert due(DRIFT, report, now, 0, now) is None
    assert due(DRIFT, body(0, shift(is_alarm=False)), None, 0, now) is None
    assert due(DRIFT, None, None, 0, now) is None
    assert due(ROWS, report, None, 0, now) is None


def test_nothing_calls_where_nothing_is_asked_for() -> None:
    assert due(NEVER, body(0, shift()), None, 10**6, MONDAY + timedelta(days=9999)) is None


# ticks


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspace")


@pytest.fixture
def store(world: World) -> Iterator[Store]:
    with world.open_store() as opened:
        world.begin(opened, 60)
        yield opened


def weeks_of(ticks: list[Tick]) -> list[int]:
    return [(report.body.since - MONDAY) // WEEK for tick in ticks for report in tick.reports]


@pytest.mark.thorough
def test_half_a_year_of_ticks_looks_at_each_window_once(world: World, store: Store) -> None:
    ticks = []
    while world.now < MONDAY + 26 * WEEK:
        ticks.append(world.tick(store))
        world.now += timedelta(hours=9)
    assert weeks_of(ticks) == list(range(25))
    assert all(tick.trigger is None for tick in ticks)
    # looked for only where a window is complete: the first ticks, until there is one, and each of its ends
    assert world.num_reports < 50
    assert world.num_counts == 1


def test_windows_that_ended_while_nobody_watched_are_all_looked_at(world: World, store: Store) -> None:
    world.now = MONDAY + 3 * WEEK
    first = world.tick(store)
    assert weeks_of([first]) == [2]  # a watch that begins looks at the newest alone
    world.now = MONDAY + 8 * WEEK
    assert weeks_of([world.tick(store)]) == [3, 4, 5, 6, 7]
    assert weeks_of([world.tick(store)]) == []


def test_what_is_said_late_of_a_window_is_looked_at_with_the_next_and_told_once(world: World, store: Store) -> None:
    world.now = MONDAY + 2 * WEEK
    assert weeks_of([world.tick(store)]) == [1]
    world.now = MONDAY + 4 * WEEK
    assert weeks_of([world.tick(store)]) == [2, 3]
    # corrections show what nobody could see before in the third week; of the first, nobody watched
    world.alarms, world.words = {0, 2, 3}, dict.fromkeys((0, 2, 3), "more")
    looks = world.num_reports
    world.now += timedelta(days=1)
    assert (world.tick(store).reports, world.num_reports) == ([], looks)
    world.now = MONDAY + 5 * WEEK
    late = world.tick(store)
    assert weeks_of([late]) == [2, 3, 4]
    assert [(alert.state, alert.window.since) for alert in late.alerts] == [
        ("begun", MONDAY + 2 * WEEK),
        ("ended", MONDAY + 4 * WEEK),
    ]
    world.now = MONDAY + 6 * WEEK
    again = world.tick(store)
    assert (weeks_of([again]), again.alerts) == ([5], [])
    # a word that went with its exchange is no news, and four windows later nobody looks again
    world.num_removed[5], world.words[5] = 1, "less"
    world.alarms.add(1)
    world.words[1] = "more"
    world.now = MONDAY + 7 * WEEK
    assert weeks_of([world.tick(store)]) == [6]


@pytest.mark.thorough
def test_drift_is_told_once_and_answered_by_one_round(world: World, store: Store) -> None:
    world.alarms = {2, 3, 4}
    ticks = []
    for _ in range(7 * 8):
        ticks.append(world.tick(store))
        world.now += timedelta(days=1)
    told = [(alert.state, alert.feature) for tick in ticks for alert in tick.alerts]
    assert told == [("begun", "length"), ("ended", "length")]
    assert [alert.state for alert in read_alerts(world.folder / "alerts.jsonl")] == ["begun", "ended"]
    # each week with an alarm lies after the round of the one before
    assert [each.trigger["by"] for each in rounds(store, "bot")] == ["drift"] * 3


@pytest.mark.thorough
def test_rows_of_feedback_and_the_interval_call_for_rounds(world: World, store: Store) -> None:
    world.num_unseen = 200
    (first, second) = (world.tick(store), world.tick(store))
    assert first.trigger == {"by": "feedback_rows", "rows": "200"}
    assert first.round is not None
    assert second.trigger is None
    triggers = []
    for _ in range(100):
        world.now += timedelta(days=1)
        triggers.append(world.tick(store, "improve: {when: {every: 30d}}\n").trigger)
    assert [number for number, trigger in enumerate(triggers, 1) if trigger] == [30, 60, 90]


def test_rows_are_counted_again_when_there_is_news(world: World, store: Store) -> None:
    world.tick(store)
    world.num_unseen = 200
    assert world.tick(store).trigger is None
    store.add_feedback(feedback(1, exchange(1)))
    store.flush()
    assert world.tick(store).round is not None
    assert world.num_counts == 2
    # what came in while the round was made is counted after it
    world.num_unseen = 300
    assert world.tick(store).trigger == {"by": "feedback_rows", "rows": "300"}
    assert world.tick(store).trigger is None
    assert world.tick(store, "feedback: {use: all}\n").trigger is None
    decide(store, [Decision(feedback(1, exchange(1)).id, "accepted", "ann", world.now)])
    world.num_unseen = 200
    assert world.tick(store).trigger is not None


def test_a_round_that_a_person_called_for_counts(world: World, store: Store) -> None:
    world.now, world.alarms = MONDAY + WEEK - HOUR, {0}
    world.improve(world.job(), store, {"by": "command"})
    world.now = MONDAY + WEEK + HOUR
    tick = world.tick(store)
    assert [alert.state for alert in tick.alerts] == ["begun"]
    assert tick.trigger is None


def test_without_a_champion_windows_are_watched_and_nothing_is_trained(world: World) -> None:
    world.now, world.alarms, world.num_unseen = MONDAY + WEEK + HOUR, {0}, 1000
    with world.open_store() as empty:
        tick = world.tick(empty)
    assert [alert.state for alert in tick.alerts] == ["begun"]
    assert (tick.trigger, tick.round) == (None, None)


def test_a_round_that_was_cut_off_goes_on_before_anything_else(world: World, store: Store) -> None:
    world.now, world.alarms = MONDAY + WEEK + HOUR, {0}
    world.failures = [Interrupted("stopped")]
    with pytest.raises(Interrupted):
        world.tick(store)
    world.now += timedelta(hours=3)
    tick = world.tick(store)
    assert tick.round is not None
    assert tick.round.state == "refused"
    assert tick.alerts == []  # told by the tick that was cut off
    assert [each.id for each in rounds(store, "bot")] == [tick.round.id]
    assert "watching.due.continued" in world.said.keys
    assert world.tick(store).trigger is None


def test_a_round_of_a_recipe_that_was_changed_is_called_for_once(world: World, store: Store) -> None:
    """It stays as it is, and another one takes its place."""
    stale = Round("stale", "bot", "trained", {"by": "drift"}, "support-bot@1", None, None, (), MONDAY, MONDAY)
    begin_round(store, stale)
    calls: list[Trigger] = []

    def improve(job: Job, store: Store, trigger: Trigger) -> Round:
        calls.append(trigger)
        return replace(stale, id="another", state="promoted")

    for _ in range(3):
        with watching(world.job(), store, replace(world.stages(), improve=improve)) as held:
            held.tick()
        world.now += HOUR
    assert calls == [{"by": "drift"}]


def test_a_tick_that_fails_is_done_again_and_tells_nothing_twice(world: World, store: Store) -> None:
    world.now, world.alarms = MONDAY + WEEK + HOUR, {0}
    world.failures = [RunFailed("store-unavailable", problem="disk"), RunFailed("store-unavailable", problem="disk")]
    for _ in range(2):
        with pytest.raises(RunFailed):
            world.tick(store)
    done = world.tick(store)
    assert weeks_of([done]) == [0]
    assert len(read_alerts(world.folder / "alerts.jsonl")) == 1
    assert len(rounds(store, "bot")) == 1


def test_drift_without_a_row_to_learn_from_is_told_once_a_window(world: World, store: Store) -> None:
    world.now, world.alarms = MONDAY + WEEK + HOUR, {0, 1}
    rows = TunesmithError("improve-no-rows")

    def improve(job: Job, store: Store, trigger: Trigger) -> Round:
        raise rows

    stages = replace(world.stages(), improve=improve)
    for _ in range(14):
        with watching(world.job(), store, stages) as held:
            assert held.tick().round is None
        world.now += timedelta(days=1)
    assert world.said.keys.count("watching.no-rows") == 2


# clocks


def test_a_clock_that_jumped_ahead_and_back_is_told_and_watching_goes_on(world: World, store: Store) -> None:
    world.now = MONDAY + 3 * WEEK + HOUR
    world.tick(store)
    world.now = MONDAY + 50 * WEEK
    assert weeks_of([world.tick(store)])[-1] == 49
    world.now = MONDAY + 4 * WEEK + HOUR
    assert weeks_of([world.tick(store)]) == [3]
    assert world.said.keys.count("watching.clock") == 1
    world.now = MONDAY + 5 * WEEK + HOUR
    assert weeks_of([world.tick(store)]) == [4]


def test_a_round_of_a_clock_that_ran_ahead_holds_no_other_up(world: World, store: Store) -> None:
    world.now, world.num_unseen, world.alarms = MONDAY + 50 * WEEK, 200, {3, 4}
    assert world.tick(store).trigger is not None
    world.now = MONDAY + 4 * WEEK + HOUR
    assert (world.tick(store).trigger or {})["by"] == "drift"
    assert world.tick(store).trigger is None
    world.now = MONDAY + 5 * WEEK + HOUR
    assert (world.tick(store).trigger or {})["by"] == "drift"


def test_a_clock_that_is_set_back_a_little_is_waited_for(world: World, store: Store) -> None:
    world.now = MONDAY + 3 * WEEK + HOUR
    world.tick(store)
    world.now = MONDAY + 3 * WEEK - CLOCK_SLACK + HOUR
    assert weeks_of([world.tick(store)]) == []
    world.now = MONDAY + 4 * WEEK
    assert weeks_of([world.tick(store)]) == [3]
    assert "watching.clock" not in world.said.keys


# the webhook beside it


def test_a_webhook_that_hangs_fails_no_round(world: World, store: Store) -> None:
    world.now, world.alarms = MONDAY + WEEK + HOUR, {0}
    with trap(hangs) as made:
        receiver = Receiver(Webhook(url=made.url, private=True), whole_seconds=0.1)
        sink = Sink(world.folder / "watch" / "bot.outbox.json", receiver, 100, store.clock)
        tick = Watch(world.job(), store, world.stages(), sink).tick()
    assert tick.round is not None
    assert (tick.delivered.num_delivered, tick.delivered.num_waiting) == (0, 1)
    assert "alert.problem.slow" in world.said.keys


def test_what_was_not_delivered_is_tried_by_a_later_watch(world: World, store: Store) -> None:
    world.now, world.alarms = MONDAY + WEEK + HOUR, {0}
    with trap(answers(500, 500, 204)) as made:
        section = f"monitor: {{alerts: {{webhook: {{url: '{made.url}', private: true}}}}}}\n"
        waiting = []
        for _ in range(4):
            waiting.append(world.tick(store, section).delivered.num_waiting)
            world.now += TICK
    assert waiting == [1, 1, 0, 0]
    assert len({post.headers["idempotency-key"] for post in made.posts}) == 1
    assert read_outbox(world.folder / "watch" / "bot.outbox.json").num_delivered == 1


# the loop


def test_a_loop_waits_longer_with_each_failure_and_ends_when_it_is_told(world: World, store: Store) -> None:
    failure = RunFailed("store-unavailable", problem="locked")
    left = [failure] * 12
    waits: list[timedelta] = []
    ticks: list[Tick] = []

    def reports(job: Job, store: Store) -> list[HealthReport]:
        if left:
            raise left.pop()
        return []

    def wait(pause: timedelta) -> bool:
        waits.append(pause)
        world.now += pause
        return len(waits) == 14

    with watching(world.job(), store, replace(world.stages(), reports=reports)) as held:
        watch(held, ticks.append, wait)
    minutes = [pause.total_seconds() / 60 for pause in waits]
    assert minutes[:5] == [10, 20, 40, 80, 160]
    assert minutes[11] == MAX_WAIT.total_seconds() / 60
    assert minutes[12:] == [5, 5]
    assert len(ticks) == 2
    assert "[store-unavailable]" in world.said.lines[0]


def test_an_interruption_ends_the_loop(world: World, store: Store) -> None:
    world.num_unseen, world.failures = 200, [Interrupted("stopped")]
    with watching(world.job(), store, world.stages()) as held, pytest.raises(Interrupted):
        watch(held, lambda tick: None, lambda pause: True)


def test_one_process_at_a_time_watches_with_a_recipe(world: World, store: Store) -> None:
    with watching(world.job(), store, world.stages()):
        with pytest.raises(RunFailed) as refused, watching(world.job(), store, world.stages()):
            pass
        assert refused.value.code == "watch-busy"
    with watching(world.job(), store, world.stages()) as held:
        held.tick()


def test_a_damaged_standing_is_told(world: World, store: Store) -> None:
    world.tick(store)
    (world.folder / "watch" / "bot.json").write_text("[", encoding="utf-8")
    with pytest.raises(RunFailed) as refused:
        world.tick(store)
    assert refused.value.code == "watch-damaged"
