"""Answers that are none, from the arm that wrote them to the scorecard: counted apart by kind, with bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tunesmith.artifacts.scorecard import Arm, ScorecardBody
from tunesmith.evaluate import arms, summary
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.measure import Wanted, measure
from tunesmith.evaluate.recheck_details import of_details
from tunesmith.evaluate.summary import Judged
from tunesmith.metrics.faults import Expected
from tunesmith.records import Completion, FinishReason, Message

LABELS = ["card", "loan"]
ANSWERS: list[tuple[str, FinishReason, str | None]] = [
    ("card", "stop", None),
    ("loan.", "stop", None),
    ("LOAN", "stop", None),
    ("", "stop", "empty"),
    ("  \n", "stop", "empty"),
    ("either card or loan", "stop", "unparsable"),
    ("I'm sorry, I can't help with that.", "stop", "refused"),
    ("抱歉，我无法回答这个问题。", "stop", "refused"),
    ("card, because the customer", "length", "truncated"),
    ("", "timeout", "timed_out"),
]


def item(number: int, answer: str, **more: float | str) -> Item:
    prompt = (Message("user", f"question {number}"),)
    return Item(f"i{number}", "test", prompt, Message("assistant", answer), (answer,), **more)  # type: ignore[arg-type]


def completion(text: str, finish: FinishReason) -> Completion:
    return Completion(text, Message("assistant", text), 5, 3, finish)


def written(wanted: Wanted) -> tuple[Judged, list[Item]]:
    """All of `ANSWERS`, where the label is `card` every time."""
    items = [item(number, "card", label="card") for number in range(len(ANSWERS))]
    samples = [
        arms.written_sample("tuned_free_form", one, one.prompt, completion(text, finish), prefilled=False)
        for one, (text, finish, _) in zip(items, ANSWERS, strict=True)
    ]
    judged = {"tuned_free_form": {"test": summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)}}
    measure(judged, items, wanted)
    return judged["tuned_free_form"]["test"], items


def test_each_kind_is_counted_once_and_the_label_lies_within_the_bounds() -> None:
    judged, items = written(Wanted("labels", "accuracy", (), LABELS))
    kinds = [fault for _, _, fault in ANSWERS if fault]
    assert judged.details is not None
    assert judged.details.faults == {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    assert list(judged.details.faults) == ["timed_out", "truncated", "empty", "refused", "unparsable"]
    assert judged.details.bounds is not None
    # one of ten is right; of the seven that are no answers, all might have been
    assert (judged.details.bounds.all_wrong, judged.details.bounds.all_right) == pytest.approx((0.1, 0.8))
    assert summary.estimates(judged, items, LABELS, seed=0)["accuracy"].value == pytest.approx(0.1)
    assert judged.details.confusion == {"card": {"card": 1, "loan": 2, "": 7}}
    assert judged.details.classes["card"].num_items == 10


def test_an_answer_that_was_cut_before_its_number_is_cut_off_and_one_after_it_is_none() -> None:
    one = item(0, "3", target=3.0)
    said = {
        (text, finish): arms.said_number_sample("base", one, one.prompt, completion(text, finish), unsaid=5.0)
        for text, finish in (("about", "length"), ("about 3 or", "length"), ("about", "stop"), ("3", "timeout"))
    }
    found = {asked: Expected("numbers").fault(sample) for asked, sample in said.items()}
    assert found == {
        ("about", "length"): "truncated",
        ("about 3 or", "length"): None,
        ("about", "stop"): "unparsable",
        ("3", "timeout"): "timed_out",
    }
    assert [sample.scores["said_number"] for sample in said.values()] == [0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("endless", ["1e999", "7" * 400, "it is 1e200", "-3e46"])
def test_a_number_without_measure_is_none_and_leaves_figures_of_the_others(endless: str) -> None:
    items = [item(number, f"{number}.0", target=float(number)) for number in range(8)]
    texts = [f"about {number + 1}" for number in range(7)] + [endless]
    samples = [
        arms.said_number_sample("base", one, one.prompt, completion(text, "stop"), unsaid=3.5)
        for one, text in zip(items, texts, strict=True)
    ]
    judged = {"base": {"test": summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)}}
    measure(judged, items, Wanted("numbers", "mae", (), []))
    found = summary.estimates(judged["base"]["test"], items, (), seed=0)
    # seven are off by 1, and the mean of the training rows stands for the eighth
    assert (found["mae"].value, found["mae"].n) == (pytest.approx((7 + 3.5) / 8), 8)
    assert found["rmse"].value == pytest.approx(((7 + 3.5**2) / 8) ** 0.5)
    details = judged["base"]["test"].details
    assert details is not None
    assert details.faults == {"unparsable": 1}


def test_the_largest_number_said_still_has_figures() -> None:
    items = [item(number, f"{number}.0", target=float(number)) for number in range(8)]
    samples = [
        arms.said_number_sample("base", one, one.prompt, completion("9e44" if number else "0", "stop"), unsaid=3.5)
        for number, one in enumerate(items)
    ]
    judged = summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)
    found = summary.estimates(judged, items, (), seed=0)
    assert found["mse"].value == pytest.approx(8.1e89 * 7 / 8)
    assert found["mse"].low is not None
    assert found["mse"].low < found["mse"].value


def test_without_faults_there_are_no_bounds() -> None:
    items = [item(0, "card", label="card")]
    sample = replace(arms.label_sample("tuned", items[0], items[0].prompt, "loan"), num_tokens=1)
    judged = {"tuned": {"test": summary.judge(arms.Answers((sample,), None, 1.0), items, None)}}
    measure(judged, items, Wanted("labels", "accuracy", (), LABELS))
    details = judged["tuned"]["test"].details
    assert details is not None
    assert (details.faults, details.bounds) == ({}, None)


def compared(body: ScorecardBody, arm: Arm, judged: Judged) -> tuple[dict[str, tuple[object, object]], list[str]]:
    samples = {one.item: [one] for one in judged.answers.samples}
    unchecked: list[str] = []
    return {name: (said, found) for name, said, found in of_details(body, arm, samples, unchecked)}, unchecked


def test_a_recheck_counts_them_again_and_finds_what_was_changed() -> None:
    judged, items = written(Wanted("labels", "accuracy", (), LABELS))
    arm = summary.arm_of("tuned_free_form", {"test": (judged, items)}, LABELS, seed=0)
    body = ScorecardBody(
        task="labels", metric="accuracy", num_items={"test": 10}, arms=[arm], differences=[], forgetting=[],
        verdicts=[], max_loss=0.05, labels=LABELS,
    )  # fmt: skip
    found, unchecked = compared(body, arm, judged)
    assert unchecked == []
    # 2 classes of 4 figures, 3 cells, 5 kinds, 2 bounds
    assert len(found) == 8 + 3 + 5 + 2
    assert all(said == pytest.approx(again, abs=1e-12) for said, again in found.values())
    assert arm.details is not None
    assert arm.details.bounds is not None
    changes: list[tuple[dict[str, object], str]] = [
        ({"faults": {**arm.details.faults, "empty": 1}}, "empty"),
        ({"faults": {**arm.details.faults, "lost": 1}}, "lost"),
        ({"confusion": {"card": {"card": 2, "loan": 1, "": 7}}}, "card told card"),
        ({"bounds": arm.details.bounds.model_copy(update={"all_right": 0.9})}, "all_right"),
        ({"classes": {**arm.details.classes, "loan": arm.details.classes["card"]}}, "loan precision"),
    ]
    for change, name in changes:
        wrong = arm.model_copy(update={"details": arm.details.model_copy(update=change)})
        said, again = compared(body, wrong, judged)[0][f"tuned_free_form details {name}"]
        assert said != again
    words = body.model_copy(update={"task": "text"})
    assert compared(words, arm, judged)[1] == ["tuned_free_form details faults"]
