"""The finder of words against the rule written out: place by place, the longest word that stands alone."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.metrics.content import TOPICS
from tunesmith.metrics.terms import WordFinder
from tunesmith.text.tokens import HAN, KANA

WORDLY = re.compile(rf"[^\W_{HAN}{KANA}]")
LETTERS = "ab1 -^]中文カ.é\n"


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def found_by_hand(words: list[str], text: str) -> Counter[str]:
    text, place, found = folded(text), 0, Counter[str]()
    known = sorted({folded(word) for word in words} - {""}, key=len, reverse=True)
    while place < len(text):
        here = [word for word in known if text.startswith(word, place) and stands_alone(text, place, place + len(word))]
        found.update(here[:1])
        place += len(here[0]) if here else 1
    return found


def stands_alone(text: str, start: int, stop: int) -> bool:
    return not any(
        0 < edge < len(text) and WORDLY.match(text, edge - 1) and WORDLY.match(text, edge) for edge in (start, stop)
    )


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(
    words=st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=6), text=st.text(LETTERS + "ＡＢ", max_size=30)
)
def test_what_is_found_is_what_stands_alone_the_longest_first(words: list[str], text: str) -> None:
    assert WordFinder(words).find(text) == found_by_hand(words, text)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_words_of_each_topic_are_found_in_a_text_of_them(topic: str) -> None:
    words = list(TOPICS[topic])
    text = " and ".join(words) + "".join(words)
    assert WordFinder(words).find(text) == found_by_hand(words, text)
