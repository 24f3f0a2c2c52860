"""The page of a study, read back: every trial, the verdict, the goal, the lines."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from pages import Page

from tunesmith.artifacts.figures import Estimate
from tunesmith.artifacts.study import FILE, Importance, Judged, Sought, StudyBody, StudyTrial, write_study
from tunesmith.metrics.wording import Language, Words
from tunesmith.report.parallel import choice_axis, number_axis
from tunesmith.report.search import goal_sentences, shown, shown_at, study_page, trial_rows

HALF = Estimate(value=0.75, low=0.7, high=0.8, n=200)


def trial(number: int, rate: float, method: Any, values: list[tuple[float, float]], **more: Any) -> StudyTrial:
    taken = round(16 * values[-1][0]) if values else 0
    settings = {"train.learning_rate": rate, "train.method": method}
    state = more.pop("state", "pruned")
    told = {"number": number, "bracket": 0, "settings": settings, "state": state, "num_steps": 16}
    return StudyTrial.model_validate({**told, "num_taken": taken, "values": values, **more})


def body(**more: Any) -> StudyBody:
    lora = {"name": "lora", "rank": 8}
    told: dict[str, Any] = {
        "name": "desk <&>",
        "method": "lora",
        "metric": "eval/loss",
        "higher_is_better": False,
        "by": "random",
        "halving": 2,
        "seed": 7,
        "space": {
            "train.learning_rate": {"low": 0.001, "high": 0.1, "log": True, "step": None},
            "train.method": {"values": [lora, "full"]},
        },
        "trials": [
            trial(0, 0.001, lora, [(0.25, 3.0)]),
            trial(1, 0.01, "full", [(0.25, 1.0), (0.5, 0.5), (1.0, 0.25)], state="complete"),
            trial(2, 0.1, "full", [], state="failed", problem="diverged"),
            trial(3, 0.03, lora, [(0.25, 1.5), (0.5, 0.75)]),
            trial(4, 0.02, lora, [], state="failed", problem="[x] no <b>room</b>", num_steps=None),
        ],
        "ranking": [1, 3, 0],
        "num_steps": 28,
        "full_trials": 1.75,
        "is_done": True,
        "importance": Importance(
            shares={"train.learning_rate": 0.8, "train.method": 0.2}, num_trials=3, at=0.25, is_few=True
        ),
        "judged": Judged(run="runs/desk", report="r.html", word="better", metric="accuracy", test=HALF, base=None),
    }
    return StudyBody.model_validate(told | more)


def page(folder: Path, language: Language = "en", **more: Any) -> Page:
    return Page(study_page(body(**more), language=language, out=folder).read_text(encoding="utf-8"))


def test_every_trial_stands_in_its_order(tmp_path: Path) -> None:
    head, *rows = page(tmp_path).tables["trials"]
    assert [cell.strip() for cell in head][2:4] == ["train.learning_rate", "train.method"]
    cells = [[cell.strip() for cell in row] for row in rows]
    assert [row[:4] for row in cells] == [
        ["1", "1", "0.01", "full"],
        ["2", "3", "0.03", "lora (rank 8)"],
        ["3", "0", "0.001", "lora (rank 8)"],
        ["–", "2", "0.1", "full"],
        ["–", "4", "0.02", "lora (rank 8)"],
    ]
    assert [row[4:6] for row in cells][:3] == [["100%", "0.25"], ["50%", "0.75"], ["25%", "3"]]
    assert "no number" in cells[3][6]
    assert "no <b>room</b>" in cells[4][6]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_is_whole_in_both_languages_and_runs_no_script(tmp_path: Path, language: Language) -> None:
    read = page(tmp_path, language)
    assert "0.750" in read.texts["sentence"]
    assert "script" not in read.tags
    text = (tmp_path / "study.html").read_text(encoding="utf-8")
    assert "http" not in re.sub(r'http-equiv|"http://www.w3.org/[^"]*"', "", text)
    assert "desk &lt;&amp;&gt;" in text
    assert f"<code>tunesmith run {shlex.quote(str(tmp_path / 'best.yaml'))}</code>" in text


def test_the_lines_are_of_the_trials_that_were_measured_at_the_same_place(tmp_path: Path) -> None:
    text = study_page(body(), language="en", out=tmp_path).read_text(encoding="utf-8")
    strands = re.findall(r'class="strand (\w+)" points="([^"]+)"', text)
    assert [css_class for css_class, _ in strands] == ["other", "other", "best"]
    ends = [float(points.split()[-1].split(",")[1]) for _, points in strands]
    assert ends[2] == min(ends), "the best one stands highest"
    assert all(len(points.split()) == 3 for _, points in strands)
    assert shown_at(body()) == 0.25


def test_one_trial_alone_has_no_lines_and_no_importance(tmp_path: Path) -> None:
    alone = [trial(0, 0.01, "full", [(1.0, 0.5)], state="complete")]
    read = page(tmp_path, trials=alone, ranking=[0], importance=None, judged=None)
    assert "svg" not in read.tags
    assert "Too few trials" in read.texts["importance-about"]
    assert "not been judged" in read.texts["sentence"]


@pytest.mark.parametrize(
    ("confirmation", "said"),
    [
        ("confirmed", "Reached and confirmed"),
        ("within_error", "not surely confirmed"),
        ("missed", "and not confirmed"),
        (None, "Not reached"),
    ],
)
def test_a_goal_is_answered_in_plain_words(tmp_path: Path, confirmation: Any, said: str) -> None:
    validation = Estimate(value=0.9, low=0.8, high=0.95, n=50)
    sought = Sought(
        goal="accuracy>=0.8",
        metric="accuracy",
        validation=validation,
        test=HALF,
        is_reached=confirmation is not None,
        confirmation=confirmation,
    )
    assert said in page(tmp_path, sought=sought).texts["goal"]
    sentences = goal_sentences(sought, Words("zh"))
    assert "0.900" in sentences[1]
    assert "0.750" in sentences[2]


def test_a_study_whose_time_was_over_says_so(tmp_path: Path) -> None:
    assert "not-done" not in page(tmp_path).texts
    assert "same command" in page(tmp_path, is_done=False).texts["not-done"]


def test_axes_place_numbers_by_size_or_by_factors_and_choices_in_their_order() -> None:
    linear = number_axis("x", {0: 1.0, 1: 10.0, 2: 100.0}, log=False)
    assert linear.places == {0: 0.0, 1: pytest.approx(1 / 11), 2: 1.0}
    assert number_axis("x", {0: 1.0, 1: 10.0, 2: 100.0}, log=True).places[1] == pytest.approx(0.5)
    turned = number_axis("x", {0: 1.0, 2: 100.0}, log=False, turned=True)
    assert (turned.places, turned.labels) == ({0: 1.0, 2: 0.0}, ((1.0, "1"), (0.0, "100")))
    assert number_axis("x", {0: 2.0, 1: 2.0}, log=True).places == {0: 0.5, 1: 0.5}
    choices = choice_axis("x", {0: "b", 1: "c"}, ["a", "b", "c"])
    assert (choices.places, [place for place, _ in choices.labels]) == ({0: 0.5, 1: 1.0}, [0.0, 0.5, 1.0])


def test_settings_are_shown_short() -> None:
    assert [shown(value) for value in (None, True, 3, 0.00012345, "linear", {"name": "lora", "rank": 8})] == [
        "null",
        "true",
        "3",
        "0.000123",
        "linear",
        "lora (rank 8)",
    ]


def test_a_study_is_written_whole(tmp_path: Path) -> None:
    write_study(tmp_path, body())
    assert StudyBody.model_validate_json((tmp_path / FILE).read_bytes()) == body()
    assert [row.number for row in trial_rows(body(), Words("en"))] == [1, 3, 0, 2, 4]
