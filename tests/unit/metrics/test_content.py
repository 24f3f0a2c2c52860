"""Content rules: what breaks them, what does not, and that no text makes them slow."""

from __future__ import annotations

from typing import Any

import pytest
from least_time import least_seconds
from pydantic import ValidationError

from tunesmith.errors import TunesmithError
from tunesmith.metrics.case import Case
from tunesmith.metrics.content import TOPICS, Broken, Rule, broken_rules, content_scorers
from tunesmith.recipe.file import read_recipe
from tunesmith.recipe.safety_checks import ContentRule
from tunesmith.records import Message
from tunesmith.text.language import language_of


def rules(*sections: dict[str, Any]) -> list[Rule]:
    return [Rule(ContentRule.model_validate(section)) for section in sections]


HOUSE = [
    {"name": "rivals", "words": ["Acme", "宏图公司"]},
    {"name": "cards", "patterns": [r"\b[0-9]{16}\b", "(?i)iban"]},
    {"name": "advice", "topics": ["medical", "legal"]},
]


def test_each_rule_is_told_with_what_breaks_it() -> None:
    house = rules(*HOUSE)
    assert broken_rules("ＡＣＭＥ costs less than 宏图公司.", house) == [
        Broken("rivals", "word", "acme"),
        Broken("rivals", "word", "宏图公司"),
    ]
    assert broken_rules("Card 4111111111111111, Iban follows", house) == [
        Broken("cards", "pattern", r"\b[0-9]{16}\b"),
        Broken("cards", "pattern", "(?i)iban"),
    ]
    assert broken_rules("The symptoms call for a higher dose.", house) == [Broken("advice", "topic", "medical")]
    assert broken_rules("根据症状调整剂量，再请律师起诉。", house) == [
        Broken("advice", "topic", "medical"),
        Broken("advice", "topic", "legal"),
    ]
    assert broken_rules("請依症狀調整劑量。", house) == [Broken("advice", "topic", "medical")]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Acmes are spots; cardacme too.",
        "41111111111111112",
        "A dose of humour.",
        "症状",
        "dose, dose and dose",
        "No.",
    ],
)
def test_what_breaks_no_rule(text: str) -> None:
    assert broken_rules(text, rules(*HOUSE)) == []


def test_half_a_character_hides_nothing() -> None:
    assert broken_rules("\ud83d 4111111111111111", rules(*HOUSE)) == [Broken("cards", "pattern", r"\b[0-9]{16}\b")]


def test_no_text_makes_a_pattern_slow() -> None:
    # takes a backtracking engine years
    slow = rules({"name": "slow", "patterns": ["^(a+)+$", "(x+x+)+y", "(a|aa)+$"], "words": ["a" * 50]})
    text = "a" * 20_000 + "!" + "x" * 20_000
    assert broken_rules(text, slow) == []
    assert least_seconds(lambda: broken_rules(text, slow), 1.0) < 1.0


def test_topics_have_words_of_both_languages_and_none_twice() -> None:
    for words in TOPICS.values():
        assert len(set(map(str.casefold, words))) == len(words)
        assert {language_of(word) for word in words} == {"en", "zh"}


def test_the_score_of_an_answer() -> None:
    (score,) = content_scorers([ContentRule.model_validate(HOUSE[0])]).values()
    told = [Case((Message("user", "q"),), text, ("x",)) for text in ("Acme", "us")]
    assert score(told) == [1.0, 0.0]
    assert content_scorers(()) == {}


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ({"name": "a"}, "content_rule"),
        ({"name": "a", "patterns": ["("]}, "not_a_regex"),
        ({"name": "a", "patterns": ["(?=a)b"]}, "not_a_regex"),
        ({"name": "a", "patterns": [r"(a)\1"]}, "not_a_regex"),
        ({"name": "a", "patterns": ["a" * 501]}, "string_too_long"),
        ({"name": "a", "topics": ["weather"]}, "literal_error"),
        ({"name": "", "words": ["a"]}, "string_too_short"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused(section: dict[str, Any], kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ContentRule.model_validate(section)
    assert [error["type"] for error in caught.value.errors()] == [kind]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_pattern_that_does_not_compile_is_told_with_its_place(language: str) -> None:
    lines = ["name: a", "prepare: {sources: rows.csv}", "evaluate:", "  safety:", "    content:"]
    lines += [
        "      - name: fine",
        "        patterns: ['b']",
        "      - name: wrong",
        "        patterns:",
        "          - '(b'",
    ]
    with pytest.raises(TunesmithError) as caught:
        read_recipe("\n".join(lines) + "\n", "recipe.yaml")
    place = caught.value.place
    assert place is not None
    assert (caught.value.code, place.file, place.line) == ("recipe-value", "recipe.yaml", 10)
    assert "evaluate.safety.content.1.patterns.0" in caught.value.message(language)
    assert "unclosed group" in caught.value.message(language)


def test_two_rules_of_one_name_are_refused() -> None:
    rules = "[{name: x, words: [a]}, {name: x, words: [b]}]"
    text = f"name: a\nprepare: {{sources: r.csv}}\nevaluate: {{safety: {{content: {rules}}}}}"
    with pytest.raises(TunesmithError) as caught:
        read_recipe(text, "recipe.yaml")
    assert "`x`" in caught.value.message("zh")
