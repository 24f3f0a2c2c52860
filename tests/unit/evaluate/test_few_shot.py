"""Which training rows the few-shot arm is shown, and where they stand in the prompt."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from tunesmith.errors import Place
from tunesmith.evaluate.baselines import likest, nearest_answer
from tunesmith.evaluate.few_shot import few_shot_prompts
from tunesmith.evaluate.items import Item
from tunesmith.recipe.few_shot import FewShotRows
from tunesmith.records import Example, Message
from tunesmith.text.tokens import words

QUESTIONS = (
    "Where is my parcel?",
    "How do I open an account for my child?",
    "The parcel came broken, what now?",
    "我的包裹在哪里",
    "怎么开户",
)
TRAIN = [
    Example(
        str(n), (Message("system", "be brief"), Message("user", text), Message("assistant", f"a{n}")), Place("t", n)
    )
    for n, text in enumerate(QUESTIONS)
]


def item(text: str) -> Item:
    prompt = (Message("system", "shout"), Message("user", text))
    return Item("i", "test", prompt, Message("assistant", "x"), ("x",))


def shown(text: str, **settings: object) -> list[str]:
    (prompt,) = few_shot_prompts([item(text)], TRAIN, FewShotRows.model_validate(settings), seed=0)
    assert prompt[0] == Message("system", "shout")
    assert prompt[-1] == Message("user", text)
    assert {message.role for message in prompt[1:-1]} <= {"user", "assistant"}
    return [message.content for message in prompt[1:-1] if message.role == "assistant"]


def test_the_first_rows_are_those_of_the_file() -> None:
    assert shown("anything", num=2, choose="first") == ["a0", "a1"]
    assert shown("anything", num=9, choose="first") == ["a0", "a1", "a2", "a3", "a4"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("is the parcel broken?", ["a0", "a2"]), ("包裹丢在哪里了", ["a3"]), ("给孩子怎么开户", ["a4"])],
)
def test_the_likest_row_stands_nearest_to_the_question(text: str, expected: list[str]) -> None:
    assert shown(text, num=len(expected), choose="nearest") == expected


def test_likeness_is_the_cosine_of_tf_idf_written_out() -> None:
    items = [item("where is the broken parcel"), item("我要开户")]
    grams = [units + [f"{a} {b}" for a, b in pairwise(units)] for units in map(words, QUESTIONS)]
    known = sorted({gram for row in grams for gram in row})
    frequency = {gram: sum(gram in row for row in grams) for gram in known}

    def vector(text: str) -> list[float]:
        units = words(text)
        row = units + [f"{a} {b}" for a, b in pairwise(units)]
        weights = {gram: np.log((1 + len(grams)) / (1 + frequency[gram])) + 1 for gram in known}
        return [(1 + np.log(row.count(gram))) * weights[gram] if gram in row else 0.0 for gram in known]

    likeness = cosine_similarity([vector(one.prompt[-1].content) for one in items], [vector(q) for q in QUESTIONS])
    expected = [sorted(range(len(QUESTIONS)), key=lambda place: (-row[place], place))[:3] for row in likeness]
    assert likest(TRAIN, items, 3) == expected
    assert [answer.content for answer in nearest_answer(TRAIN, items)] == [f"a{row[0]}" for row in expected]


def test_drawn_rows_are_short_ones_the_same_for_every_item() -> None:
    both = few_shot_prompts([item("a"), item("b")], TRAIN, FewShotRows(num=2), seed=0)
    assert both[0][1:-1] == both[1][1:-1]
    drawn = {message.content for prompt in both for message in prompt[1:-1] if message.role == "user"}
    assert drawn == {"怎么开户", "我的包裹在哪里"}
