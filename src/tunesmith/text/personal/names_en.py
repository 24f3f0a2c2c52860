"""Names of persons in Latin letters: runs of capitalised words, judged by lists and by the words around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tunesmith.text.personal.span import Span
from tunesmith.text.personal.words import any_of, words
from tunesmith.text.personal.words_en import (
    GIVEN_NAMES,
    GREETINGS,
    PARTICLES,
    PINYIN_SURNAMES,
    ROLES,
    SENTENCE_WORDS,
    STREET_TYPES,
    SURNAMES,
    THING_SUFFIXES,
    THINGS,
    TITLES,
)

_LOWER: Final = "a-zß-öø-ÿĀ-ſ"
_UPPER: Final = "A-ZÀ-ÖØ-ÞĀ-Ž"
_WORD: Final = (
    # a short title has a full stop, as an initial has
    rf"[{_UPPER}](?:(?:rs?|s|x|rof|ev|gt|apt)?\.|[{_LOWER}]+(?:['’-]?[{_UPPER}][{_LOWER}]+)*"
    rf"|['’][{_UPPER}][{_LOWER}]+(?:-[{_UPPER}][{_LOWER}]+)?)"
)
_RUN: Final = re.compile(rf"{_WORD}(?: (?:(?:{PARTICLES}) ){{0,2}}{_WORD})*")
_LABEL: Final = re.compile(
    r"(?:name|patient|customer|client|employee|applicant|tenant|owner|holder|contact|recipient|sender|signed|attn|attention|"
    r"from|to|by|author|manager|guest|passenger|witness|beneficiary|insured|doctor|physician|姓名|名字|联系人|收件人|客户|患者)"
    r"[\"']?\s{0,2}[:：=][ \t\"']{0,3}$",
    re.IGNORECASE,
)
_INTRODUCED: Final = re.compile(
    r"(?:\b(?:name(?: is|['’]s| was)|I(?: am|['’]m|,)|[Tt]his is|called|named|care of|c/o)|我叫|名叫|我是|叫)\s?$"
)
_SIGNED_OFF: Final = re.compile(
    r"(?:regards|sincerely|cheers|thanks|thank you|yours|yours truly|faithfully|wishes|love|best|respectfully)"
    r"[,.!]?[ \t]*\n\s*$",
    re.IGNORECASE,
)
_PERSON_BEFORE: Final = re.compile(
    rf"\b(?:(?:{any_of(words('en_persons'))}),?(?: is| was)?"
    rf"|{any_of(words('en_done_to_persons'))}|according to|on behalf of|c/o"
    rf"|(?:{any_of(words('en_done_with_persons'))}) (?:with|to)"
    rf"|(?:{any_of(words('en_done_for_persons'))})(?: [a-z]+){{0,4}} (?:to|for|under)"
    rf"|(?:{any_of(words('en_done_by_persons'))})(?: [a-z]+){{0,2}} by"
    rf"|(?:{any_of(words('en_matters_of_persons'))})(?: [a-z]+){{0,2}} (?:from|of|for|by|under|to))\s$",
    re.IGNORECASE,
)
_PERSON_AFTER: Final = re.compile(
    rf"['’]s (?:{any_of(words('en_things_of_persons'))})\b|,? (?:{any_of(words('en_done_as_persons'))}|was born)\b"
    r"|,? (?:has|had|did|does|will)(?: not|n['’]t)\b"
    r"|,? (?:aged? )?[0-9]{1,2}(?:,| years?)|,? here[,.!]| \((?:phone|tel|mobile|e-?mail|born|b\.|DOB|age)"
)
_NAMED: Final = ("my name is ", "My name is ", "名叫", "我叫")
_ENDS_OF_INTRODUCED: Final = (
    " is",
    " am",
    "I'm",
    "I’m",
    "s",
    " was",
    "called",
    "named",
    "I,",
    " of",
    "c/o",
    "叫",
    "是",
)
"""Last characters that `_INTRODUCED` may have before the space: a quick look before it is tried."""
_NOT_BEFORE: Final = frozenset("0123456789_@.-'’abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SMALL_BEFORE: Final = re.compile(rf"(?:^|[\s(])(?!(?:{any_of(words('en_not_before_names'))}|of the)\b)[a-z-]+,? $")
"""A small word before a name: no article, and none that places, works and tools follow."""
_SMALL_AFTER: Final = re.compile(rf"(?:['’]s)?(?:,? (?!(?:{any_of(words('en_not_after_names'))})\b)[a-z]+\b|[.,?!;]|$)")
"""What follows a name: a small word, but none that makes a thing of it (disease, store), or the end."""
_BEFORE_NAMES: Final = words("en_before_names")
"""Words that begin a sentence with a capital and are followed by a name."""
_REACH: Final = 56
_STREET_WORDS: Final = frozenset(STREET_TYPES.split("|")) - SURNAMES
_MAX_WORDS: Final = 4


def find_english_names(text: str) -> Iterator[Span]:
    """Find full names, and single words of a name after a title, an introduction, a greeting or a label."""
    for run in _RUN.finditer(text):
        start = run.start()
        value = run[0]
        if start and text[start - 1] in _NOT_BEFORE:
            continue
        if " " not in value:
            if not value.endswith(".") and _is_single(value, text, start):
                yield Span(start, run.end(), "name")
            continue
        span = _in_run(text, value, start)
        if span is not None:
            yield span


def _in_run(text: str, value: str, start: int) -> Span | None:
    """The name in a run of several words, if it holds one, without what stands before and after it."""
    parts = value.split(" ")
    dropped = ""
    while parts and (parts[0].rstrip(".") in TITLES or parts[0] in SENTENCE_WORDS or parts[0] in ROLES):
        dropped = parts.pop(0)
        start += len(dropped) + 1
    while parts and (parts[-1] in SENTENCE_WORDS or parts[-1].islower() or parts[-1].rstrip(".") in TITLES):
        parts.pop()
    names = [part for part in parts if not part.islower()]
    if not names or len(names) > _MAX_WORDS or names[-1].endswith("."):
        return None
    stop = start + len(" ".join(parts))
    return Span(start, stop, "name") if _is_name(text, names, dropped.rstrip("."), start, stop) else None


def _is_name(text: str, parts: list[str], dropped: str, start: int, stop: int) -> bool:
    first, last = parts[0], parts[-1]
    is_listed = first in GIVEN_NAMES or last in SURNAMES or (first in PINYIN_SURNAMES and len(parts) == 2)
    if len(parts) > 1 and first in GIVEN_NAMES and last in SURNAMES:
        return True
    things = [part for part in parts if part in THINGS or part in _STREET_WORDS]
    if any(part not in GIVEN_NAMES and part not in SURNAMES for part in things):
        return False
    if dropped in TITLES:
        return True
    if len(parts) == 1:
        is_greeted = dropped in GREETINGS and first in GIVEN_NAMES
        return is_greeted or _is_single(first, text, start)
    if is_listed and not things:
        return not last.endswith(THING_SUFFIXES) or last in SURNAMES
    if not is_listed and any(part.lower().endswith(THING_SUFFIXES) for part in parts):
        return False
    if dropped in ROLES or dropped in GREETINGS:
        return True
    before = text[max(0, start - _REACH) : start]
    return _has_cue(text, before, stop) or (len(parts) < _MAX_WORDS and _in_sentence(text, dropped, before, stop))


def _in_sentence(text: str, dropped: str, before: str, stop: int) -> bool:
    """Whether two or three capitalised words stand as a name does: between small words, with no article before."""
    if dropped and dropped not in _BEFORE_NAMES:
        return False
    if not dropped and not (_SMALL_BEFORE.search(before) or not before.strip() or before.endswith(("\n", ". ", "? "))):
        return False
    return _SMALL_AFTER.match(text, stop) is not None


def _has_cue(text: str, before: str, stop: int) -> bool:
    """Whether the words around say that a person is named."""
    cues = (_LABEL, _INTRODUCED, _SIGNED_OFF, _PERSON_BEFORE)
    return _PERSON_AFTER.match(text, stop) is not None or any(cue.search(before) for cue in cues)


def _is_single(word: str, text: str, start: int) -> bool:
    """One word alone: said to be a name; or a known first name after a label or at the end of a letter."""
    if text.endswith(_NAMED, 0, start):
        return True
    if word not in GIVEN_NAMES:
        return False
    before = text[max(0, start - _REACH) : start]
    if "\n" in before[-3:]:
        return _SIGNED_OFF.search(before) is not None
    end = before.rstrip(" \t\"'")
    if end.endswith((":", "：", "=")):
        return _LABEL.search(before) is not None
    return end.endswith(_ENDS_OF_INTRODUCED) and _INTRODUCED.search(before) is not None
