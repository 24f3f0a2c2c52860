"""Names of persons in Chinese: a surname and one or two characters, with the words and characters around them.

Whether two characters are a word (方案, 高级) and so no name is asked of jieba's dictionary, which is loaded at the
first name-like place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from tunesmith.text.personal.span import Span
from tunesmith.text.personal.words_zh import (
    AFTER,
    ALSO_PARTICLES,
    BEFORE,
    COMPOUND_SURNAMES,
    DONE_AS_PERSONS,
    DONE_TO_PERSONS,
    GIVEN_CHARACTERS,
    NEVER_GIVEN,
    NEVER_NAMES,
    ROLES,
    SURNAMES,
    TITLES,
    TRANSLITERATION,
)


def _everyday_characters() -> str:
    """The 3,755 characters of GB 2312 level 1; one that is none of them stands in few words, but in many names."""
    codes = (bytes([row, cell]) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return b"".join(codes).decode("gb2312", "ignore")


_HAN: Final = "\u4e00-\u9fff"
_GIVEN: Final = rf"[^\W\d_\x00-\u3fff\ua000-\uffff{NEVER_GIVEN}]"
_SURNAME: Final = f"(?:{'|'.join(sorted(COMPOUND_SURNAMES))}|[{''.join(sorted(SURNAMES))}])"
_NAME: Final = re.compile(rf"({_SURNAME})({_GIVEN}{{1,2}})")
_FIRST: Final = "".join(sorted(SURNAMES | {surname[0] for surname in COMPOUND_SURNAMES}))
_BARE: Final = re.compile(rf"[{_FIRST}](?={_GIVEN})")
_NOT_OF_NAMES: Final = "口-囖气-氲犬-獿疒-癯肉-臢虫-蠿酉-釃鱼-鳤"
"""Characters with the signs for mouth, vapour, dog, sickness, flesh, insect, wine and fish: sounds, chemicals, diseases
and animals, and hardly ever names."""
_RARE: Final = re.compile(rf"[^\W\d_\x00-\u4dff\ua000-\uffff{_NOT_OF_NAMES}{_everyday_characters()}]")
_NEVER_LAST: Final = frozenset("和之中以性")
"""Characters that end no name in running text."""
_AROUND: Final = 4
"""Characters on each side that decide where words begin and end."""
_MAX_RARE_SHARE: Final = 0.05
"""Where more of the text is rare it is written in traditional characters, which are rare in simplified text only."""
_TITLE: Final = re.compile(TITLES)
_ROLE: Final = re.compile(rf"(?:{ROLES})(?P<sign>(?:[是为叫：:，,\s]|“|（|名字)*)")
_UNLISTED: Final = re.compile(rf"(?:{DONE_TO_PERSONS})({_GIVEN}{{2,3}}?)(?={DONE_AS_PERSONS})")
_ANY_NAME: Final = re.compile(rf"{_GIVEN}{{2,3}}")
_ACTS: Final = re.compile(DONE_AS_PERSONS)
_TRANSLITERATED: Final = re.compile(rf"[{TRANSLITERATION}]{{1,8}}(?:[·•‧・][{TRANSLITERATION}]{{1,8}}){{1,3}}")


def find_chinese_names(text: str) -> list[Span]:
    """Find names before a title, after a word for a role, or standing alone between fitting characters."""
    spans = [*_titled(text), *_introduced(text), *_bare(text), *_with_rare_character(text), *_unlisted(text)]
    if "·" in text or "•" in text or "‧" in text or "・" in text:
        spans += [
            Span(*match.span(), "name") for match in _TRANSLITERATED.finditer(text) if text[match.start() - 1] != "《"
        ]
    return spans


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


def _bare(text: str) -> Iterator[Span]:
    """A name with no word for a person beside it, one character of the given name being a usual one."""
    done = 0
    for first in _BARE.finditer(text):
        start = first.start()
        if start < done:
            continue
        match = _NAME.match(text, start)
        if match is None:
            continue
        for stop in (match.end(), match.end() - 1):
            given = text[start + len(match[1]) : stop]
            if given and _may_be_bare(text, start, match[1], given):
                yield Span(start, stop, "name")
                done = stop
                break


def _may_be_bare(text: str, start: int, surname: str, given: str) -> bool:
    """Whether surname and given name stand here as a name; what costs a look into the dictionary is asked last."""
    stop = start + len(surname) + len(given)
    num_usual = sum(character in GIVEN_CHARACTERS for character in given)
    if not num_usual or given[-1] in _NEVER_LAST:
        return False
    begins = start == 0 or text[start - 1] in BEFORE or not _is_han(text[start - 1])
    ends = stop == len(text) or text[stop] in AFTER or not _is_han(text[stop])
    acts = _ACTS.match(text, stop) is not None
    if len(given) == 1 or surname in ALSO_PARTICLES:
        return begins and acts and not _is_in_dictionary(surname + given)
    if not (begins or ends) and num_usual < len(given):
        return False
    if _begins_word(surname + given, surname) or (is_word(given) and not (begins and acts)):
        return False
    # jieba calls many words names (卫星, 康复), so a shorter one must be cut differently here
    if _is_in_dictionary(surname + given[0]) and stop - 1 in _cuts(text, start, stop):
        return False
    if (begins or _begins_at(text, start)) and (ends or acts or _ends_at(text, stop)):
        return True
    return num_usual == len(given) and {start, stop} <= _cuts(text, start, stop)


def _cuts(text: str, start: int, stop: int) -> set[int]:
    """Where jieba, cutting what stands around into words, lets one begin or end."""
    import rjieba

    place = max(0, start - _AROUND)
    cuts = {place}
    for word in rjieba.cut(text[place : stop + _AROUND]):
        place += len(word)
        cuts.add(place)
    return cuts


def _with_rare_character(text: str) -> Iterator[Span]:
    """Two or three characters, one of them rare, that are no words."""
    rare_places = [match.start() for match in _RARE.finditer(text)]
    if len(rare_places) > 3 + _MAX_RARE_SHARE * len(text):
        return
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

    return value in NEVER_NAMES or (_is_in_dictionary(value) and not rjieba.tag(value)[0][1].startswith("nr"))


@lru_cache(maxsize=65_536)
def _is_in_dictionary(value: str) -> bool:
    import rjieba

    return len(value) > 1 and bool(rjieba.has_word(value))
