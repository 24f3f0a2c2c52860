"""Each wrong answer has one kind, in English and Chinese, and numbers are off in one way."""

from __future__ import annotations

import pytest

from tunesmith.artifacts.mistakes import ERROR_KINDS
from tunesmith.artifacts.scorecard import Task
from tunesmith.metrics.mistakes import Mistake, how_off, judge_of
from tunesmith.records import Message, Sample, Sampling

LABELS = ["refund", "delivery"]


def sample(
    answer: str, reference: str, question: str = "Where is it?", finish: str = "stop", **scores: float
) -> Sample:
    return Sample(
        arm="tuned", suite="test", item="1", index=0, prompt=(Message("user", question),), reference=reference,
        raw=answer, reasoning=None, answer=answer, scores=scores, sampling=Sampling(), num_tokens=1,
        finish_reason=finish,
    )  # fmt: skip


def kind(
    task: Task, answer: str, reference: str, question: str = "Where is it?", finish: str = "stop"
) -> Mistake | None:
    scores = {"accuracy": 0.0} if task == "labels" else {"exact_match": 0.0}
    labels = LABELS if task == "labels" else []
    judge = judge_of(task, "accuracy" if task == "labels" else "rouge_l", labels, scores)
    return judge.mistake(sample(answer, reference, question, finish, **scores))


@pytest.mark.parametrize(
    ("answer", "reference", "question", "finish", "wanted"),
    [
        ("so far", "tomorrow", "When?", "timeout", "timed_out"),
        ("so far", "tomorrow", "When?", "length", "truncated"),
        (" \n", "tomorrow", "When?", "stop", "empty"),
        ("I'm sorry, but I cannot help with that.", "tomorrow", "When?", "stop", "refused"),
        ("抱歉，我无法回答这个问题。", "明天", "什么时候？", "stop", "refused"),
        ("Where is my blue jacket", "It left today", "Where is my blue jacket?", "stop", "copied"),
        ("我的外套到哪里了", "今天寄出了", "我的外套到哪里了？", "stop", "copied"),
        ("It left today", "今天已经寄出", "我的外套到哪里了？", "stop", "language"),
        ("今天已经寄出", "It left today", "Where is it?", "stop", "language"),
        ("43", "42", "6 * 7?", "stop", "number"),
        ("about 430 km", "43 km", "How far?", "stop", "number"),
        ("Order 12 leaves on day 4.", "Order 12 leaves on day 3.", "When?", "stop", "number"),
        ("It never arrived", "It left today", "Where is it?", "stop", "other"),
        ("blue", "green", "Is the jacket blue or red?", "stop", "other"),  # of the question, yet no copy of it
    ],
)
def test_texts(answer: str, reference: str, question: str, finish: str, wanted: str) -> None:
    found = kind("text", answer, reference, question, finish)
    assert found is not None
    assert found.kind == wanted
    assert found.kind in ERROR_KINDS


def test_a_translation_is_wanted_in_the_language_of_its_reference() -> None:
    found = kind("text", "外套今天寄出", "外套已经寄走了", "Translate: the jacket left")
    assert found == Mistake("other")
    assert kind("text", "the coat left", "外套已经寄走了", "Translate: le manteau") == Mistake("language", "zh", "en")


def test_a_text_that_shall_be_repeated_is_no_copy() -> None:
    assert kind("text", "she goes to school now", "She goes to school.", "She goes to school") == Mistake("other")


def test_prose_with_other_numbers_and_other_words_is_not_called_a_number() -> None:
    found = kind("text", "I saw 5 cats run over the road", "Order 12 leaves on day 3 from the store in town")
    assert found == Mistake("other")


def test_labels_are_pairs_and_what_is_none_is_unreadable() -> None:
    assert kind("labels", "Delivery.", "refund") == Mistake("label", "refund", "delivery")
    assert kind("labels", "maybe a parcel", "refund") == Mistake("unparsable")
    assert kind("labels", "退款或者别的", "refund") == Mistake("language", "en", "zh")


def test_what_is_right_has_no_mistake_whatever_its_form() -> None:
    judge = judge_of("labels", "accuracy", LABELS, ["accuracy"])
    assert judge.mistake(sample("refund", "refund", finish="length", accuracy=1.0)) is None
    by_number = judge_of("text", "numeric_match", [], ["exact_match", "numeric_match"])
    assert by_number.mistake(sample("it is 42", "42", exact_match=0.0, numeric_match=1.0)) is None
    assert by_number.mistake(sample("it is 41", "42", exact_match=1.0, numeric_match=0.0)) == Mistake(
        "number", "", "near"
    )


def test_json_that_is_none_is_unreadable() -> None:
    judge = judge_of("text", "rouge_l", [], ["exact_match", "json_valid"])
    assert judge.mistake(sample("{a: 1", '{"a": 2}', exact_match=0.0, json_valid=0.0)) == Mistake("unparsable")


def test_numbers_of_a_head_are_judged_by_their_error() -> None:
    judge = judge_of("numbers", "mae", [], ["mae", "mse"])
    assert judge.mistake(sample("10", "10.0", mae=0.0)) is None
    assert judge.mistake(sample("-10", "10.0", mae=20.0)) == Mistake("number", "", "sign")
    assert judge.mistake(sample("many", "10.0", mae=3.0)) == Mistake("unparsable")


def test_texts_that_were_read_are_never_wrong() -> None:
    assert judge_of("documents", "bits_per_byte", [], []).mistake(sample("", "", exact_match=0.0)) is None


@pytest.mark.parametrize(
    ("told", "true", "way"),
    [
        (-42.0, 42.0, "sign"),
        (4200.0, 42.0, "magnitude"),
        (0.42, 42.0, "magnitude"),
        (3.14, 3.14159, "rounded"),
        (1000.0, 1004.0, "rounded"),
        (3.14159, 3.14, "rounded"),
        (1001.0, 1000.0, "near"),  # no rounding of either: the whole number counts
        (7200.0, 2.0, "unit"),
        (8.047, 5.0, "unit"),
        (212.0, 100.0, "unit"),
        (44.0, 42.0, "near"),
        (99.0, 42.0, "far"),
        (5.0, 0.0, "far"),
        (1e308, 0.5, "far"),
        (1e-300, 1e300, "far"),
        (-8.0, 42.0, "far"),
    ],
)
def test_how_numbers_are_off(told: float, true: float, way: str) -> None:
    assert how_off(told, true) == way
