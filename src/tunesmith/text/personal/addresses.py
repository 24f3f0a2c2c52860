"""Postal addresses: English ones from house number to postcode, Chinese ones from province to room."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tunesmith.text.personal.span import Span
from tunesmith.text.personal.words import words
from tunesmith.text.personal.words_en import STATES, STREET_TYPES
from tunesmith.text.personal.words_zh import CITIES, PROVINCES

_FLAT: Final = r"(?:Apartment|Apt|Suite|Ste|Unit|Flat|Floor|Room|Rm|#)\.? ?#?[0-9]{1,5}[A-Za-z]?"
_TOWN: Final = r"[A-Z][A-Za-z'’.-]+(?: (?:of|on|upon|in|the|[A-Z][A-Za-z'’-]+)){0,3}"
_POSTCODE: Final = (
    rf"(?:(?:{STATES})\.? ?[0-9]{{5}}(?:-[0-9]{{4}})?|[A-Z]{{1,2}}[0-9][0-9A-Z]? ?[0-9][A-Z]{{2}}"
    rf"|(?:{STATES})(?![A-Za-z]))"
)
_TAIL: Final = rf"(?P<tail>(?:,? {_FLAT})?(?:(?:, ?| ?\n){_TOWN})?(?:,? {_POSTCODE})?)(?![A-Za-z0-9])"
_STREET: Final = re.compile(
    rf"(?P<number>[0-9]{{1,5}}(?:[A-Za-z](?![A-Za-z])|[-–/][0-9]{{1,4}})?),? "
    rf"(?P<name>(?:(?:[A-Z0-9][A-Za-z0-9'’.-]*) ){{1,4}}?)(?P<type>{STREET_TYPES})(?![A-Za-z])\.?{_TAIL}"
)
_STREET_HINT: Final = re.compile(r"[0-9](?:[A-Za-z]|[-–/][0-9]{1,4})?,? [A-Z0-9]")
_FLAT_BEFORE: Final = re.compile(rf"{_FLAT}, ?$")
_BOX: Final = re.compile(rf"P\.? ?O\.? ?Box [0-9]{{1,6}}{_TAIL}", re.IGNORECASE)
_AMBIGUOUS_TYPES: Final = words("en_ambiguous_streets")
"""Words that name things other than streets too: they need a town, a postcode, a flat or a word of living before."""
_LIVING: Final = re.compile(
    r"(?:at|address\w*:?|lives?|lived|living|in|to|from|is|home:?|ship\w*)\s(?:the )?$", re.IGNORECASE
)

_HAN: Final = "\u4e00-\u9fff"
_UNIT: Final = "号楼|号院|号|栋|幢|座|单元|室|层|楼|户|房|弄|门"
_DOOR: Final = re.compile(
    rf"(?:大道|大街|路|街|巷|弄|里|胡同|村|屯|组|道|小区|花园|公寓|大厦|广场|新村|家园|[苑园庭城府湾轩])"
    rf"(?:[东西南北中]段|[一二三四五六七八九十]段)?[甲乙附]?[A-Z]?[0-9]{{1,5}}(?:-[0-9]{{1,4}}){{0,2}}(?:{_UNIT})"
)
_DOOR_HINT: Final = re.compile(rf"[0-9](?:{_UNIT})")
_MORE: Final = re.compile(
    rf"(?:之?[0-9]{{1,3}})?(?:[{_HAN}A-Za-z]{{0,9}}?[0-9A-Z]{{1,5}}(?:-[0-9]{{1,4}}){{0,2}}(?:{_UNIT}))*(?:[0-9]{{3,4}}(?![0-9年月日.]))?"
)
_WEAK_DOOR: Final = re.compile(r"^(?:道|里|城|府|湾|轩|园|组|村|庭|苑|广场|大厦)")
_CLAUSE: Final = re.compile(rf"[{_HAN}0-9A-Za-z]{{0,32}}$")
_PLACE: Final = re.compile(f"(?:{PROVINCES}|{CITIES})")
_ADMIN: Final = re.compile(rf"[{_HAN}](?:省|自治区|市|自治州|县|区|旗|镇|乡|街道)")
_CUT: Final = re.compile(r"[在到至往是为于住址给从去来搬迁寄送了的把误回过向由还：]")
_LONGEST_NAME: Final = 4
"""Characters kept of a place or road when no word before it shows where it begins."""


def find_addresses(text: str, has_han: bool) -> Iterator[Span]:
    """Find postal addresses with at least a road and a number, or an estate and a number of building or room."""
    for hint in _STREET_HINT.finditer(text):
        start = hint.start()
        while start and text[start - 1] in "0123456789":
            start -= 1
        match = _STREET.match(text, start)
        if match:
            flat = _FLAT_BEFORE.search(text, max(0, start - 20), start)
            if flat or _is_street(text, match):
                yield Span(flat.start() if flat else start, match.end(), "address")
    if "Box " in text or "BOX " in text:
        yield from (Span(*match.span(), "address") for match in _BOX.finditer(text))
    if has_han and _DOOR_HINT.search(text):
        yield from _chinese(text)


def _is_street(text: str, match: re.Match[str]) -> bool:
    start = match.start()
    if start and (text[start - 1].isalnum() or text[start - 1] in "$€£.,/:-") and text[start - 1].isascii():
        return False
    if match["type"] not in _AMBIGUOUS_TYPES or match["tail"]:
        return True
    return _LIVING.search(text[max(0, start - 16) : start]) is not None


def _chinese(text: str) -> Iterator[Span]:
    done = 0
    for door in _DOOR.finditer(text):
        if door.start() < done:
            continue
        clause = _CLAUSE.search(text, done, door.start())
        before = clause[0] if clause else ""
        start = door.start() - len(before) + _first_place(before)
        has_area = (
            _ADMIN.search(text, start, door.end()) is not None or _PLACE.search(text, start, door.end()) is not None
        )
        if start == door.start() or (_WEAK_DOOR.match(door[0]) and not has_area):
            continue
        more = _MORE.match(text, door.end())
        done = more.end() if more else door.end()
        yield Span(start, done, "address")


def _first_place(before: str) -> int:
    """Where in the characters before the road's last word the address begins."""
    known = _PLACE.search(before)
    if known:
        return known.start()
    area = _ADMIN.search(before)
    stop = area.start() + 1 if area else len(before)
    cuts = [cut.end() for cut in _CUT.finditer(before, 0, stop) if cut.end() < stop]
    first = cuts[-1] if cuts else 0
    return max(first, stop - _LONGEST_NAME)
