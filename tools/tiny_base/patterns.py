"""Text patterns, the held-out rule and n-grams: what every text maker of the embedded base builds on.

A pattern is a string in which `[a|b|]` picks one choice, `{name}` takes a slot and `{x=name}` takes a slot and
remembers it as `{x}`. A slot is a string or a sequence to pick from; what it yields may be a pattern again.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Literal, NamedTuple

Language = Literal["en", "zh"]
Split = Literal["train", "suite"]
Slots = Mapping[str, str | Sequence[str]]

LANGUAGES: tuple[Language, Language] = ("en", "zh")
NUM_GRAM = 8

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(?:(\w+)=)?(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=(?!uni|use|usu|one\b|eu)[aeiou]|hour|honest|8\b|11\b|18\b)")
_GAP = re.compile(r" +([ .,?!])")
_SENTENCE = re.compile(r"(^|[.?!]\s+)([a-z])")
_FULL_WIDTH = str.maketrans({",": "\uff0c", "?": "\uff1f", ":": "\uff1a", ";": "\uff1b", "!": "\uff01"})
_WORD = re.compile(r"[a-z0-9']+")
_NOT_CHARACTER = re.compile(r"[\W_]+")


class Turn(NamedTuple):
    """One question with its short reasoning and its canonical answer; `aliases` are answers as good."""

    prompt: str
    reasoning: str
    answer: str
    aliases: tuple[str, ...] = ()


class Phrasings(NamedTuple):
    """Question patterns: those the corpus may use and those only the general suite uses."""

    train: tuple[str, ...]
    suite: tuple[str, ...]

    def pick(self, rng: Random, split: Split) -> str:
        return rng.choice(self.train if split == "train" else self.suite)


def phrasings(train: str, suite: str) -> Phrasings:
    """Two blocks of text, one pattern a line."""
    return Phrasings(lines(train), lines(suite))


def names(block: str) -> tuple[str, ...]:
    """A block of text, one entry a word."""
    return tuple(block.split())


def lines(block: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in block.strip().splitlines() if line.strip())


def fill(pattern: str, rng: Random, slots: Slots) -> str:
    """The pattern with choices made and slots filled; a slot's values are not repeated while others are left.

    Raises:
        KeyError: a slot that `slots` does not have.
    """
    return _fill(pattern, rng, slots, {}, set())


def _fill(pattern: str, rng: Random, slots: Slots, bound: dict[str, str], used: set[str]) -> str:
    while "[" in pattern:
        pattern = _CHOICE.sub(lambda found: rng.choice(found[1].split("|")), pattern)
    if "{" not in pattern:
        return pattern

    def slot(found: re.Match[str]) -> str:
        name, source = found[1], found[2]
        if source in bound:
            return bound[source]
        value = slots[source]
        text = _fill(value if isinstance(value, str) else _choose(value, rng, used), rng, slots, bound, used)
        if name:
            bound[name] = text
        return text

    return _SLOT.sub(slot, pattern)


def _choose(values: Sequence[str], rng: Random, used: set[str]) -> str:
    value = rng.choice(values)
    for _ in range(4):
        if value not in used:
            break
        value = rng.choice(values)
    used.add(value)
    return value


def tidy(text: str, language: Language) -> str:
    """Articles agree and sentences start with a capital (English); punctuation has full width (Chinese)."""
    text = text.strip()
    if language == "zh":
        return text.translate(_FULL_WIDTH)
    text = _ARTICLE.sub(r"\1n ", _GAP.sub(r"\1", text))
    return _SENTENCE.sub(lambda found: found[1] + found[2].upper(), text)


def write(pattern: str, rng: Random, slots: Slots, language: Language) -> str:
    """The pattern filled and tidied."""
    return tidy(fill(pattern, rng, slots), language)


def is_held_out(*parts: object) -> bool:
    """Whether a combination (two numbers, three names, ...) belongs to the general suite: one in eight does.

    Takes a checksum and not `hash`, which differs from process to process.
    """
    return zlib.crc32("\x1f".join(map(str, parts)).encode()) % 8 == 0


def fits(split: Split, *parts: object) -> bool:
    """Whether a combination may be used in `split`."""
    return is_held_out(*parts) == (split == "suite")


def units(text: str, language: Language) -> Sequence[str]:
    """What an n-gram counts: words in English, single characters in Chinese; no punctuation, no case."""
    if language == "en":
        return _WORD.findall(text.lower())
    return _NOT_CHARACTER.sub("", text.lower())


def grams(text: str, language: Language) -> Iterator[str]:
    """The text's 8-grams, each as one string; none where the text is shorter."""
    parts = units(text, language)
    starts = range(len(parts) - NUM_GRAM + 1)
    if isinstance(parts, str):
        return (parts[start : start + NUM_GRAM] for start in starts)
    return (" ".join(parts[start : start + NUM_GRAM]) for start in starts)
