"""The part of the report on ratings: the figures of the ratings, in both languages, whatever a model is called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pages import Page, numbers
from rating_material import choices, grades, rated_scorecard
from report_material import make_products

from tunesmith.artifacts.rated import Rated
from tunesmith.artifacts.ratings import JudgeHead
from tunesmith.evaluate.rated import Answered, of_judge, of_people
from tunesmith.metrics.wording import Language, Words
from tunesmith.report import report
from tunesmith.report.view import report_view

HEAD = JudgeHead(model="<b>judge</b>", url="http://x", prompt="ab" * 32, same_family=["tuned"])


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rated, Rated]:
    scorecard = rated_scorecard(tmp_path_factory.mktemp("rated") / "card", 20)
    answered = Answered.of(scorecard)
    people = [
        rating
        for rater, shift in (("anna", 0), ("安娜", 1))
        for rating in grades(scorecard, rater, lambda task, shift=shift: 1 + (int(task.item[1:]) + shift) % 4)  # type: ignore[misc]
    ]
    people += choices(scorecard, "anna", lambda task: "left" if task.arms[0] == "tuned" else "tie")
    judged = grades(scorecard, "m", lambda task: 1 + int(task.item[1:]) % 5)
    by_people = of_people(answered, people)
    assert by_people is not None
    return by_people, of_judge(answered, HEAD, judged, people)


@pytest.mark.thorough
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_has_what_people_and_the_judge_said(
    tmp_path: Path, rated: tuple[Rated, Rated], language: Language
) -> None:
    products = replace(make_products(tmp_path), rated=rated)
    text = report(products, language=language, out=tmp_path / "out").html.read_text(encoding="utf-8")
    page, words = Page(text), Words(language)
    rows = page.tables["grades"]
    assert len(rows) == 2 * 3  # of people and of the judge: a head and two arms each
    for row, arm in zip(rows[1:3], ("base", "tuned"), strict=True):
        found = rated[0].scores["accuracy"][arm]
        assert row[0].strip() == words.arm(arm)
        assert numbers(row[1]) == pytest.approx(
            [round(n, 3) for n in (found.value, found.low, found.high) if n is not None]
        )
    (_, preference) = page.tables["preferences"]
    told = rated[0].preferences[0]
    assert [int(cell) for cell in preference[1:5]] == [told.won, told.lost, told.ties, told.both_bad]
    said = page.texts["ratings"]
    assert "安娜 40" in said
    assert words("rated.judge.family", arms=words.arm("tuned")) in said
    assert "<b>judge</b>" in said
    assert "<b>judge</b>" not in text
    kappa = rated[1].judge.kappa["accuracy"]  # type: ignore[union-attr]
    assert f"{kappa.value:.3f}" in said.replace("−", "-")
    assert words("rated.judge.few_people", dimension=words("rating.accuracy")) in said


@pytest.mark.thorough
def test_a_run_that_nobody_rated_has_no_such_part(tmp_path: Path) -> None:
    products = make_products(tmp_path)
    assert report_view(products, Words("en")).ratings == ()
    text = report(products, language="en", out=tmp_path / "out").html.read_text(encoding="utf-8")
    assert "ratings" not in Page(text).texts
    assert 'href="#ratings"' not in text
