"""Names of persons in Chinese: a surname and one or two characters, with the words and characters around them.

Whether two characters are a word (方案, 高级) and so no name is asked of jieba's dictionary, which is loaded at the
first name-like place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final

from tunesmith.text.personal.names_zh_bare import (
    GIVEN,
    SURNAME,
    everyday_characters,
    find_bare_names,
    is_in_dictionary,
)
from tunesmith.text.personal.span import Span
from tunesmith.text.personal.words_zh import (
    AFTER,
    BEFORE,
    COMPOUND_SURNAMES,
    DONE_AS_PERSONS,
    DONE_TO_PERSONS,
    GIVEN_CHARACTERS,
    NEVER_NAMES,
    ROLES,
    SURNAMES,
    TITLES,
    TRANSLITERATION,
)

_NAME: Final = re.compile(rf"({SURNAME})({GIVEN}{{1,2}})")
_NOT_OF_NAMES: Final = "口-囖气-氲犬-獿疒-癯肉-臢虫-蠿酉-釃鱼-鳤"
"""Characters with the signs for mouth, vapour, dog, sickness, flesh, insect, wine and fish: sounds, chemicals, diseases
and animals, and hardly ever names."""
_RARE: Final = re.compile(rf"[^\W\d_\x00-\u4dff\ua000-\uffff{_NOT_OF_NAMES}{everyday_characters()}]")
_MAX_RARE_SHARE: Final = 0.05
"""Where more of the text is rare it is written in traditional characters, which are rare in simplified text only."""
_TITLE: Final = re.compile(TITLES)
_ROLE: Final = re.compile(rf"(?:{ROLES})(?P<sign>(?:[是为叫：:，,\s]|“|[（(]|名字)*)")
_UNLISTED: Final = re.compile(rf"(?:{DONE_TO_PERSONS})({GIVEN}{{2,3}}?)(?={DONE_AS_PERSONS})")
_ANY_NAME: Final = re.compile(rf"{GIVEN}{{2,3}}")
_ACTS: Final = re.compile(DONE_AS_PERSONS)
_TRANSLITERATED: Final = re.compile(
    rf"(?![其再才让合力])[{TRANSLITERATION}]{{1,8}}(?:[·•‧・][{TRANSLITERATION}]{{1,8}}){{1,3}}"
)


def find_chinese_names(text: str) -> list[Span]:
    """Find names before a title, after a word for a role, or standing alone between fitting characters."""
    rare_places = rare_characters(text)
    spans = [*_titled(text), *_introduced(text), *find_bare_names(text, rare_places)]
    spans += [*_with_rare_character(text, rare_places), *_unlisted(text)]
    if "·" in text or "•" in text or "‧" in text or "・" in text:
        spans += [
            Span(*match.span(), "name") for match in _TRANSLITERATED.finditer(text) if text[match.start() - 1] != "《"
        ]
    return spans


def rare_characters(text: str) -> list[int]:
    """Return the places of characters that are in few words; none where the text is written in traditional ones."""
    most = 3 + int(_MAX_RARE_SHARE * len(text))
    places = [match.start() for match in islice(_RARE.finditer(text), most + 1)]
    return places if len(places) <= most else []


def _titled(text: str) -> Iterator[Span]:
    """田慧敏女士, 王医生."""
    for title in _TITLE.finditer(text):
        stop = title.start()
        for length in (4, 3, 2, 1):
            start = stop - length
            if start >= 0 and _may_be_titled(text, start, stop):
                yield Span(start, stop, "name")
                break


def _may_be_titled(text: str, start: int, stop: int) -> bool:
    value = text[start:stop]
    is_free = start == 0 or text[start - 1] in BEFORE or not _is_han(text[start - 1])
    surname = surname_of(value)
    if surname is None:
        return is_free and 2 <= len(value) <= 3 and _ANY_NAME.fullmatch(value) is not None and _is_new(value)
    if value == surname:
        return is_free and not is_word(value + text[stop : stop + 1]) and not is_word(text[max(0, start - 1) : stop])
    if len(value) - len(surname) > 2 or _NAME.fullmatch(value) is None or _begins_word(value, surname):
        return False
    return is_free or all(character in GIVEN_CHARACTERS for character in value[len(surname) :])


def _introduced(text: str) -> Iterator[Span]:
    """我叫田慧敏, 收件人：田慧敏."""
    for role in _ROLE.finditer(text):
        start = role.end()
        is_said = bool(role["sign"].strip()) or role[0].endswith(("叫", "名"))
        match = _NAME.match(text, start)
        if match:
            stop = _end_of(text, start + len(match[1]), match.end())
            value, given = text[start:stop], text[start + len(match[1]) : stop]
            if not (_begins_word(value, match[1]) or (is_word(given) and not is_said)):
                yield Span(start, stop, "name")
                continue
        unknown = _ANY_NAME.match(text, start)
        if unknown:
            stop = next((end for end in (start + 3, start + 2) if end <= unknown.end() and _ends_at(text, end)), start)
            if stop > start and _is_new(text[start:stop]) and (is_said or _RARE.search(text, start, stop)):
                yield Span(start, stop, "name")


def _end_of(text: str, start: int, stop: int) -> int:
    """Where a given name that begins at `start` ends: before the last character where that belongs to a word."""
    if stop - start == 2 and not _ends_at(text, stop):
        last = text[stop - 1]
        fits = last in GIVEN_CHARACTERS or _RARE.match(last) is not None
        if not fits or is_word(text[stop - 1 : stop + 1]):
            return stop - 1
    return stop


def _with_rare_character(text: str, rare_places: Sequence[int]) -> Iterator[Span]:
    """Two or three characters, one of them rare, that are no words."""
    done = 0
    for place in rare_places:
        windows = ((start, start + length) for length in (4, 3, 2) for start in range(place - length + 1, place + 1))
        fitting = [window for window in windows if window[0] >= done and _may_be_rare(text, *window)]
        if fitting:
            start, done = max(fitting, key=lambda window: _evidence(text, *window))
            yield Span(start, done, "name")


def _unlisted(text: str) -> Iterator[Span]:
    """Two or three characters that are no words, between something done to a person and something that one does."""
    for match in _UNLISTED.finditer(text):
        if _is_new(match[1]) and not is_word(text[match.start(1) - 1 : match.start(1) + 1]):
            yield Span(*match.span(1), "name")


def _evidence(text: str, start: int, stop: int) -> tuple[bool, int, int, int]:
    value = text[start:stop]
    ends = _begins_at(text, start) + _ends_at(text, stop)
    return (surname_of(value) is not None, len(_RARE.findall(value)), ends, stop - start)


def _may_be_rare(text: str, start: int, stop: int) -> bool:
    value = text[start:stop]
    surname = surname_of(value)
    if len(value) == 4 and (surname is None or len(surname) == 1):
        return False
    # where the surname is in no list, one rare character is too little
    if surname is None and len(_RARE.findall(value)) < 2:
        return False
    if _NAME.fullmatch(value) is None and (surname is not None or _ANY_NAME.fullmatch(value) is None):
        return False
    begins = _begins_at(text, start) or not is_word(text[start - 1 : start + 1])
    ends = _ends_at(text, stop) or not is_word(text[stop - 1 : stop + 1])
    return begins and ends and _is_new(value)


def _begins_at(text: str, place: int) -> bool:
    """Whether a word may begin here: at the start, after a fitting character or after a word."""
    if place == 0 or text[place - 1] in BEFORE or not _is_han(text[place - 1]):
        return True
    return is_word(text[max(0, place - 2) : place])


def _ends_at(text: str, place: int) -> bool:
    """Whether a word may end here: at the end, before a fitting character, before a title or a word."""
    if place >= len(text) or text[place] in AFTER or not _is_han(text[place]):
        return True
    return is_word(text[place : place + 2]) and not is_word(text[place - 1 : place + 1])


def surname_of(value: str) -> str | None:
    """Return the listed surname that a name begins with, one character or two."""
    if value[:2] in COMPOUND_SURNAMES:
        return value[:2]
    return value[0] if value[:1] in SURNAMES else None


def _begins_word(value: str, surname: str) -> bool:
    """Whether the surname with the character after it is a word, or the whole value."""
    return is_word(value) or is_word(value[: len(surname) + 1])


def _is_new(value: str) -> bool:
    """Whether no two neighbouring characters are a word."""
    return not any(is_word(value[place : place + 2]) for place in range(len(value) - 1)) and not is_word(value)


def _is_han(character: str) -> bool:
    return "\u4e00" <= character <= "\u9fff"


@lru_cache(maxsize=65_536)
def is_word(value: str) -> bool:
    """Whether the value is a word of jieba's dictionary, and not there as a person's name."""
    import rjieba

    return value in NEVER_NAMES or (is_in_dictionary(value) and not rjieba.tag(value)[0][1].startswith("nr"))
