"""The page for raters: nothing in it can break out, nobody is named, and what it gives back is checked."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rating_material import rated_scorecard, tasks_for

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.ratings import read_ratings
from tunesmith.errors import TunesmithError
from tunesmith.evaluate.rating import RatingPlan, rating_tasks
from tunesmith.lifecycle.ratings import import_files, rated_of, scorecard_at, write_page

EVIL = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> 答案：“是” \u2028 & \x1b[31m {{ 7 * 7 }}"


def plan(*, is_pairs: bool = False, rater: str = "anna") -> RatingPlan:
    return RatingPlan(("base", "tuned"), is_pairs, rater, 4, seed=2)


def parts(page: str) -> tuple[dict[str, Any], str]:
    """The data of the page as a browser would read it, and its script."""
    data, script = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    return json.loads(data), script


def given_back(scorecard: Scorecard, this: RatingPlan) -> dict[str, Any]:
    """What the page would download once everything has its highest grade, or the left answer is preferred."""
    tasks = rating_tasks(scorecard.samples(), this)
    ratings = [
        {"task": n, "shown": task.shown, "dimension": dimension, "value": "left" if this.is_pairs else 5,
         "comment": "很好", "time": "2026-01-01T12:00:00.000Z"}
        for n, task in enumerate(tasks)
        for dimension in task.dimensions
    ]  # fmt: skip
    head = {"rater": this.rater, "seed": this.seed, "num_items": this.num_items, "is_pairs": this.is_pairs}
    return {"kind": "ratings-pack", "format": 1, "arms": list(this.arms), **head, "ratings": ratings}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("is_pairs", [False, True])
def test_whatever_a_model_wrote_stays_text(tmp_path: Path, language: Any, is_pairs: bool) -> None:
    scorecard = rated_scorecard(tmp_path / "card", said=lambda arm, number: f"{arm} {EVIL}")
    file = tmp_path / "page.html"
    write_page(scorecard, plan(is_pairs=is_pairs), file, language)
    page = file.read_text(encoding="utf-8")
    data, script = parts(page)  # two scripts and no third
    assert "onerror=alert(2)" not in page.replace("\\u003cimg src=x onerror", "")
    texts = {answer["text"] for task in data["tasks"] for answer in task["answers"]}
    assert texts == {f"base {EVIL}", f"tuned {EVIL}"}
    policy = html.unescape(str(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]))  # type: ignore[index]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.split("; ") == [
        *("default-src 'none'", "style-src 'unsafe-inline'", "img-src data:", f"script-src 'sha256-{digest}'")
    ]
    assert not re.findall(r"https?://", page)
    assert "innerHTML" not in script
    assert data["dimensions"] == (["preference"] if is_pairs else ["accuracy", "fluency", "domain_fit"])


def test_no_answer_says_whose_it_is(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", said=lambda arm, number: str(len(arm)))
    write_page(scorecard, plan(), tmp_path / "page.html", "en")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    data, script = parts(page)
    assert not re.search("base|tuned|i00", json.dumps(data["tasks"]))
    words = json.dumps(data["words"]["zh"], ensure_ascii=False)
    assert "错误或编造" in words
    used = set(re.findall(r'"((?:rate|pack)\.\w+)"', page.partition("<script")[0] + script))
    assert used
    assert used <= set(data["words"]["en"])


def test_what_comes_back_joins_the_ratings_once(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card")
    file = tmp_path / "ratings-anna.json"
    file.write_text(json.dumps(given_back(scorecard, plan())), encoding="utf-8")
    pairs = tmp_path / "ratings-bo.json"
    pairs.write_text(json.dumps(given_back(scorecard, plan(is_pairs=True, rater="bo"))), encoding="utf-8")
    came = import_files(scorecard, [file, pairs], tmp_path)
    assert [(one.rater, one.ratings, one.new) for one in came] == [("anna", 24, 24), ("bo", 4, 4)]
    assert [one.new for one in import_files(scorecard, [file], tmp_path)] == [0]
    (rated,) = rated_of(scorecard, tmp_path)
    assert rated.raters == {"anna": 24, "bo": 4}
    assert rated.scores["domain_fit"]["tuned"].value == 5.0
    # the sides that the page did not tell are those of the plan
    tasks = rating_tasks(scorecard.samples(), plan(is_pairs=True, rater="bo"))
    assert [r.arms for r in read_ratings(tmp_path / "ratings" / "bo.jsonl")] == [task.arms for task in tasks]
    assert rated.preferences[0].won == sum(task.arms[0] == "tuned" for task in tasks)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"format": 2}, "pack-file", "format"),
        ({"kind": "ratings"}, "pack-file", "kind"),
        ({"rater": "bo"}, "pack-other", "ratings[0]"),
        ({"more": 1}, "pack-file", "more"),
        ({"ratings.3.value": 6}, "pack-file", "ratings[3]"),
        ({"ratings.3.value": "left"}, "pack-file", "ratings[3]"),
        ({"ratings.3.task": -1}, "pack-file", "ratings[3].task"),
        ({"ratings.3.dimension": "tone"}, "pack-file", "ratings[3].dimension"),
        ({"ratings.3.task": 99}, "pack-other", "ratings[3]"),
        ({"ratings.3.shown": "0" * 16}, "pack-other", "ratings[3]"),
        ({"seed": 3}, "pack-other", "ratings[0]"),
        ({"arms": ["base", "march"]}, "pack-other", None),
    ],
)
def test_what_is_wrong_is_told_with_its_field_and_nothing_is_kept(
    tmp_path: Path, change: dict[str, Any], code: str, field: str | None
) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 60)
    told = given_back(scorecard, plan())
    for path, value in change.items():
        branch: Any = told
        *parents, last = path.split(".")
        for part in parents:
            branch = branch[int(part) if part.isdecimal() else part]
        branch[last] = value
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(given_back(scorecard, plan(rater="bo"))), encoding="utf-8")
    bad.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(TunesmithError) as caught:
        import_files(scorecard, [good, bad], tmp_path)
    assert caught.value.code == code
    assert not (tmp_path / "ratings").exists()
    assert caught.value.place is not None
    assert (caught.value.place.file, caught.value.place.field) == (str(bad), field)


def test_a_file_that_is_none_or_names_no_rater_is_refused(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card")
    file = tmp_path / "back.json"
    for content, code in (
        (None, "pack-file"),
        (b"\xff{", "pack-file"),
        (json.dumps(given_back(scorecard, plan(rater="../anna"))).encode(), "rater-name"),
    ):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(TunesmithError, match=code):
            import_files(scorecard, [file], tmp_path)


def test_a_run_leads_to_its_newest_scorecard(tmp_path: Path) -> None:
    made = rated_scorecard(tmp_path / "artifacts" / "scorecard" / "k2")
    run = tmp_path / "runs" / "desk"
    run.mkdir(parents=True)
    with pytest.raises(TunesmithError, match="rate-scorecard"):
        scorecard_at(run, tmp_path)
    events = [
        {"time": "t", "attempt": 1, "type": "artifact", "data": {"kind": kind, "key": key}}
        for kind, key in (("scorecard", "k1"), ("scorecard", "k2"), ("tuned_model", "m"))
    ]
    from tunesmith.artifacts.run import Event, event_to_json

    lines = [event_to_json(Event("artifact", "t", 1, event["data"], None)) for event in events]  # type: ignore[arg-type]
    (run / "events.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    assert scorecard_at(run, tmp_path).folder == made.folder == scorecard_at(made.folder, tmp_path).folder
    assert len(tasks_for(made, "x")) == 12
