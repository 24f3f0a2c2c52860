"""Questions, reasoning and statements for each kind of fact, and word translation.

Slots: `{s}` subject, `{v}` value, `{S}` and `{V}` the same with an English article; `{unit}` and `{whole}` of a
quantity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

from tools.tiny_base import lexicon, lexicon_facts, relations
from tools.tiny_base.lexicon import Fact, Pair
from tools.tiny_base.patterns import LANGUAGES, NUM_GRAM, Language, Split, Turn, write


@dataclass(frozen=True)
class Asked:
    """One fact in one language, with the relation that words it."""

    relation: relations.Relation
    slots: dict[str, str]
    answer: str


def slots_of(fact: Fact, language: Language) -> dict[str, str]:
    """What the patterns of a relation may name."""
    subject, value = (fact.subject.en, fact.value.en) if language == "en" else (fact.subject.zh, fact.value.zh)
    slots = {"s": subject, "v": value, "S": lexicon.with_article(subject), "V": lexicon.with_article(value)}
    if "/" in subject:
        slots["unit"], slots["whole"] = subject.split("/")
    return slots


@cache
def all_facts(language: Language) -> tuple[Asked, ...]:
    """Every fact the base is taught in one language."""
    asked = []
    for relation in relations.RELATIONS[language]:
        for fact in relation.facts:
            slots = slots_of(fact, language)
            asked.append(Asked(relation, slots, relation.answer.format_map(slots)))
    return tuple(asked)


def turn(fact: Asked, rng: Random, language: Language, split: Split) -> Turn:
    relation = fact.relation
    prompt = write(relation.questions.pick(rng, split), rng, fact.slots, language)
    reasoning = write(rng.choice(relation.reasoning), rng, fact.slots, language)
    bare = fact.answer.removeprefix(relation.answer.partition("{")[0]) if language == "en" else fact.answer
    return Turn(prompt, reasoning, fact.answer, tuple(sorted({bare, fact.slots["v"]} - {fact.answer})))


def make(rng: Random, language: Language, split: Split) -> Turn:
    """A question about a fact; the suite asks the same facts in phrasings of its own."""
    return turn(rng.choice(all_facts(language)), rng, language, split)


def statement(rng: Random, language: Language) -> str:
    """The fact as a plain sentence, for documents."""
    fact = rng.choice(all_facts(language))
    return write(rng.choice(fact.relation.statements), rng, fact.slots, language)


@cache
def translated_words() -> tuple[Pair, ...]:
    """Words with exactly one translation each way."""
    facts = lexicon.parse_table(lexicon_facts.WORDS) + lexicon.parse_table(lexicon_facts.CATEGORY)
    pairs = dict.fromkeys(fact.subject for fact in facts)
    return tuple(pairs)


def translate(rng: Random, language: Language, split: Split) -> Turn:
    """A word to translate; `language` is that of the question, the answer is in the other one."""
    word = rng.choice(translated_words())
    wording = relations.TRANSLATION[language]
    into: Language = rng.choice(LANGUAGES)
    source, target = (word.zh, word.en) if into == "en" else (word.en, word.zh)
    if split == "suite" and language == "zh" and len(source) >= NUM_GRAM:
        return translate(rng, language, split)  # its letters alone would make an 8-gram
    slots = {"s": source, "v": target}
    prompt = write(wording.questions[into].pick(rng, split), rng, slots, language)
    return Turn(prompt, write(rng.choice(wording.reasoning), rng, slots, language), target)
