"""`tunesmith feedback`: the inbox, rows and reviews through the command line, in lines and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from store_material import exchange, feedback
from typer.testing import CliRunner

from tunesmith.cli.app import app
from tunesmith.cli.rate import Desk
from tunesmith.cli.session import OPTIONS, Options
from tunesmith.cli.show_feedback import visible
from tunesmith.errors import TunesmithError
from tunesmith.feedback.review import last_period
from tunesmith.lifecycle.feedback import Queue, import_reviews, keep_rating, known_ratings, queue_of, write_review_page
from tunesmith.records import CORRECTION, Exchange, Message
from tunesmith.runtime import utc_now
from tunesmith.store import Review, Store, add_reviews, open_store, review_ratings, reviews_of

RECIPE = """
name: support-bot
model: {base: "builtin:tiny"}
prepare: {sources: rows.jsonl, test_share: 0.2}
feedback:
  use: all
  review: {num_random: 5, num_unsure: 2}
"""


@pytest.fixture(autouse=True)
def fresh_options(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in vars(Options()).items():
        monkeypatch.setattr(OPTIONS, name, value)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    rows = [{"text": f"my {thing} {fault}", "label": fault} for thing in THINGS for fault in ("broke", "came late")]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return tmp_path


THINGS = ["kettle", "toaster", "phone", "lamp", "oven", "fridge", "camera", "heater", "radio", "mixer", "fan", "watch"]


@pytest.fixture
def store(here: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{here}/store.db", clock=utc_now, key_file=here / "store.key") as opened:
        yield opened


def served(number: int, **fields: Any) -> Exchange:
    """In the period that is over now."""
    at = last_period("7d", utc_now()).begin + timedelta(minutes=number)
    told = {
        "prompt": (Message("user", f"{THINGS[number % 12]} question {number * 7919}"),),
        "label": "broke",
        "confidence": 0.5,
        **fields,
    }
    return exchange(number, at=at, answer=Message("assistant", "broke"), **told)


def told(*words: str) -> str:
    OPTIONS.json = False
    done = CliRunner().invoke(app, list(words))
    if done.exception is not None:
        raise done.exception
    return done.stdout


def value_of(*words: str) -> Any:
    return json.loads(told(*words, "--json"))


@pytest.mark.thorough
def test_the_inbox_from_list_to_rows(here: Path, store: Store) -> None:
    assert "nothing to show" in told("feedback", "list")
    for number in range(4):
        store.record(served(number, key="shop"))
    hidden = served(9, prompt=(Message("user", "a\u200bb \x1b[31m"),))
    store.record(hidden)
    up, down = feedback(0, served(0)), feedback(1, served(0), value=-1, key="shop")
    right = feedback(2, served(1), kind="correction", value=None, text="came late")
    grade = feedback(3, served(2), kind="rating", value=5, dimension="accuracy")
    for one in (up, down, right, grade, feedback(4, hidden, kind="comment", value=None, text="what?")):
        store.add_feedback(one)
    store.flush()
    listed = told("feedback", "list")
    assert "a<U+200B>b <U+001B>[31m" in listed
    assert "\x1b" not in listed
    assert listed.count("contradictory") == 2
    assert "right: came late" in listed
    assert "Accuracy 5 of 5" in listed
    assert [entry["id"] for entry in value_of("feedback", "list", "--kind", "thumb")] == [up.id, down.id]
    assert [entry["id"] for entry in value_of("feedback", "list", "--key", "shop")] == [down.id]
    assert value_of("feedback", "list", "--since", "2026-03-02") == []
    assert len(value_of("feedback", "list", "--limit", "2")) == 2
    assert "3 earlier ones" in told("feedback", "list", "--limit", "2")
    assert "asked: kettle question 0" in told("feedback", "show", up.id)
    accepted = value_of("feedback", "accept", "--since", "2026-03-01", "--reason", "looked through")
    assert accepted["passed_over"] == 2
    assert right.id in accepted["feedback"]
    assert "dismissed: 1" in told("feedback", "dismiss", up.id, "--reason", "a slip")
    assert "is corrected" in told("feedback", "correct", down.id, "--text", "came late")
    shown = told("feedback", "show", down.id)
    assert "right: came late" in shown
    assert "corrected by" in shown
    assert value_of("feedback", "show", up.id)["decision"]["reason"] == "a slip"
    assert value_of("feedback", "list") == []
    assert len(value_of("feedback", "list", "--state", "accepted")) == 3
    assert len(value_of("feedback", "list", "--state", "all")) == 5
    made = value_of("feedback", "curate", "recipe.yaml")
    assert (made["num_rows"], made["num_ratings"], made["num_feedback"]) == (3, 1, 5)
    assert made["left_out"] == {"dismissed": 1, "comment": 1}
    assert (Path(made["folder"]) / "rows.jsonl").is_file()
    lines = told("feedback", "curate", "recipe.yaml")
    assert "rows 3, preferences 0, ratings 1; of 5" in lines
    assert "dismissed by a person" in lines
    assert "nothing looks planted" in lines
    assert value_of("feedback", "curate", "recipe.yaml") == made


@pytest.mark.thorough
def test_what_is_not_said_clearly_is_refused(here: Path, store: Store) -> None:
    for words, code in (
        (("accept",), "feedback-unnamed"),
        (("dismiss", "fb-1", "--key", "shop"), "feedback-both"),
        (("accept", "fb-1"), "feedback-unknown"),
        (("show", "fb-1"), "feedback-unknown"),
        (("correct", "fb-1", "--text", " "), "feedback-text"),
        (("review", "recipe.yaml", "--results"), "review-nothing"),
    ):
        with pytest.raises(TunesmithError, match=code):
            told("feedback", *words)
    assert value_of("feedback", "accept", "--key", "nobody") == {"state": "accepted", "feedback": [], "passed_over": 0}


@pytest.mark.thorough
def test_a_review_by_page_and_its_results(here: Path, store: Store) -> None:
    for number in range(20):
        store.record(served(number, confidence=number / 20))
    store.flush()
    with pytest.raises(TunesmithError, match="review-terminal"):
        told("feedback", "review", "recipe.yaml")
    with pytest.raises(TunesmithError, match="review-who"):
        told("feedback", "review", "recipe.yaml", "--html", "a.html")
    assert "5 answers drawn at random, 2 for doubt" in told("feedback", "review", "recipe.yaml", "--results")
    reviews = reviews_of(store)
    assert "page for anna: anna.html" in told(
        "feedback", "review", "recipe.yaml", "--rater", "anna", "--html", "anna.html"
    )
    page = (here / "anna.html").read_text(encoding="utf-8")
    content = json.loads(page.split('<script type="application/json" id="pack">')[1].split("</script>")[0])
    assert content["corrects"]
    assert len(content["tasks"]) == 7
    ratings = [
        {"task": number, "shown": task["shown"], "dimension": name, "value": 5, "comment": "", "time": "yesterday"}
        for number, task in enumerate(content["tasks"])
        for name in content["dimensions"]
    ]
    right = {
        "task": 3,
        "shown": content["tasks"][3]["shown"],
        "dimension": CORRECTION,
        "value": None,
        "comment": "came late",
    }
    (here / "back.json").write_text(json.dumps({**content["returned"], "ratings": [*ratings, right]}), encoding="utf-8")
    lines = told("feedback", "review", "recipe.yaml", "--import", "back.json")
    assert "anna: 22 ratings, 22 of them new" in lines
    assert "Accuracy: mean 5.00" in lines
    assert "5/5" in lines or "5 of 5 rated" in lines
    assert "0 of them new" in told("feedback", "review", "recipe.yaml", "--import", "back.json")
    found = value_of("feedback", "review", "recipe.yaml", "--results")
    assert [grade["num_rated"] for grade in found["grades"]] == [5, 5, 5]
    assert reviews_of(store) == reviews
    (said,) = [one for one in review_ratings(store) if one.dimension == CORRECTION]
    assert (said.text, said.value, said.rater) == ("came late", None, "anna")
    assert value_of("feedback", "curate", "recipe.yaml")["num_rows"] >= 1


def queue(store: Store, num: int) -> Queue:
    for number in range(num):
        store.record(served(number))
    store.flush()
    add_reviews(store, [Review(served(number).id, "2026-03-02", "random", utc_now()) for number in range(num)])
    return queue_of(store, reviews_of(store))


def test_an_expert_at_the_terminal_rates_corrects_and_comes_back(store: Store) -> None:
    asked = queue(store, 3)
    plan = asked.plan("anna", 0)
    pressed = iter("5a43" + "1q")
    shown: list[str] = []

    def desk() -> Desk:
        return Desk(
            tasks=asked.tasks(plan),
            plan=plan,
            known=known_ratings(store, asked.tasks(plan), "anna"),
            keep=lambda rating: keep_rating(store, rating),
            key=lambda: next(pressed),
            line=lambda: "came late",
            say=shown.append,
            clock=lambda: datetime(2026, 3, 10, tzinfo=UTC),
        )

    assert desk().work() == "4 of 9 answers given; the same command goes on"
    first, second = (task.item for task in asked.tasks(plan)[:2])
    said = {(one.exchange, one.dimension): (one.value, one.text) for one in review_ratings(store)}
    assert said == {
        (first, "accuracy"): (5, None),
        (first, "correction"): (None, "came late"),
        (first, "fluency"): (4, None),
        (first, "domain_fit"): (3, None),
        (second, "accuracy"): (1, None),
    }
    assert "a the right answer" in shown
    pressed = iter("22" + "q")
    assert desk().work() == "6 of 9 answers given; the same command goes on"
    assert {task.item for task in asked.tasks(asked.plan("bo", 0))} == {task.item for task in asked.tasks(plan)}


def test_pages_of_another_draw_and_names_of_no_rater_are_refused(store: Store, here: Path) -> None:
    asked = queue(store, 2)
    with pytest.raises(TunesmithError, match="rater-name"):
        write_review_page(asked, asked.plan("../bo", 0), here / "page.html", "en")
    task = asked.tasks(asked.plan("anna", 0))[0]
    given = {"task": 0, "shown": task.shown, "dimension": "accuracy", "value": 4}
    pack = {
        "kind": "ratings-pack", "format": 1, "rater": "anna", "seed": 0, "arms": ["2026-03-02"], "num_items": 2,
        "is_pairs": False, "ratings": [given],
    }  # fmt: skip
    for change, code in (
        ({"arms": ["2030-01-01"]}, "pack-other"),
        ({"rater": "../bo"}, "rater-name"),
        ({"ratings": [{**given, "shown": "0" * 16}]}, "pack-other"),
        ({"ratings": [{**given, "task": 7}]}, "pack-other"),
        ({"ratings": [{**given, "dimension": "charm"}]}, "pack-file"),
        ({"ratings": [{**given, "value": 9}]}, "pack-file"),
        ({"ratings": [given, {**given, "dimension": "correction", "value": None, "comment": " "}]}, "feedback-text"),
    ):
        (here / "back.json").write_text(json.dumps({**pack, **change}), encoding="utf-8")
        with pytest.raises(TunesmithError, match=code):
            import_reviews(store, "support-bot", [here / "back.json"])
    assert review_ratings(store) == []
    (here / "back.json").write_text(json.dumps(pack), encoding="utf-8")
    assert [
        (one.rater, one.ratings, one.new) for one in import_reviews(store, "support-bot", [here / "back.json"])
    ] == [("anna", 1, 1)]


@pytest.mark.thorough
def test_models_that_share_a_store_learn_and_are_reviewed_apart(here: Path, store: Store) -> None:
    other = RECIPE.replace("name: support-bot", "name: other")
    (here / "other.yaml").write_text(other, encoding="utf-8")
    own, strange, next_version = served(0), served(1, model="other"), served(2, version="fedcba9876543210")
    for each in (own, strange, next_version):
        store.record(each)
    store.flush()
    for number, on in enumerate((own, strange, next_version)):
        store.add_feedback(feedback(number, on, kind="correction", value=None, text="came late"))
    preferred = feedback(7, strange, kind="preference", value=None, preferred=own.id)
    store.add_feedback(preferred)
    made = value_of("feedback", "curate", "recipe.yaml")
    assert (made["num_rows"], made["num_feedback"]) == (2, 3)
    rows = (Path(made["folder"]) / "rows.jsonl").read_text(encoding="utf-8")
    assert strange.id not in rows
    assert value_of("feedback", "curate", "other.yaml")["num_feedback"] == 2
    assert value_of("feedback", "review", "recipe.yaml", "--results")["num_drawn"] == 2
    assert value_of("feedback", "review", "other.yaml", "--results")["num_drawn"] == 1
    period = last_period("7d", utc_now()).name
    assert [each.exchange for each in reviews_of(store, period, "other")] == [strange.id]


@pytest.mark.thorough
@pytest.mark.parametrize("is_newest_served", [False, True])
def test_what_is_imported_tells_of_its_own_period(store: Store, here: Path, is_newest_served: bool) -> None:
    weeks = ["2026-03-02", "2026-03-09"]
    for number, week in enumerate(weeks):
        old = exchange(100 + number, at=datetime.fromisoformat(week).replace(tzinfo=UTC))
        store.record(old)
        store.flush()
        add_reviews(store, [Review(old.id, week, "random", utc_now())])
        asked = queue_of(store, reviews_of(store, week))
        given = {"task": 0, "shown": asked.tasks(asked.plan("anna", 0))[0].shown, "dimension": "accuracy", "value": 4}
        pack = {
            "kind": "ratings-pack", "format": 1, "rater": "anna", "seed": 0, "arms": [week], "num_items": 1,
            "is_pairs": False, "ratings": [given],
        }  # fmt: skip
        (here / f"{week}.json").write_text(json.dumps(pack), encoding="utf-8")
    if is_newest_served:
        store.record(served(0))
        store.flush()
    found = value_of("feedback", "review", "recipe.yaml", "--import", "2026-03-02.json")
    assert (found["period"], found["grades"][0]["mean"], found["earlier"]) == ("2026-03-02", 4.0, [])
    both = ("--import", "2026-03-09.json", "--import", "2026-03-02.json")
    found = value_of("feedback", "review", "recipe.yaml", *both)
    assert [found["period"], *(each["period"] for each in found["earlier"])] == ["2026-03-09", "2026-03-02"]
    lines = told("feedback", "review", "recipe.yaml", *both)
    assert all(week in lines for week in weeks)
    assert last_period("7d", utc_now()).name not in lines


def test_what_nobody_sees_is_told() -> None:
    assert visible("a\u200b b\u2060\x07\n退") == "a<U+200B> b<U+2060><U+0007>\n退"
