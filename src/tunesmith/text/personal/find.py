"""All finders together: what is personal in a text, as spans that do not overlap."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import Final

from tunesmith.text.personal.addresses import find_addresses
from tunesmith.text.personal.fold import folded
from tunesmith.text.personal.names_en import find_english_names
from tunesmith.text.personal.names_zh import find_chinese_names
from tunesmith.text.personal.numbers import find_birth_dates, find_ipv6, find_numbers
from tunesmith.text.personal.secrets import find_emails, find_secrets
from tunesmith.text.personal.span import PERSONAL_TYPES, PersonalType, Span

_HAN: Final = re.compile("[\u4e00-\u9fff]")
_DIGIT: Final = re.compile("[0-9]")
_NUMERIC: Final = re.compile(
    r"[0-9(+](?:[0-9 ().\-]{5,}[0-9]|[0-9] ?[0-9A-Z]{4}|(?:[A-Za-z]|[-–/][0-9]{1,4})?,? [A-Z0-9]"
    r"|[号楼栋幢座单室层户房弄门])"
)
"""Holds wherever a number or an address may be: one pass instead of five."""
_BIRTH_WORDS: Final = ("born", "birth", "dob", "d.o.b")
_BIRTH_WORDS_ZH: Final = ("出生", "生日", "生于", "诞")
_RANK: Final = {kind: rank for rank, kind in enumerate(PERSONAL_TYPES)}


def find_personal(text: str, types: Collection[PersonalType] = PERSONAL_TYPES) -> list[Span]:
    """Return the personal data in `text` in order of place, without overlaps.

    Names, addresses and dates of birth are looked for only where they are among `types`; the other types are always
    told from each other, so spans of types that are not wanted may be among those returned.

    Where two finds overlap, a secret stays before anything else, then the longer one, then the more specific type
    (`PERSONAL_TYPES`). First names alone, without title, greeting or introduction, are not found: they tell no person
    from another, and stories are full of them. Full-width digits and letters
    count as their ASCII forms, traditional characters as the simplified ones.
    """
    is_ascii = text.isascii()
    flat = text if is_ascii else folded(text)
    has_han = not is_ascii and _HAN.search(flat) is not None
    spans = find_secrets(flat)
    if "@" in flat:
        spans += find_emails(flat)
    if _DIGIT.search(flat):
        spans += _with_digits(flat, has_han, types)
    if "::" in flat or flat.count(":") >= 7:
        spans += find_ipv6(flat)
    if "name" in types:
        spans += find_english_names(flat)
        if has_han:
            spans += find_chinese_names(flat)
    return without_overlaps(spans) if spans else spans


def _with_digits(text: str, has_han: bool, types: Collection[PersonalType]) -> Iterator[Span]:
    if _NUMERIC.search(text):
        yield from find_numbers(text)
        if "address" in types:
            yield from find_addresses(text, has_han)
    if "birth-date" not in types:
        return
    lowered = text.lower()
    if any(word in lowered for word in _BIRTH_WORDS) or (has_han and any(word in text for word in _BIRTH_WORDS_ZH)):
        yield from find_birth_dates(text)


def without_overlaps(spans: Sequence[Span]) -> list[Span]:
    """Return the spans that stay where several claim the same characters, in order of place."""
    kept: list[Span] = []
    for span in sorted(spans, key=_precedence):
        place = bisect_left(kept, span.stop, key=attrgetter("start"))
        if not place or kept[place - 1].stop <= span.start:
            kept.insert(place, span)
    return kept


def _precedence(span: Span) -> tuple[bool, int, int, int]:
    return (span.type != "secret", span.start - span.stop, _RANK[span.type], span.start)
