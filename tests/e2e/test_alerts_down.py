"""Receivers that hang, break off, fail, drip, flood and lead elsewhere: nothing is lost, sent twice or held up."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from alert_material import (
    MONDAY,
    WEEK,
    Behave,
    answers,
    body,
    drips,
    floods,
    hangs,
    is_silent,
    resets,
    shift,
    trap,
)
from killing import fork, num_operations

from tunesmith.monitor.alerts import Alert, Source, alerts_of
from tunesmith.monitor.deliver import FIRST_WAIT, Sink, append_alerts, read_alerts, read_outbox
from tunesmith.monitor.webhook import Receiver
from tunesmith.recipe.alerts import Alerts, Webhook

NOW = MONDAY + WEEK
WHOLE_SECONDS = 0.3
NUM_ALERTS = 4


def alerts() -> list[Alert]:
    found: list[Alert] = []
    for week in range(NUM_ALERTS):
        found += alerts_of(body(week, shift(is_alarm=week % 2 == 0)), Alerts(), found, Source("bot", f"health/{week}"))
    return found


def sink(folder: Path, url: str, *, after: timedelta = timedelta()) -> Sink:
    receiver = Receiver(Webhook(url=url, private=True), whole_seconds=WHOLE_SECONDS)
    return Sink(folder / "outbox.json", receiver, 100, lambda: NOW + after)


@pytest.mark.parametrize(
    ("behave", "problem"),
    [
        (hangs, "alert.problem.slow"),
        (is_silent, "alert.problem.slow"),
        (drips, "alert.problem.slow"),
        (resets, "alert.problem.failed"),
        (answers(500), "alert.problem.status"),
        (answers(429), "alert.problem.status"),
    ],
    ids=["hangs", "silent", "drips", "resets", "500", "429"],
)
def test_a_receiver_that_is_down_costs_one_post_and_loses_nothing(behave: Behave, problem: str, tmp_path: Path) -> None:
    log = alerts()
    with trap(behave) as made:
        begun = time.monotonic()
        done = sink(tmp_path, made.url).deliver(log)
        assert time.monotonic() - begun < WHOLE_SECONDS + 2
        assert made.num_connections == 1
        assert done.problem is not None
        assert done.problem.key == problem
        # not asked again before its time
        sink(tmp_path, made.url, after=FIRST_WAIT / 2).deliver(log)
        assert made.num_connections == 1
    assert (done.num_delivered, done.num_waiting, done.num_dropped) == (0, NUM_ALERTS, 0)
    with trap(answers(200), port=made.port) as up:
        assert sink(tmp_path, up.url, after=FIRST_WAIT).deliver(log).num_delivered == NUM_ALERTS
        assert sink(tmp_path, up.url, after=FIRST_WAIT * 9).deliver(log).num_delivered == 0
    assert [post.headers["idempotency-key"] for post in up.posts] == [alert.id for alert in log]


def test_a_port_that_nobody_listens_at(tmp_path: Path) -> None:
    with trap(answers(200)) as made:
        pass
    done = sink(tmp_path, made.url).deliver(alerts())
    assert done.problem is not None
    assert done.problem.key == "alert.problem.failed"
    assert "ConnectionRefused" in str(done.problem.parameters["failure"])


def test_an_answer_without_an_end_is_taken_and_not_read(tmp_path: Path) -> None:
    with trap(floods) as made:
        begun = time.monotonic()
        assert sink(tmp_path, made.url).deliver(alerts()).num_delivered == NUM_ALERTS
        assert time.monotonic() - begun < WHOLE_SECONDS * NUM_ALERTS


def test_a_redirect_leads_nowhere(tmp_path: Path) -> None:
    with trap(answers(200)) as elsewhere:
        with trap(answers(302, more=f"Location: {elsewhere.url}\r\n".encode())) as made:
            done = sink(tmp_path, made.url).deliver(alerts())
        assert (done.num_delivered, done.num_waiting) == (0, NUM_ALERTS)
        assert elsewhere.num_connections == 0


@pytest.mark.thorough
def test_a_kill_at_any_moment_loses_no_alert_and_sends_none_again_that_is_written_down(tmp_path: Path) -> None:
    def work(folder: Path, url: str) -> None:
        told = {alert.id for alert in read_alerts(folder / "alerts.jsonl")}
        append_alerts(folder / "alerts.jsonl", [alert for alert in alerts() if alert.id not in told])
        sink(folder, url).deliver(read_alerts(folder / "alerts.jsonl"))

    with trap(answers(204)) as made:
        counted = tmp_path / "counted"
        counted.mkdir()
        num = num_operations(partial(work, counted, made.url), counted, tmp_path / "note")
        assert num > NUM_ALERTS
        for kill_at in range(1, num + 1):
            folder = tmp_path / str(kill_at)
            folder.mkdir()
            made.posts.clear()
            assert not fork(partial(work, folder, made.url), folder, kill_at)
            taken = len(made.posts)
            written = read_outbox(folder / "outbox.json").num_delivered
            assert taken - written in (0, 1)  # taken, and killed before it was written down
            assert fork(partial(work, folder, made.url), folder)
            assert read_alerts(folder / "alerts.jsonl") == alerts()
            keys = [post.headers["idempotency-key"] for post in made.posts]
            assert sorted(set(keys)) == sorted(alert.id for alert in alerts())
            assert len(keys) == NUM_ALERTS + taken - written
            assert read_outbox(folder / "outbox.json").num_delivered == NUM_ALERTS
