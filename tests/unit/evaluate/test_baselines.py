"""The classic baselines on rows small enough to check by hand."""

from __future__ import annotations

from tunesmith.errors import Place
from tunesmith.evaluate import baselines
from tunesmith.evaluate.items import test_items as items_of
from tunesmith.records import Example, Message


def example(number: int, question: str, answer: str, label: str | None = None) -> Example:
    messages = (Message("user", question), Message("assistant", answer, "because"))
    return Example(str(number), messages, Place("rows.jsonl", number + 1), label=label)


TRAIN = [
    example(0, "my card is lost", "card", "card"),
    example(1, "the card was stolen", "card", "card"),
    example(2, "a new card please", "card", "card"),
    example(3, "please send the refund", "refund", "refund"),
    example(4, "我的退款在哪里", "refund", "refund"),
    example(5, "什么时候退款", "refund", "refund"),
    example(6, "card card card", "card", "card"),
]
ASKED = items_of([example(10, "the lost card", "card", "card"), example(11, "退款没有到", "refund", "refund")], None, 0)


def test_majority_tells_the_most_frequent_label() -> None:
    assert baselines.majority(TRAIN, ASKED) == ["card", "card"]


def test_the_classifier_reads_both_languages() -> None:
    assert baselines.classify(TRAIN, ASKED) == ["card", "refund"]


def test_the_nearest_answer_is_that_of_the_question_most_alike() -> None:
    rows = [
        example(0, "red apple pie", "first"),
        example(1, "blue sky today", "second"),
        example(2, "红色的苹果", "third"),
    ]
    asked = items_of([example(10, "an apple pie, red", "x"), example(11, "苹果是红色", "x")], None, 0)
    assert [answer.content for answer in baselines.nearest_answer(rows, asked)] == ["first", "third"]


def test_a_sample_of_the_test_rows_is_seeded_and_keeps_their_order() -> None:
    rows = [example(i, f"question {i}", "x") for i in range(50)]
    first, again, other = (items_of(rows, 10, seed) for seed in (1, 1, 2))
    assert [i.id for i in first] == [i.id for i in again] != [i.id for i in other]
    assert [int(i.id) for i in first] == sorted(int(i.id) for i in first)
    assert len(first) == 10


def test_the_five_gram_knows_what_it_has_read() -> None:
    rows = [example(i, f"question {i}", "the sky is blue and the sea is deep") for i in range(5)]
    known, foreign = baselines.five_gram_bits(
        rows, items_of([rows[0], example(10, "q", "qualm fjord vex")], None, 0)
    ).tolist()
    assert known / len("becausethe sky is blue and the sea is deep") < 0.5
    assert foreign / len("becausequalm fjord vex") > 3.0
