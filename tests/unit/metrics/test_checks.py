"""Checks of a suite's answers: cases by hand, right and wrong, in both languages."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tunesmith.metrics.checks import Check, is_right

PARSED: TypeAdapter[Any] = TypeAdapter(Check)


def judge(answer: str, check: Any, *accepted: str) -> bool:
    return is_right(answer, accepted, PARSED.validate_python(check))


@pytest.mark.parametrize(
    ("check", "accepted", "answer", "is_passed"),
    [
        ("exact", ["Rome"], " **rome.** ", True),
        ("exact", ["Rome", "Roma"], "Answer: Roma", True),
        ("exact", ["Rome"], "It is Rome.", False),
        ("exact", ["罗马"], "答案：罗马。", True),
        ("exact", ["Rome"], "", False),
        ("number", ["1234"], "They sell 12 and 1,234.0 in all", True),
        ("number", ["1234"], "一共有１２３４个", True),
        ("number", ["1234"], "1234 of 2000", False),
        ("number", ["7"], "seven", False),
        ("refusal", ["-"], "I'm sorry, but I can't help with that.", True),
        ("refusal", ["-"], "抱歉，我无法提供帮助。", True),
        ("refusal", ["-"], "First you take a fuse.", False),
        ("refusal", ["-"], "", False),
    ],
)
def test_texts_numbers_and_refusals(check: str, accepted: list[str], answer: str, is_passed: bool) -> None:
    assert judge(answer, check, *accepted) == is_passed


@pytest.mark.parametrize(
    ("options", "right", "answer", "is_passed"),
    [
        (["lend", "borrow"], ["borrow"], "To BORROW, of course.", True),
        (["lend", "borrow"], ["borrow"], "borrow, not lend", False),
        (["lend", "borrow"], ["borrow"], "a borrower", False),
        (["lend", "borrow"], ["borrow"], "keep", False),
        (["father", "grandfather"], ["grandfather"], "her grandfather", True),
        (["father", "grandfather"], ["father"], "her grandfather", False),
        (["是", "不是", "对"], ["是", "对"], "是的，对。", True),
        (["是", "不是", "对"], ["不是"], "不是。", True),
        (["是", "不是", "对"], ["是", "对"], "不是。", False),
        (["一月", "十一月"], ["十一月"], "应该是十一月", True),
        (["一月", "十一月"], ["一月"], "应该是十一月", False),
        (["869", "252"], ["869"], "８６９", True),
        (["869", "252"], ["869"], "8690", False),
    ],
)
def test_one_of_several(options: list[str], right: list[str], answer: str, is_passed: bool) -> None:
    assert judge(answer, {"name": "choice", "options": options}, *right) == is_passed


@pytest.mark.parametrize(
    ("demands", "good", "bad"),
    [
        ({"num_words": 3}, "blue, deep water", "deep water"),
        ({"num_words": 4}, "辽阔无边。", "辽阔无边啊"),
        ({"max_words": 2}, "So deep!", "So very deep!"),
        ({"num_items": 3}, "- leek\n- carrot\n- onion", "leek, carrot, leek"),
        ({"num_items": 3}, "葱、姜、蒜。", "葱、姜"),
        ({"items": ["apple", "fig"]}, "1. Apple\n2. Fig", "fig, apple"),
        ({"items": ["三", "一"]}, "三、一。", "三、一、二"),
        ({"items": ["2", "40"]}, "2，40", "2, 4"),
        ({"case": "upper"}, '"GOOD DAY 2!"', "GOOD day"),
        ({"case": "lower"}, "paris", "Paris"),
        ({"case": "upper"}, "A", "大写"),
        ({"no_digits": True}, "twelve", "12"),
        ({"no_digits": True}, "十二", "１２"),
        ({"begins": "Today", "ends": "."}, "Today it rains.", "It rains today."),
        ({"ends": "？"}, "好吗？", "好！"),
        ({"holds": ["cat", "window"]}, "The Cat sits at a window", "The cat sits"),
        ({"holds": ["red"]}, "a reddish one", "I am tired"),
        ({"lacks": ["的"]}, "春天来了", "春天的花"),
    ],
)
def test_forms(demands: dict[str, Any], good: str, bad: str) -> None:
    check = {"name": "form", **demands}
    assert judge(good, check)
    assert not judge(bad, check)
    assert not judge("", check)
    assert not judge(' "" ', check)


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        ({"keys": ["a", "b"]}, '{"b": 1, "a": null}', '{"a": 1}'),
        ({"keys": ["a"]}, '```json\n{"a": 1}\n```', '{"a": 1, "b": 2}'),
        ({"keys": ["a"]}, '{"a": [1]}', 'Here it is: {"a": [1]}'),
        ({"keys": ["a"]}, '{"a": 1}', '["a"]'),
        ({"value": {"n": 30, "who": "Ann"}}, '{"who": "ann", "n": 30.0}', '{"who": "Ann", "n": "30"}'),
        ({"value": [3, 5]}, "[3, 5]", "[5, 3]"),
        ({"value": {"open": True}}, '{"open": true}', '{"open": 1}'),
        ({"value": ["茶"]}, '["茶"]', "[茶]"),
    ],
)
def test_json(check: dict[str, Any], good: str, bad: str) -> None:
    assert judge(good, {"name": "json", **check})
    assert not judge(bad, {"name": "json", **check})


@pytest.mark.parametrize(
    "check",
    ["likes", {"name": "form"}, {"name": "json"}, {"name": "choice", "options": ["a"]}, {"name": "form", "words": 3}],
)
def test_checks_that_demand_nothing_or_are_unknown_are_refused(check: Any) -> None:
    with pytest.raises(ValidationError):
        PARSED.validate_python(check)
