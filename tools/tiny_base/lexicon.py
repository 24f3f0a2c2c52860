"""Reads the tables of facts; English articles; which things are goods and which groups overlap."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import NamedTuple

from tools.tiny_base import lexicon_facts
from tools.tiny_base.patterns import names


class Pair(NamedTuple):
    """One meaning in both languages."""

    en: str
    zh: str


class Fact(NamedTuple):
    """What is asked about (`subject`) and what is answered (`value`)."""

    subject: Pair
    value: Pair


def parse_pair(text: str) -> Pair:
    en, zh = text.replace("_", " ").split("=")
    return Pair(en, zh)


def parse_table(block: str) -> tuple[Fact, ...]:
    """Raises ValueError where an entry does not have exactly one `=`."""
    facts: list[Fact] = []
    value = Pair("", "")
    for line in block.strip().splitlines():
        head, colon, rest = line.partition(": ")
        if colon:
            value = parse_pair(head)
        facts += [Fact(parse_pair(entry), value) for entry in (rest if colon else line).split()]
    return tuple(facts)


# Nouns that take no article in English.
NO_ARTICLE = frozenset(
    names(
        """tea coffee milk juice beer wine lemonade cocoa bread rice cheese soup butter honey chocolate porridge tofu
        spinach lettuce celery garlic flu measles asthma diabetes pneumonia malaria arthritis bronchitis anaemia aspirin
        insulin penicillin ibuprofen football tennis swimming basketball golf boxing rugby badminton volleyball skiing
        iron gold silver copper tin lead zinc steel Earth Mars Venus Jupiter Saturn Mercury English Chinese French
        German Spanish Japanese corn blood grass snow salt chalk cotton coal ink lavender soil ash sand coral yoghurt
        flour soap clothing furniture food loss profit wood glass paper metal cloth rubber wool leather stone wax"""
    )
)


# Nouns that take "the".
DEFINITE = frozenset(("sea", "sky", "clear sky", "night sky", "moon", "sun", "harbour", "zoo", "beach"))


def with_article(noun: str) -> str:
    """`a dog`, `an apple`, `the sea`, `milk`."""
    if noun in NO_ARTICLE:
        return noun
    if noun in DEFINITE:
        return f"the {noun}"
    return f"an {noun}" if noun[0].lower() in "aeiou" else f"a {noun}"


def swap(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The same facts asked the other way round; those with several answers are left out."""
    counts = Counter(language for fact in facts for language in fact.value)
    return tuple(Fact(value, subject) for subject, value in facts if max(counts[value.en], counts[value.zh]) == 1)


@cache
def categories() -> tuple[Fact, ...]:
    return parse_table(lexicon_facts.CATEGORY)


_GOODS = frozenset(("clothing", "furniture", "tool", "vehicle", "musical instrument", "device", "toy"))


@cache
def goods() -> tuple[Fact, ...]:
    """Things that have a price and can be counted."""
    return tuple(fact for fact in categories() if fact.value.en in _GOODS and fact.subject.en not in NO_ARTICLE)


_KIN = (
    frozenset(("animal", "bird", "fish", "insect")),
    frozenset(("food", "fruit", "vegetable", "drink")),
    frozenset(("body part", "organ")),
    frozenset(("device", "tool", "toy", "furniture", "musical instrument")),
    frozenset(("flower", "tree", "fruit")),
)


def overlap(kind: Pair, other: Pair) -> bool:
    """Whether two different groups share members (a duck is an animal too), so that yes or no would be unfair."""
    return kind != other and any(kind.en in kin and other.en in kin for kin in _KIN)
