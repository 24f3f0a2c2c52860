"""What is said of a suite before and after: the items lost, each kind alone, and answers that had no room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tunesmith.evaluate import arms
from tunesmith.evaluate.forgetting import forgetting
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.summary import Judged, judge
from tunesmith.metrics.checks import Form, Number
from tunesmith.records import Message
from tunesmith.stats.paired import holm, paired_difference


def item(number: int, kind: str | None = None) -> Item:
    return Item(
        id=f"i{number}",
        suite="general_en",
        prompt=(Message("user", "?"),),
        answer=Message("assistant", "7"),
        accepted=("7",),
        kind=kind,
    )


def judged(values: list[float]) -> Judged:
    return Judged(arms.Answers((), None, 0.0), {"right": np.array(values)})


def test_what_was_lost_and_won_is_listed() -> None:
    items = [item(i) for i in range(4)]
    found = forgetting("general_en", ("tuned", judged([1, 0, 1, 0])), judged([1, 1, 0, 0]), items, seed=0)
    assert (found.lost, found.won, found.kinds) == (["i1"], ["i2"], [])
    assert (found.before.value, found.after.value, found.difference.mean) == (0.5, 0.5, 0.0)


def test_each_kind_is_paired_alone_and_corrected_for_their_number() -> None:
    rng = np.random.default_rng(0)
    kinds = ["arithmetic", "format", "format"] * 40
    before = (rng.random(120) < 0.8) * 1.0
    after = np.where(np.array(kinds) == "format", before, (rng.random(120) < 0.3) * 1.0)
    items = [item(number, kind) for number, kind in enumerate(kinds)]
    found = forgetting("general_en", ("tuned", judged(after.tolist())), judged(before.tolist()), items, seed=0)
    assert [one.kind for one in found.kinds] == ["arithmetic", "format"]
    p_values = []
    for one in found.kinds:
        inside = np.array(kinds) == one.kind
        theirs = paired_difference(before[inside], after[inside], None, seed=0)
        p_values.append(theirs.p_value)
        assert (one.before.value, one.after.value) == (before[inside].mean(), after[inside].mean())
        assert (one.difference.mean, one.difference.low, one.difference.high) == (theirs.mean, theirs.low, theirs.high)
        assert one.difference.n == one.before.n == inside.sum()
    assert [one.difference.p_adjusted for one in found.kinds] == list(holm(p_values))
    arithmetic, form = found.kinds
    assert arithmetic.difference.high < 0
    assert (form.difference.mean, form.difference.p_value) == (0.0, 1.0)


@pytest.mark.parametrize(("answer", "is_right"), [("There are 7", 1.0), ("8", 0.0)])
def test_answers_are_judged_by_the_check_of_their_question_and_know_their_kind(answer: str, is_right: float) -> None:
    asked = replace(item(1, "arithmetic"), check=Number())
    sample = arms.text_sample("base", asked, Message("assistant", answer))
    assert (sample.scores, sample.kind) == ({"right": is_right}, "arithmetic")
    shouted = replace(asked, check=Form(case="upper"))
    assert arms.text_sample("base", shouted, Message("assistant", "SEVEN")).scores == {"right": 1.0}


def test_answers_without_room_to_end_are_counted() -> None:
    items = [item(i) for i in range(3)]
    samples = [arms.text_sample("tuned", one, Message("assistant", "7")) for one in items]
    cut = [replace(sample, finish_reason="length") for sample in samples]
    before, after = (
        judge(arms.Answers(tuple(each), None, 0.0), items, None) for each in (samples, cut[:2] + samples[2:])
    )
    found = forgetting("general_en", ("tuned", after), before, items, seed=0)
    assert (found.num_cut_before, found.num_cut_after) == (0, 2)
