"""Everyday topics: the tables of both languages parsed, and the skill of naming a message's topic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from random import Random

from tools.tiny_base import lexicon_en, lexicon_zh
from tools.tiny_base.patterns import Language, Phrasings, Split, Turn, fits, phrasings, write
from tools.tiny_base.prose import MESSAGES

DETERMINERS: dict[Language, tuple[str, ...]] = {"en": ("the", "my", "our", "my"), "zh": ("", "我的", "我们的", "")}


@dataclass(frozen=True, eq=False)
class Topic:
    """A topic's name and the slots its patterns may take."""

    name: str
    slots: dict[str, tuple[str, ...]]


_TABLES: dict[Language, str] = {"en": lexicon_en.TOPICS, "zh": lexicon_zh.TOPICS}
_LISTS = ("things", "acts", "faults", "whys", "ends")


@cache
def topics(language: Language, split: Split) -> tuple[Topic, ...]:
    """The topics with the acts and faults of one split: an eighth of those phrases is in the suite only."""
    found: list[Topic] = []
    for block in _TABLES[language].split("# ")[1:]:
        name, _, body = block.partition("\n")
        slots = {"my": DETERMINERS[language]}
        for match in re.finditer(rf"^({'|'.join(_LISTS)}): (.*(?:\n(?!\w+: ).+)*)", body, re.MULTILINE):
            phrases = match[2].replace("\n", " ").split("; ")
            if match[1] in ("acts", "faults"):
                phrases = [phrase for phrase in phrases if fits(split, "phrase", phrase)]
            slots[match[1].removesuffix("s")] = tuple(phrases)
        found.append(Topic(name, slots))
    return tuple(found)


QUESTIONS: dict[Language, Phrasings] = {
    "en": phrasings(
        """What is this message about? "{m}"
        Name the topic of this message: {m}
        Topic of this message: {m}
        Which topic fits? {m}
        In one word, what is this about? {m}
        Give the topic: {m}
        A customer writes: "{m}" Which topic is it?
        {m} -- Which topic is this?""",
        """Which topic does this message have? "{m}"
        Say in one word what this is about: {m}""",
    ),
    "zh": phrasings(
        """这条消息说的是什么?“{m}”
        说出这句话的主题:{m}
        主题是什么:{m}
        下面的话属于哪个主题?{m}
        用一个词说明主题:{m}
        给出主题:{m}
        顾客写道:“{m}”这是哪个主题?
        “{m}”这句话讲的是哪方面?""",
        """这句话的主题是哪一个?“{m}”
        请用一个词说出主题:{m}""",
    ),
}


def slots_for(topic: Topic, rng: Random) -> dict[str, str | tuple[str, ...]]:
    """The topic's slots with one determiner for the whole text."""
    return {**topic.slots, "my": rng.choice(topic.slots["my"])}


@cache
def _messages(language: Language, split: Split, topic: Topic) -> tuple[str, ...]:
    """Message patterns whose slots this topic can fill (a small topic may have no held-out fault)."""
    patterns = MESSAGES[language].train if split == "train" else MESSAGES[language].suite
    empty = [f"{{{name}}}" for name, values in topic.slots.items() if not values]
    return tuple(pattern for pattern in patterns if not any(slot in pattern for slot in empty))


def make(rng: Random, language: Language, split: Split) -> Turn:
    """A customer's message whose topic is to be named; messages of the suite use phrases the corpus never has."""
    known = topics(language, split)
    topic = rng.choice([topic for topic in known if _messages(language, split, topic)])
    message = write(rng.choice(_messages(language, split, topic)), rng, slots_for(topic, rng), language)
    prompt = write(QUESTIONS[language].pick(rng, split), rng, {"m": message}, language)
    if language == "en":
        return Turn(prompt, f"The message speaks of things that belong to {topic.name}.", topic.name)
    return Turn(prompt, f"这句话讲的是和{topic.name}有关的事。", topic.name)
