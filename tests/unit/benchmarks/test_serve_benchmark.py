"""The parts of the benchmark `serve` that need no server of ours: what is counted, and what comes of the counts."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from benchmarks.outcome import missed_goals
from benchmarks.serve import (
    GOALS,
    crowd_figures,
    drain_figures,
    hostile_figures,
    kill_figures,
    queue_figures,
    race_figures,
    race_lines,
)
from benchmarks.serve_clients import Heard, body_of
from benchmarks.serve_hostile import HostileResult
from benchmarks.serve_trials import (
    Acknowledged,
    CrowdResult,
    DrainResult,
    KillResult,
    QueueResult,
    Race,
    Round,
    kept,
    queue_result,
)


def missed(figures: dict[str, float], part: str) -> set[str]:
    goals = {name: goal for name, goal in GOALS.items() if name.startswith(f"{part}/")}
    found = missed_goals({f"{part}/{name}": value for name, value in figures.items()}, goals)
    return {sentence.partition(":")[0].removeprefix(f"{part}/") for sentence in found}


def test_a_crowd_is_sound_where_nobody_was_lost_and_nothing_left() -> None:
    assert missed(crowd_figures(CrowdResult(500, 500, 500, 0, 0, 0.4))[0], "crowd") == set()
    assert missed(crowd_figures(CrowdResult(500, 499, 500, 0, 0, 0.4))[0], "crowd") == {"lost"}
    held = CrowdResult(500, 500, 500, 1, 2, float("inf"))
    assert missed(crowd_figures(held)[0], "crowd") == {"leaked", "settled_seconds"}


def test_a_queue_takes_exactly_its_limit_and_tells_the_others_when() -> None:
    taken, told, untold = Heard(200, "a", True), Heard(429, retry_after="1"), Heard(429)
    sound = queue_result([taken] * 5 + [told] * 7, 5)
    assert sound == QueueResult(12, 5, 5, 7, 7)
    assert missed(queue_figures(sound)[0], "queue") == set()
    too_many = queue_result([taken] * 6 + [told] * 6, 5)
    assert missed(queue_figures(too_many)[0], "queue") == {"taken_beyond_limit", "refused_without_retry_after"}
    silent = queue_result([taken] * 5 + [told] * 6 + [untold], 5)
    assert missed(queue_figures(silent)[0], "queue") == {"refused_without_retry_after"}
    # a stream that broke off was not taken
    assert queue_result([Heard(200, "a", False)], 5).num_taken == 0


def test_refusals_are_quick_all_of_them_and_leave_nothing() -> None:
    assert missed(hostile_figures(HostileResult(800, 0, 0.0999, "n: long text", 1 << 20))[0], "hostile") == set()
    slow = hostile_figures(HostileResult(800, 2, 0.101, "n: long text", 64 << 20))
    assert missed(slow[0], "hostile") == {"worst_milliseconds", "accepted", "grown_bytes"}
    assert "101 ms (n: long text)" in slow[1][0][1]


def test_a_stop_is_sound_where_every_stream_ends() -> None:
    assert missed(drain_figures(DrainResult(16, 16, 0, True))[0], "drain") == set()
    assert missed(drain_figures(DrainResult(16, 15, -15, True))[0], "drain") == {"cut", "exit_code"}


def test_what_was_acknowledged_is_looked_for_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE exchanges (id TEXT PRIMARY KEY)")
        connection.execute("CREATE TABLE feedback (id TEXT PRIMARY KEY)")
        connection.executemany("INSERT INTO exchanges VALUES (?)", [("ex-1",), ("ex-2",), ("ex-9",)])
        connection.execute("INSERT INTO feedback VALUES ('fb-1')")
    whole = kept(file, 30, Acknowledged({"ex-1", "ex-2"}, {"fb-1"}))
    assert whole == KillResult(30, 2, 1, 0, 0, True)
    torn = kept(file, 30, Acknowledged({"ex-1", "ex-3"}, {"fb-2"}))
    assert (torn.lost_exchanges, torn.lost_feedback) == (1, 1)
    assert "lost" in missed(kill_figures(torn)[0], "kill")
    many = KillResult(30, 400, 300, 0, 0, True)
    assert missed(kill_figures(many)[0], "kill") == set()
    # that nothing was lost says nothing where little was promised
    assert missed(kill_figures(KillResult(30, 3, 0, 0, 0, True))[0], "kill") == {"exchanges", "feedback"}


def test_the_ratio_is_the_median_of_the_rounds() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    race = Race(tokenizer, 16, 4, 64)
    race.rounds = {
        "ours": [Round(300, 1.0, (0.1, 0.2)), Round(400, 1.0, (0.3,)), Round(900, 1.0, (0.4,))],
        "transformers": [Round(100, 1.0, (1.0,)), Round(200, 1.0, (2.0,)), Round(300, 1.0, (3.0, 4.0))],
    }
    race.answers = {"ours": ["a ", "b"], "transformers": ["a", "c"]}
    figures = race_figures(race)
    assert figures["ratio"] == 3.0
    assert figures["ours/tokens_per_second"] == 400.0
    assert figures["transformers/first_token_p50"] == 3.0
    assert figures["same_answers"] == 0.5
    assert len(race_lines(race)) == 3
    assert missed(figures, "race") == set()


def test_requests_are_the_same_for_all_and_differ_from_each_other() -> None:
    bodies = [body_of("m", number, 8) for number in range(40)]
    texts = [body["messages"][0]["content"] for body in bodies]
    assert len(set(texts)) == 40
    assert all(body["temperature"] == 0.0 for body in bodies)
    assert body_of("m", 0, 8, temperature=2.0)["temperature"] == pytest.approx(2.0)
