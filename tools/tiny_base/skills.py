"""The skills of the embedded base: one table of makers and their share of the conversations."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tools.tiny_base import calendar_skills, comparing, copying, facts, identity, numbers, topics, words
from tools.tiny_base.patterns import Language, Split, Turn

Maker = Callable[[Random, Language, Split], Turn]

# skill: makers with their weights; the weights of all add up to 100.
SKILLS: dict[str, tuple[tuple[int, Maker], ...]] = {
    "facts": ((24, facts.make),),
    "arithmetic": ((14, numbers.arithmetic),),
    "comparison": ((12, comparing.compare),),
    "reasoning": (
        (5, comparing.order_of_three),
        (4, comparing.is_kind),
        (2, calendar_skills.day_after),
        (2, calendar_skills.day_before),
        (2, calendar_skills.month_after),
        (2, words.count),
    ),
    "format": ((5, words.list_task), (2, words.spell), (2, words.number_order)),
    "translation": ((7, facts.translate),),
    "topic": ((6, topics.make),),
    "identity": ((2, identity.make),),
    "copying": ((9, copying.make),),
}


def make(skill: str, rng: Random, language: Language, split: Split) -> Turn:
    """One question of a skill."""
    weights = [weight for weight, _ in SKILLS[skill]]
    _, maker = rng.choices(SKILLS[skill], weights)[0]
    return maker(rng, language, split)
