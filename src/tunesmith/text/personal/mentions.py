"""Further mentions of people whose full name was found: a conversation that names Maria Keller goes on about Maria."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tunesmith.text.personal.fold import folded
from tunesmith.text.personal.names_zh import is_word, surname_of
from tunesmith.text.personal.span import Span
from tunesmith.text.personal.words_en import SENTENCE_WORDS, THINGS

_HAN: Final = re.compile("[\u4e00-\u9fff]")
_DOT: Final = re.compile("[·•‧・]")
_MIN_LETTERS: Final = 3


def parts_of(name: str) -> Mapping[str, int]:
    """Return what a person of this full name may be called later: the words to look for, and which part each is.

    0 is the whole name, 1 its given part, 2 its surname. Parts that are everyday words as well are left out, but for
    Chinese surnames: those are found before a title alone.
    """
    if _HAN.search(name):
        return _parts_of_chinese(name)
    words = name.split(" ")
    if len(words) < 2:
        return {}
    ends = {words[0]: 1, words[-1]: 2}
    usable = {word for word in ends if len(word) >= _MIN_LETTERS and word not in SENTENCE_WORDS and word not in THINGS}
    return {name: 0} | {word: part for word, part in ends.items() if word in usable}


def _parts_of_chinese(name: str) -> Mapping[str, int]:
    first, *others = _DOT.split(name)
    if others:
        ends = {first: 1, others[-1]: 2}
        return {name: 0} | {word: part for word, part in ends.items() if len(word) > 1 and not is_word(word)}
    surname = name[: len(surname_of(folded(name)) or name[:1])]
    given = name[len(surname) :]
    parts = {name: 0, surname: 2} if given else {}
    return parts | ({given: 1} if len(given) == 2 and not is_word(folded(given)) else {})


def part_of(name: str, part: int) -> str:
    """The whole name (0), its given part (1) or its surname (2), of a made-up name: its surname is one character."""
    if part == 0:
        return name
    if name[0].isascii() or _DOT.search(name):
        return re.split(f" |{_DOT.pattern}", name)[0 if part == 1 else -1]
    return name[1:] if part == 1 else name[:1]


def find_mentions(text: str, mentions: frozenset[str]) -> Iterator[Span]:
    """Find each of the given words or names in the text; Latin ones only as whole words, in the case given.

    A Chinese surname, which is a part of many words, is none of them.
    """
    for mention in mentions:
        if mention not in text or surname_of(folded(mention)) == folded(mention):
            continue
        guard = "" if _HAN.search(mention) else "(?![A-Za-z])"
        before = "" if _HAN.search(mention) else "(?<![A-Za-z])"
        for match in re.finditer(f"{before}{re.escape(mention)}{guard}", text):
            yield Span(*match.span(), "name")
