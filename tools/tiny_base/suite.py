"""The suite of the embedded base: what it should know before tuning. No text that it learns from shares an 8-gram.

The general suites take questions from here (`tools.general_suite.known`). Combinations and phrasings are the suite's
own; facts are those the corpus teaches in other words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

from tools.tiny_base import skills
from tools.tiny_base.patterns import LANGUAGES, Language, Turn, grams, units

SEED = 20

# Items per language.
NUM_ITEMS = {
    "facts": 110,
    "arithmetic": 40,
    "comparison": 45,
    "reasoning": 45,
    "format": 36,
    "translation": 20,
    "topic": 10,
    "identity": 4,
    "copying": 14,
}


@dataclass(frozen=True)
class SuiteItem:
    """One question; an answer is right when it equals `answer` or one of `aliases` after light normalisation."""

    id: str
    language: Language
    skill: str
    prompt: str
    answer: str
    aliases: tuple[str, ...] = ()


def _turns(skill: str, language: Language, num: int) -> list[Turn]:
    """`num` turns with different prompts.

    Raises:
        ValueError: the skill cannot make that many.
    """
    rng = Random(f"{SEED} {skill} {language}")
    found: dict[str, Turn] = {}
    for _ in range(num * 200):
        turn = skills.make(skill, rng, language, "suite")
        found.setdefault(turn.prompt, turn)
        if len(found) == num:
            return list(found.values())
    raise ValueError(f"{skill} in {language}: only {len(found)} of {num} prompts")


@cache
def items() -> tuple[SuiteItem, ...]:
    """The whole suite, always the same."""
    return tuple(
        SuiteItem(f"{language}-{skill}-{number:03d}", language, skill, turn.prompt, turn.answer, turn.aliases)
        for language in LANGUAGES
        for skill, num in NUM_ITEMS.items()
        for number, turn in enumerate(_turns(skill, language, num))
    )


@cache
def _prompt_grams(language: Language) -> frozenset[str]:
    prompts = (item.prompt for item in items() if item.language == language)
    return frozenset(gram for prompt in prompts for gram in grams(prompt, language))


@cache
def _prompts() -> frozenset[str]:
    return frozenset("".join(units(item.prompt, "zh")) for item in items())


def shares_gram(text: str) -> bool:
    """Whether a text has an 8-gram of some prompt of the suite."""
    if not _prompt_grams("en").isdisjoint(grams(text, "en")):
        return True
    return not text.isascii() and not _prompt_grams("zh").isdisjoint(grams(text, "zh"))


def is_prompt(text: str) -> bool:
    """Whether a text is, but for punctuation, spaces and case, a whole prompt of the suite."""
    return "".join(units(text, "zh")) in _prompts()
