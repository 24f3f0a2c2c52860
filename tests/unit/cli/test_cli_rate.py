"""A rater at the terminal: one key an answer, back, left and resumed; and what the verb tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rating_material import choices, grades, rated_scorecard, tasks_for
from typer.testing import CliRunner

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.ratings import append_ratings, newest, ratings_file
from tunesmith.cli.app import app
from tunesmith.cli.rate import Desk, rated_lines
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.evaluate.rated import Answered, of_people
from tunesmith.evaluate.rating import RatingPlan, rating_tasks
from tunesmith.records import Rating


@pytest.fixture(autouse=True)
def fresh_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)


def desk(
    scorecard: Scorecard, keys: str, kept: list[Rating], *, is_pairs: bool = False, say: Callable[[str], None] = str
) -> Desk:
    plan = RatingPlan(("base", "tuned"), is_pairs, "anna", 2)
    pressed = iter(keys)
    return Desk(
        tasks=rating_tasks(scorecard.samples(), plan),
        plan=plan,
        known=list(kept),
        keep=kept.append,
        key=lambda: next(pressed),
        line=lambda: "says too much",
        say=say,
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )


def test_one_key_is_one_answer_and_the_rest_comes_later(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card")
    kept: list[Rating] = []
    assert desk(scorecard, "54x301q", kept).work() == "5 of 12 answers given; the same command goes on"
    tasks = rating_tasks(scorecard.samples(), RatingPlan(("base", "tuned"), False, "anna", 2))
    assert [(r.dimension, r.value) for r in kept] == [
        *(("accuracy", 5), ("fluency", 4), ("domain_fit", 3), ("accuracy", None), ("fluency", 1))
    ]
    assert [r.shown for r in kept] == [tasks[0].shown] * 3 + [tasks[1].shown] * 2
    assert {(r.rater, r.time) for r in kept} == {("anna", "2026-01-01T00:00:00+00:00")}
    assert desk(scorecard, "2222222", kept).work() == "all 12 answers given"
    assert len(kept) == 12
    assert kept[5].dimension == "domain_fit"
    assert desk(scorecard, "", kept).work() == "all 12 answers given"


def test_keys_in_full_width_and_capitals_are_the_same_keys(tmp_path: Path) -> None:
    kept: list[Rating] = []
    assert desk(rated_scorecard(tmp_path / "card"), "５４Ｃ０Q", kept).work().startswith("3 of 12")
    assert [rating.value for rating in kept] == [5, 4, None]


def test_going_back_takes_an_answer_anew(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card")
    kept: list[Rating] = []
    desk(scorecard, "123bb5c4q", kept).work()
    # from the second answer's first question back over two to the first answer's second
    assert [r.value for r in newest(kept)] == [1, 5, 3, 4]
    assert [r.comment for r in kept] == ["", "", "", "", "says too much"]
    assert len({r.item + r.arms[0] for r in kept}) == 2


def test_pairs_are_chosen_from(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card")
    kept: list[Rating] = []
    shown: list[str] = []
    desk(scorecard, "5tr14", kept, is_pairs=True, say=shown.append).work()
    assert [r.value for r in kept] == ["left", "both_bad"]
    told = "\n".join(shown)
    assert "Left answer" in told
    assert "thought" in told  # only after the key t
    assert told.index("keys: 1-4") < told.index("thought")
    assert told.index("keys: 1-4") < told.index("reference ")


def test_an_answer_cannot_act_on_the_terminal_nor_be_told_by_its_arm(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", said=lambda arm, number: "\x1b]0;owned\x07red\x9b31m\r答案\tok\n")
    shown: list[str] = []
    desk(scorecard, "q", [], say=shown.append).work()
    told = "\n".join(shown)
    assert "\ufffd]0;owned\ufffdred\ufffd31m\ufffd答案\tok" in told
    assert not {"\x1b", "\x9b", "\x07", "\r"} & set(told)
    assert "base" not in told
    assert "tuned" not in told


def call(*words: object) -> tuple[int, str]:
    told = CliRunner().invoke(app, [str(word) for word in words])
    assert told.exception is None or told.exit_code
    return told.exit_code, told.stdout


@pytest.mark.thorough
def test_the_verb_tells_what_came_of_ratings(tmp_path: Path) -> None:
    card = tmp_path / "card"
    scorecard = rated_scorecard(card, 30)
    words = ("--workspace", tmp_path, "rate", card, "--results")
    assert call(*words) == (0, "nobody has rated these answers yet\n")
    for rater, shift in (("anna", 0), ("bo", 1)):
        said = grades(scorecard, rater, lambda task, shift=shift: min(5, 1 + int(task.item[1:]) % 4 + shift))  # type: ignore[misc]
        said += choices(scorecard, rater, lambda task: "left" if task.arms[0] == "tuned" else "right")
        append_ratings(ratings_file(tmp_path, rater), said)
    code, told = call(*words)
    assert code == 0
    assert "anna 90, bo 90" in told
    assert "Tuned model against Base model" in told
    assert "Krippendorff's alpha" in told
    code, told = call(*words, "--json")
    (found,) = json.loads(told)["ratings"]
    assert found["preferences"][0]["won"] == 60
    expected = of_people(Answered.of(scorecard), [])
    assert expected is None
    assert found["scores"]["accuracy"]["base"]["n"] == 60


@pytest.mark.thorough
def test_a_page_is_written_and_what_is_missing_is_told(tmp_path: Path) -> None:
    card = tmp_path / "card"
    rated_scorecard(card)
    page = tmp_path / "anna.html"
    assert call("rate", card, "--rater", "anna", "--html", page, "--items", 3)[0] == 0
    assert page.read_bytes().startswith(b"<!doctype html>")
    for words, code in (
        (("rate", card, "--html", page), "rate-who"),
        (("rate", card, "--rater", "anna"), "rate-terminal"),
        (("rate", card, "--rater", "a/b", "--html", page), "rater-name"),
        (("rate", card, "--rater", "anna", "--html", page, "--arm", "march"), "rate-arm"),
        (("rate", tmp_path / "nothing"), "rate-scorecard"),
    ):
        failure = CliRunner().invoke(app, [str(word) for word in words]).exception
        assert code in str(failure)


def test_lines_have_no_hole_where_little_is_known(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 2)
    rated = of_people(Answered.of(scorecard), choices(scorecard, "anna", lambda task: None))
    assert rated is not None
    assert "Ratings without a judgement (cannot tell): 2." in "\n".join(rated_lines(rated))
    assert len(tasks_for(scorecard, "anna")) == 4
