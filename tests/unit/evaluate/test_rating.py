"""What raters see, and what is made of what they say: blind, seeded, and held against figures worked out here."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rating_material import choices, grades, rated_sample, rated_scorecard, tasks_for
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from tunesmith.artifacts.ratings import JudgeHead
from tunesmith.errors import TunesmithError
from tunesmith.evaluate.rated import Answered, of_judge, of_people
from tunesmith.evaluate.rating import RatingPlan, default_arms, rating_tasks, refuse_unanswered
from tunesmith.records import Message, Rating

HEAD = JudgeHead(model="m", url="http://x", prompt="0" * 64)


def test_raters_of_one_seed_see_the_same_items_in_orders_of_their_own(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 200)
    assert default_arms(scorecard) == ("base", "tuned")
    anna, bo = (tasks_for(scorecard, rater, num_items=80) for rater in ("anna", "bo"))
    assert anna == tasks_for(scorecard, "anna", num_items=80)
    assert (
        Counter(task.item for task in anna) == Counter(task.item for task in bo) == Counter({t.item: 2 for t in anna})
    )
    assert len({task.item for task in anna}) == 80
    assert [task.item for task in anna] != [task.item for task in bo]
    other = rating_tasks(scorecard.samples(), RatingPlan(("base", "tuned"), False, "anna", 80, seed=1))
    assert {task.item for task in other} != {task.item for task in anna}
    # what follows says nothing of which arm comes first
    firsts = Counter(anna[place].arms for place in range(0, 160, 2))
    assert binomtest(firsts["base",], 80).pvalue > 0.01
    lefts = Counter(task.arms for task in tasks_for(scorecard, "anna", is_pairs=True))
    assert sum(lefts.values()) == 200
    assert binomtest(lefts["base", "tuned"], 200).pvalue > 0.01
    assert [t.arms for t in tasks_for(scorecard, "anna", is_pairs=True)] != [
        t.arms for t in tasks_for(scorecard, "bo", is_pairs=True)
    ]


def test_examples_in_the_prompt_of_an_arm_do_not_give_it_away(tmp_path: Path) -> None:
    shown = [
        replace(one, prompt=(Message("user", "Example?"), Message("assistant", "Yes."), *one.prompt))
        for one in (rated_sample("base_few_shot", number, "few") for number in range(3))
    ]
    plain = [rated_sample(arm, number, arm) for arm in ("base", "tuned") for number in range(3)]
    scorecard = rated_scorecard(tmp_path / "card", 0, more=[*shown, *plain])
    tasks = rating_tasks(scorecard.samples(), RatingPlan(("base_few_shot", "tuned"), True, "anna", 9))
    assert [len(task.prompt) for task in tasks] == [1, 1, 1]
    assert all(Answered.of(scorecard).rated([rating]) for rating in choices(scorecard, "anna", lambda task: "tie"))


def test_what_cannot_be_rated_is_refused(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card")
    for plan, code in (
        (RatingPlan(("base", "march"), False, "a", 5), "rate-arm"),
        (RatingPlan(("base",), True, "a", 5), "rate-nothing"),
    ):
        with pytest.raises(TunesmithError, match=code):
            rating_tasks(scorecard.samples(), plan)
    with pytest.raises(TunesmithError, match="rate-nothing"):
        refuse_unanswered(rated_scorecard(tmp_path / "texts", task="documents"))


def test_grades_become_means_and_paired_differences(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 8)
    said = {("base", f"i{n:03d}"): 1 + n % 3 for n in range(8)} | {("tuned", f"i{n:03d}"): 3 + n % 3 for n in range(6)}
    ratings = grades(scorecard, "anna", said) + grades(scorecard, "bo", lambda task: 4)
    found = of_people(Answered.of(scorecard), ratings)
    assert found is not None
    assert found.raters == {"anna": 14, "bo": 16}
    assert found.num_items == 8
    base, tuned = (found.scores["accuracy"][arm] for arm in ("base", "tuned"))
    by_arm = {arm: [r.value for r in ratings if r.arms == (arm,)] for arm in ("base", "tuned")}
    assert (base.value, base.n) == (pytest.approx(np.mean(by_arm["base"])), 16)  # type: ignore[arg-type]
    assert (tuned.value, tuned.n) == (pytest.approx(np.mean(by_arm["tuned"])), 14)  # type: ignore[arg-type]
    assert base.low is not None
    assert base.low < base.value < base.high  # type: ignore[operator]
    (difference,) = found.differences
    # of items 6 and 7 the tuned model has a 4 alone, the base the mean of its two grades
    gains = [((3 + n % 3) + 4) / 2 - ((1 + n % 3) + 4) / 2 for n in range(6)]
    gains += [4 - ((1 + n % 3) + 4) / 2 for n in (6, 7)]
    assert (difference.arm, difference.against, difference.n) == ("tuned", "base", 8)
    assert difference.mean == pytest.approx(np.mean(gains))
    assert 0 < difference.low < difference.mean < difference.high
    assert found.agreement["accuracy"].items == 14


def test_ratings_of_other_answers_and_older_ones_do_not_count(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 3)
    changed = rated_scorecard(
        tmp_path / "changed", 3, lambda arm, n: f"{arm} {'new' if arm == 'tuned' else 'says'} {n}"
    )
    old = grades(scorecard, "anna", lambda task: 2)
    again = [replace(rating, value=5) for rating in old if rating.item == "i000"]
    answered = Answered.of(scorecard)
    found = of_people(answered, [*old, *again])
    assert found is not None
    assert found.scores["accuracy"]["base"].value == pytest.approx((2 + 2 + 5) / 3)
    kept = of_people(Answered.of(changed), old)
    assert kept is not None
    assert list(kept.scores["accuracy"]) == ["base"]  # its answers are the same
    assert of_people(answered, [replace(rating, shown="0" * 16) for rating in old]) is None
    same = [rating for rating in old if rating.arms == ("base",)]
    constant = of_people(answered, same)
    assert constant is not None
    assert (constant.scores["accuracy"]["base"].low, constant.agreement["accuracy"].value) == (None, None)


def test_items_of_one_group_are_drawn_together(tmp_path: Path) -> None:
    grouped = [
        rated_sample(arm, 100 + n, f"{arm} {n}", group=f"g{n // 8}") for arm in ("base", "tuned") for n in range(40)
    ]
    alone = [replace(sample, group=None) for sample in grouped]
    widths = []
    for name, more in (("grouped", grouped), ("alone", alone)):
        scorecard = rated_scorecard(tmp_path / name, 0, more=more)
        # equal within a group: 5 groups say as much as 5 items
        ratings = grades(scorecard, "anna", lambda task: 1 + (int(task.item[1:]) - 100) // 8)
        found = of_people(Answered.of(scorecard), ratings)
        assert found is not None
        estimate = found.scores["accuracy"]["tuned"]
        widths.append(estimate.high - estimate.low)  # type: ignore[operator]
    assert widths[0] > 2 * widths[1]


@pytest.mark.thorough
def test_preferences_sides_and_lengths(tmp_path: Path) -> None:
    # tuned is longer on even items, base on odd ones
    scorecard = rated_scorecard(
        tmp_path / "card", 40, lambda arm, n: f"{n} " + "long " * (1 + ((arm == "tuned") == (n % 2 == 0)))
    )
    longer = choices(
        scorecard, "anna", lambda t: "left" if len(t.samples[0].answer) > len(t.samples[1].answer) else "right"
    )
    found = of_people(Answered.of(scorecard), longer)
    assert found is not None
    (preference,) = found.preferences
    assert (preference.won, preference.lost, preference.ties, preference.both_bad) == (20, 20, 0, 0)
    assert (preference.difference.mean, preference.difference.p_value) == (0.0, 1.0)
    assert found.longer is not None
    assert (found.longer.share, found.longer.n) == (1.0, 40)
    assert found.left is not None
    left = sum(rating.value == "left" for rating in longer)
    assert found.left.p_value == pytest.approx(binomtest(left, 40).pvalue)

    first = of_people(Answered.of(scorecard), choices(scorecard, "bo", lambda task: "left"))
    assert first is not None
    assert first.left is not None
    assert (first.left.share, first.left.n) == (1.0, 40)
    assert first.left.p_value < 1e-9
    undecided = choices(
        scorecard, "cy", lambda t: "both_bad" if t.item < "i010" else None if t.item < "i015" else "tie"
    )
    none = of_people(Answered.of(scorecard), undecided)
    assert none is not None
    assert (none.left, none.longer, none.not_told) == (None, None, 5)
    assert [(p.ties, p.both_bad) for p in none.preferences] == [(25, 10)]

    def prefers_tuned(task: object) -> str:
        return "left" if task.arms[0] == "tuned" else "right"  # type: ignore[attr-defined]

    agreed = [*choices(scorecard, "a", prefers_tuned), *choices(scorecard, "b", prefers_tuned), *undecided]  # type: ignore[arg-type]
    both = of_people(Answered.of(scorecard), agreed)
    assert both is not None
    # by hand: 40 pairs with two votes of tuned each, 35 of them with a third, 25 ties and 10 both bad
    assert both.preferences[0].difference.mean == pytest.approx((35 * 2 / 3 + 5) / 40)
    assert both.agreement["preference"].items == 40


def test_a_judge_is_held_against_people(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 30)
    answered = Answered.of(scorecard)
    rng = np.random.default_rng(0)
    people = [replace(r, value=int(rng.integers(1, 6))) for r in grades(scorecard, "anna", lambda task: 1)]
    people += [replace(r, value=int(rng.integers(1, 6))) for r in grades(scorecard, "bo", lambda task: 1)]
    of_anna = {(r.item, r.arms): r.value for r in people if r.rater == "anna"}
    judged = [
        replace(r, rater="m", value=min(5, 1 + int(of_anna[r.item, r.arms])) if number % 3 else int(rng.integers(1, 6)))  # type: ignore[arg-type]
        for number, r in enumerate(grades(scorecard, "m", lambda task: 1))
    ]
    found = of_judge(answered, HEAD, judged, people).judge
    assert found is not None
    said = {(r.item, r.arms): r.value for r in judged}
    met = [(said[r.item, r.arms], r.value) for r in people]
    kappa = found.kappa["accuracy"]
    expected = cohen_kappa_score([a for a, _ in met], [b for _, b in met], weights="quadratic")
    assert (kappa.value, kappa.items) == (pytest.approx(expected, abs=1e-12), 120)
    assert kappa.low < kappa.value < kappa.high  # type: ignore[operator]
    assert of_judge(answered, HEAD, judged, []).judge.kappa == {}  # type: ignore[union-attr]


def test_what_changes_with_the_order_is_a_tie(tmp_path: Path) -> None:
    scorecard = rated_scorecard(tmp_path / "card", 4)
    said = {  # in the one order and in the other: for tuned, first named, tie and base, unreadable
        "i000": ("tuned", "tuned"), "i001": ("first", "first"), "i002": ("tie", "base"), "i003": ("tuned", None),
    }  # fmt: skip
    judged = []
    for task in tasks_for(scorecard, "m", is_pairs=True):
        for order, word in zip((task, task.swapped()), said[task.item], strict=True):
            value = {"first": "left", "tie": "tie", None: None}.get(word, "left" if order.arms[0] == word else "right")
            judged.append(Rating(task.item, order.arms, order.shown, "preference", value, "m"))  # type: ignore[arg-type]
    people = choices(scorecard, "anna", lambda task: "left" if task.arms[0] == "tuned" else "right")
    found = of_judge(Answered.of(scorecard), HEAD, judged, people)
    (preference,) = found.preferences
    assert (preference.won, preference.lost, preference.ties) == (1, 0, 2)
    assert found.judge is not None
    assert (found.judge.pairs, found.judge.turned, found.judge.unreadable) == (3, 2, 1)
    assert found.left is not None
    assert (found.left.share, found.left.n) == (1.0, 1)
    assert found.judge.kappa["preference"].items == 3
