"""The general suites as they ship: those of their maker, answers right, kinds balanced, nothing twice or learned."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from tools import make_general_suite, make_rehearsal
from tools.general_suite.rows import KINDS
from tunesmith.evaluate.items import Item, general_items
from tunesmith.metrics.checks import Choice, Exact, Form, Json, Number, Refusal, is_right
from tunesmith.text.ngrams import ngrams
from tunesmith.text.tokens import words

LANGUAGES = ("en", "zh")
WRONG = ("", "banana", "香蕉", "It is what it is, 7777.", "我觉得是7777。", "7777", '{"x": 7777}')


@cache
def items() -> tuple[Item, ...]:
    return tuple(general_items())


def of(language: str, kind: str | None = None) -> list[Item]:
    return [item for item in items() if item.language == language and kind in (None, item.kind)]


def asked(item: Item) -> str:
    return item.prompt[-1].content


@pytest.mark.thorough
def test_the_shipped_file_is_that_of_the_maker(tmp_path: Path) -> None:
    made = tmp_path / "general.jsonl"
    make_general_suite.main(made)
    assert made.read_bytes() == make_general_suite.OUT.read_bytes()


def test_both_languages_have_as_many_of_each_kind() -> None:
    counts = Counter((item.language, item.kind) for item in items())
    assert [counts["en", kind] for kind in KINDS] == [counts["zh", kind] for kind in KINDS]
    assert counts["en", "refusal"] == 10
    assert all(counts["en", kind] >= 40 for kind in KINDS if kind != "refusal")
    assert 200 <= len(of("en")) == len(of("zh")) <= 250
    assert len({item.id for item in items()}) == len({asked(item) for item in items()}) == len(items())


def test_references_pass_and_what_is_plainly_wrong_does_not() -> None:
    for item in items():
        for answer in item.accepted:
            assert is_right(answer, item.accepted, item.check), (asked(item), answer)
        for answer in (*WRONG, asked(item)):
            if not isinstance(item.check, Form):
                assert not is_right(answer, item.accepted, item.check), (asked(item), answer)
        assert not is_right("", item.accepted, item.check)


@pytest.mark.thorough
def test_a_form_is_not_met_by_the_question_or_by_most_other_answers() -> None:
    forms = [item for item in items() if isinstance(item.check, Form)]
    for item in forms:
        others = [other.answer.content for other in items() if other.language == item.language and other is not item]
        num_passing = sum(is_right(other, item.accepted, item.check) for other in others)
        assert num_passing < 0.4 * len(others), (asked(item), num_passing)
        assert not is_right(asked(item), item.accepted, item.check), asked(item)


def test_what_may_be_chosen_holds_what_is_right_and_something_else() -> None:
    for item in items():
        if isinstance(item.check, Choice):
            assert set(item.accepted) < set(item.check.options), asked(item)
            for option in set(item.check.options) - set(item.accepted):
                assert not is_right(option, item.accepted, item.check), (asked(item), option)
                assert not is_right(f"{item.answer.content} / {option}", item.accepted, item.check)


def test_answers_of_sums_are_right() -> None:
    """By a reading of the questions that is not their maker's."""
    for language in LANGUAGES:
        for item in of(language, "arithmetic"):
            assert isinstance(item.check, Number)
            assert int(item.answer.content) == reckoned(asked(item)), asked(item)


def reckoned(text: str) -> int:
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if re.search(r"\d ?[+x×]", text):
        return int(eval(re.search(r"\d+[\d +x×-]*\d", text)[0].replace("x", "*").replace("×", "*")))  # type: ignore[index]
    if "boxes with" in text or "盒铅笔" in text:
        boxes, each, beside = numbers
        return sum([each] * boxes) + beside
    if "equally" in text or "平均分" in text:
        whole, people = numbers
        share = next(share for share in range(whole) if share * people == whole)
        return share
    if "percent" in text or "百分之" in text:
        price, percent = numbers
        assert price * percent % 100 == 0
        return price - price * percent // 100
    first, second = numbers
    if re.search("subtract|take", text):  # "subtract 2 from 449", "take 10 from 38"
        return second - first
    if re.search("minus|lost|减|用掉", text):
        return first - second
    return first * second if re.search("times|multiply|乘", text) else first + second


def test_sequences_and_lists_are_right() -> None:
    for item in items():
        if isinstance(item.check, Form) and item.check.items:
            numbers = re.findall(r"\d+", asked(item))
            if numbers and "1 and 9" not in asked(item) and "1到9" not in asked(item):
                falling = "from large" in asked(item) or "由大到小" in asked(item)
                assert list(item.check.items) == sorted(numbers, key=int, reverse=falling), asked(item)
            elif re.search("backwards|around|从后往前|倒着", asked(item)):
                listed = re.split(", |、", re.split("[:：]", asked(item))[-1].strip(" ."))
                assert list(item.check.items) == listed[::-1], asked(item)
            elif re.search("alphabetical|A to Z", asked(item)):
                assert list(item.check.items) == sorted(item.check.items)
        row = [int(number) for number in re.findall(r"\d+(?=[、,?.。之的]|$)", asked(item))]
        if item.kind == "reasoning" and isinstance(item.check, Number) and len(row) >= 4:
            assert following(row) == {int(item.answer.content)}, asked(item)


def following(row: list[int]) -> set[int]:
    """What each rule that a row keeps to says of the next number."""
    pairs = list(pairwise(row))
    found = set()
    if len({b - a for a, b in pairs}) == 1:
        found.add(row[-1] + row[1] - row[0])
    if all(b == 2 * a for a, b in pairs):
        found.add(2 * row[-1])
    if row == [(n + 1) ** 2 for n in range(len(row))]:
        found.add((len(row) + 1) ** 2)
    if all(a + b == c for a, b, c in zip(row, row[1:], row[2:], strict=False)):
        found.add(row[-1] + row[-2])
    return found


def test_numbers_asked_for_are_compared_rightly() -> None:
    for item in items():
        numbers = re.findall(r"\d+", asked(item))
        if isinstance(item.check, Choice) and sorted(item.check.options) == sorted(numbers):
            wants_less = re.search("smaller|less|小", asked(item)) is not None
            assert item.answer.content == (min if wants_less else max)(numbers, key=int), asked(item)


def test_every_kind_is_judged_in_its_way() -> None:
    kinds: dict[Any, set[str | None]] = {}
    for item in items():
        kinds.setdefault(type(item.check), set()).add(item.kind)
    assert kinds[Refusal] == {"refusal"}
    assert kinds[Json] == {"format"}
    assert "language" in kinds[Exact]
    assert {"arithmetic", "reasoning"} <= kinds[Number]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_questions_are_nearly_the_same(language: str) -> None:
    runs = {item.id: set(ngrams(words(asked(item)), 3)) for item in of(language)}
    for one, other in combinations(runs, 2):
        shared = len(runs[one] & runs[other])
        assert shared < 0.8 * len(runs[one] | runs[other]), (one, other)


def test_no_question_is_among_the_rehearsal_rows() -> None:
    known = {run for item in items() for run in ngrams(words(asked(item)), 8)}
    for line in make_rehearsal.OUT.read_text(encoding="utf-8").splitlines():
        for message in json.loads(line)["messages"]:
            assert known.isdisjoint(ngrams(words(message["content"]), 8)), message["content"]
