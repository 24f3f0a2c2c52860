"""Quantities as reports and tables write them: a number, its scale and its unit, in English and Chinese.

====================  ==============  =======================================
written               asked for in    value
====================  ==============  =======================================
`12.3亿元`            `亿元`          12.3
`12.3亿元`            `元`            1230000000
`$4.5 million`        `USD`           4500000
`450万美元`           `$ million`     4.5
`(1,234)` in a cell   `万元`          -1234
`-3.2%`               `%`             -3.2
====================  ==============  =======================================

Texts are compared as `fold` makes them, so that width, case, script and runs of white space do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

from tunesmith.text.numbers import WRITTEN_NUMBER, simplified_numerals, written_number
from tunesmith.text.traditional import uniform

# A lone `¥` is taken for the yuan.
_SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "CNY": ("人民币元", "人民币", "元", "RMB", "CNY", "yuan", "¥"),
    "USD": ("美元", "美金", "US dollars", "dollars", "dollar", "USD", "US$", "$"),
    "EUR": ("欧元", "euros", "euro", "EUR", "€"),
    "GBP": ("英镑", "pounds", "GBP", "£"),
    "HKD": ("港元", "港币", "HKD", "HK$"),
    "JPY": ("日元", "日圆", "yen", "JPY"),
    "TWD": ("新台币", "台币", "TWD", "NT$"),
    "%": ("%", "percent", "per cent"),
    "pp": ("个百分点", "百分点", "percentage points", "percentage point", "pp"),
}
_NAMES: Final = {spelling.casefold(): name for name, spellings in _SPELLINGS.items() for spelling in spellings}
_SCALE_WORDS: Final = "thousand|million|billion|trillion"
_SCALE: Final = rf"[十百千万]?亿|[十百千]?万|千(?![克米瓦卡帕赫伏焦])|百(?!分)|(?:{_SCALE_WORDS})(?![a-z])"
_UNIT: Final = re.compile(
    rf"(?P<scale>{_SCALE})\s?(?P<unit>.*)|(?P<unit_before>.+?)\s?(?P<scale_after>{_SCALE}|(?<=[$€£¥])(?:bn|[kmb]))"
)
_SIGN: Final = r"(?P<{0}>[-\N{{MINUS SIGN}}])?\s?"
_NOT_INSIDE: Final = r"(?<![0-9])(?<![0-9][.,])(?<![0-9][-~–—至到])"
_NOT_IN_WORD: Final = r"(?<![a-z])"
_SPACES: Final = re.compile(r"\s+")
# What may stand between the name of a figure and its number: no other number but years and shares.
_DIGITS: Final = re.compile(r"[-\N{MINUS SIGN}]?\s?[0-9][0-9,]*(?:\.[0-9]+)?")
_GAP: Final = r"(?:(?:19|20)[0-9]{2}(?![0-9])|[0-9]+(?:\.[0-9]+)?%|(?!\.\s)[^0-9,;。!?、\n]){0,30}?"
# `A and B were 4 and 5, respectively`: which number is whose needs a reader.
_RESPECTIVELY: Final = re.compile(r"[^;。!?\n]{0,200}?(?:分别|respectively)")


@dataclass(frozen=True)
class Unit:
    """A unit and its scale: `亿元` is the unit of the yuan, a hundred million of them."""

    written: str
    name: str
    """Equal for all spellings of one unit: `CNY`, `USD`, `%`; any other unit by its own word."""
    scale: Decimal

    @classmethod
    def of(cls, written: str) -> Unit:
        """The unit that a text names, such as `亿元`, `million dollars`, `USD million`, `$m`, `%`, `万股`."""
        text = fold(written).strip()
        found = _UNIT.fullmatch(text)
        if found is None:
            return cls(written, _name(text), Decimal(1))
        scale = written_number("1" + (found["scale"] or found["scale_after"]))
        assert scale is not None
        return cls(written, _name(found["unit"] or found["unit_before"] or ""), scale)

    @cached_property
    def pattern(self) -> str:
        """Regular expression of a quantity in this unit, whatever its scale; of a number, where it has no name."""
        number = rf"{_SIGN.format('sign_after')}(?P<number_after>{WRITTEN_NUMBER})"
        if not self.name:
            return _NOT_INSIDE + number
        spellings = sorted(_SPELLINGS.get(self.name, (self.name,)), key=len, reverse=True)
        words = "|".join(
            re.escape(word) + (r"(?![a-z])" if word[-1].isalpha() else "") for word in map(fold, spellings)
        )
        before = rf"{_SIGN.format('sign_before')}{_NOT_IN_WORD}(?:{words})\s?{_SIGN.format('sign_inside')}"
        number_before = rf"(?P<number_before>{WRITTEN_NUMBER}(?:(?<=[0-9])\s?(?:bn|[kmb])(?![a-z]))?)"
        return rf"{_NOT_INSIDE}(?:{before}{number_before}|{number}\s?(?:{words}))"

    def write(self, number: str) -> str:
        """The number with the unit where readers expect it: `12.3亿元`, `4.5 million dollars`, `$4.5 million`."""
        sign = self.written[: len(self.written) - len(self.written.lstrip("$€£¥￥"))]
        if sign:
            rest = self.written.removeprefix(sign).strip()
            return f"{sign}{number}{' ' if len(rest) > 2 else ''}{rest}"
        is_word = self.written[:1].isascii() and self.written[:1].isalpha()
        return f"{number} {self.written}" if is_word else f"{number}{self.written}"


PLAIN: Final = Unit("", "", Decimal(1))
"""No unit: a number, scaled or not."""


def fold(text: str) -> str:
    """NFKC, case folding and simplified characters; a run of white space becomes one line feed where it holds one, else
    one space."""
    return _SPACES.sub(_one_space, uniform(simplified_numerals(text)))


def _one_space(run: re.Match[str]) -> str:
    return "\n" if "\n" in run[0] else " "


def read_quantity(text: str, unit: Unit = PLAIN) -> Decimal | None:
    """The value of a text that is one quantity, such as a cell of a table, in `unit`; None for any other text.

    A bare number is taken to be in the unit already; one with a scale or a unit of its own is converted. A number in
    parentheses is negative, as accountants write it.
    """
    folded = fold(text).strip()
    is_negative = folded.startswith("(") and folded.endswith(")")
    folded = folded[1:-1].strip() if is_negative else folded
    is_bare = _DIGITS.fullmatch(folded) is not None
    found = re.fullmatch(PLAIN.pattern, folded) or re.fullmatch(unit.pattern, folded)
    value = None if found is None else _value(found, PLAIN if is_bare else unit)
    return -value if is_negative and value is not None else value


class FigurePattern:
    """A pattern such as `营业收入*{number}`: `{number}` is a quantity, `*` up to 30 characters of the same clause.

    White space of the pattern may be any or none in the text; case, width and script do not count. The characters of
    `*` hold no number but years and percentages; a sentence that says `respectively` or `分别` is left to readers.
    """

    def __init__(self, pattern: str, unit: Unit = PLAIN) -> None:
        folded = fold(pattern.strip())
        before, _, after = folded.partition("{number}")
        self._unit = unit
        self._begins_word = "a" <= folded[:1] <= "z"
        # nothing stands before the first literal, so that the engine can jump to it
        self._expression = re.compile(_literal(before) + unit.pattern + _literal(after))

    def find(self, folded: str) -> tuple[int, Decimal] | None:
        """Where the first match begins in a text that `fold` has folded, and its value in the unit."""
        for found in self._expression.finditer(folded):
            start = found.start()
            is_inside_word = self._begins_word and "a" <= folded[max(0, start - 1) : start] <= "z"
            if is_inside_word or _RESPECTIVELY.match(folded, start):
                continue
            value = _value(found, self._unit)
            if value is not None:
                return start, value
        return None


def _literal(text: str) -> str:
    return _GAP.join(r"\s?".join(map(re.escape, re.split(r"\s", piece))) for piece in text.split("*"))


def _value(found: re.Match[str], unit: Unit) -> Decimal | None:
    pieces = found.groupdict()
    number = written_number(pieces.get("number_before") or pieces["number_after"])
    if number is None:
        return None
    is_negative = any(pieces.get(name) for name in ("sign_before", "sign_inside", "sign_after"))
    return (-number if is_negative else number) / unit.scale


def _name(word: str) -> str:
    folded = fold(word).strip()
    return _NAMES.get(folded, folded)
