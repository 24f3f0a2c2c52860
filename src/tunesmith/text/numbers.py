"""Numbers in one written form: plain digits, so that `1.5亿`, `１５０００万` and `150,000,000` are the same text.

==============================  ===========================  ==================================================
written                         becomes                      only when
==============================  ===========================  ==================================================
`１２．５`                        `12.5`                       always
`1,234,567`, `１，２３４`         `1234567`, `1234`            groups of three; not the whole of `(100,200)`
`1.5亿`, `3万5千`, `5千万`        `150000000`, `35000`, ...    not `3万5`, whose last digit has no unit
`二十三个`, `一万二千元`           `23个`, `12000元`            well formed, with 十百千万亿, before a unit
`1.2 million`, `3 billion`      `1200000`, `3000000000`      the word ends there
`5k`                            `5000`                       small k, the word ends there
`$5M`, `£2bn`, `€3K`            `$5000000`, ...              behind a currency sign
==============================  ===========================  ==================================================

A range that shares its unit (`3-5万`, `3 to 5 million`) says what it says only as a whole, and stays; so do numbers
inside words (`B2C1,234`), units of measure (`5千克`), and code. Traditional characters count as simplified ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from tunesmith.text.repair import outside_code
from tunesmith.text.traditional import simplified

_FORMAL_NUMERALS: Final = "〇两壹贰叁肆伍陆柒捌玖拾佰仟"
_PLAIN_NUMERALS: Final = str.maketrans(_FORMAL_NUMERALS, "零二一二三四五六七八九十百千")
# what 參 is beside numerals of its kind is 叁 in simplified characters, not 参, and 人參 is ginseng
_TRADITIONAL_THREE: Final = re.compile("(?<=[零拾佰仟])參|(?<!人)參(?=[拾佰仟萬億])")
_DIGITS: Final = "零一二三四五六七八九"
_MULTIPLIERS: Final = {"亿": 10**8, "万": 10**4, "千": 1000, "百": 100, "十": 10}
_SCALES: Final = {
    **_MULTIPLIERS,
    **{"十万": 10**5, "百万": 10**6, "千万": 10**7},
    **{"十亿": 10**9, "百亿": 10**10, "千亿": 10**11, "万亿": 10**12},
    **{"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12},
    **{"k": 10**3, "m": 10**6, "b": 10**9, "bn": 10**9},
}
_ASCII_DIGIT = re.compile("[0-9]")
_NARROW: Final = str.maketrans("０１２３４５６７８９．，", "0123456789.,")
_PLAIN_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_WIDE_NUMBER = re.compile("(?:[０-９]{1,3}(?:，[０-９]{3})+(?![０-９])|[０-９]+)(?:．[０-９]+)?")
_NOT_INSIDE: Final = r"(?<![A-Za-z0-9_.,])"
_GROUPED = re.compile(rf"{_NOT_INSIDE}[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+(?![0-9]|,[0-9])")
_MONEY = re.compile(r"(?P<sign>[$€£¥￥]\s?)(?P<number>\d+(?:\.\d+)?)(?P<scale>[kKmMbB]|bn)(?!\w)", re.ASCII)
_ENGLISH = re.compile(
    rf"{_NOT_INSIDE}(?P<number>\d+(?:\.\d+)?)(?P<scale>[ \t]?(?i:thousand|million|billion|trillion)|k)(?!\w|-[A-Za-z])",
    re.ASCII,
)
# Neither the thousand of a kilogram or a kilowatt, nor the hundred of a percentage.
_PART: Final = r"[0-9]+(?:\.[0-9]+)?[ \t]?(?:[十百千万]?亿|[十百千]?万|千(?![克米瓦卡帕赫伏焦])|百(?!分))"
_CHINESE = re.compile(rf"{_NOT_INSIDE}{_PART}(?:零?{_PART})*(?![0-9〇两{_DIGITS}])")
_ONE_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)[ \t]?([十百千万亿]+)")
_NUMERALS: Final = _DIGITS + _FORMAL_NUMERALS + "".join(_MULTIPLIERS)
_UNITS: Final = (
    "个|人|名|位|元|块|美元|欧元|英镑|日元|日圆|港元|件|台|辆|架|艘|只|头|匹|条|根|张|次|天|岁|年|周|小时|分钟|秒|公里|里|千米|米|厘米|"
    "毫米|公斤|千克|克|吨|斤|升|毫升|亩|公顷|平方|立方|倍|份|家|户|所|间|栋|层|本|册|页|篇|字|句|项|种|款|支|瓶|箱|包|袋|套|"
    "双|对|股|票|分(?!之)|度|步|级|届|期|节|道|题"
)
_DIGITS_IN_GROUPS: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
_PART_IN_GROUPS: Final = _PART.replace(r"[0-9]+(?:\.[0-9]+)?", _DIGITS_IN_GROUPS, 1)
WRITTEN_NUMBER: Final = (
    rf"(?:{_PART_IN_GROUPS}(?:零?{_PART})*"
    rf"|{_DIGITS_IN_GROUPS}(?:[ \t]?(?i:thousand|million|billion|trillion)(?![A-Za-z]))?"
    rf"|[{_NUMERALS}]{{2,}})(?![.,]?[0-9])"
)
"""Regular expression of what `written_number` may know the value of, in simplified characters; letters such as the k of
`5k` are no part."""
_SPELT = re.compile(rf"(?<![{_NUMERALS}几数])[{_NUMERALS}]{{2,}}(?={_UNITS})")
_RANGE_BEFORE = re.compile(r"[0-9]\s?(?:[-~～–—至到]|to|and|or)\s?\Z")


def normalise_numbers(text: str) -> str:
    """Return the text with its numbers in plain digits, after the table above; code stays as it is."""
    return outside_code(text, _normalise)


def chinese_number(numeral: str) -> int | None:
    """The value of a Chinese numeral written in full, with 十百千万亿; None for any other text.

    >>> chinese_number("一亿零三百万二千零二十三")
    103002023

    Neither `一千五` (said for 1500, written for 1005), `二三十` nor digits in a row (`二〇二五`) are written in full.
    """
    plain = simplified_numerals(numeral).translate(_PLAIN_NUMERALS)
    plain = f"一{plain}" if plain.startswith("十") else plain
    total = section = digit = 0
    for character in plain:
        scale = _MULTIPLIERS.get(character, 0)
        if not scale:
            digit = _DIGITS.find(character)
        elif scale == 10**8:
            total, section, digit = (total + section + digit) * scale, 0, 0
        elif scale == 10**4:
            total, section, digit = total + (section + digit) * scale, 0, 0
        else:
            section, digit = section + digit * scale, 0
    total += section + digit
    # 零 may stand behind 万 and 亿 where no place is skipped.
    forms = (plain, plain.replace("万零", "万").replace("亿零", "亿"))
    return total if total >= 10 and _written(total) in forms else None


def written_number(text: str) -> Decimal | None:
    """The value of a text that is one number in any of the forms above; None for any other text.

    >>> written_number("3万5千"), written_number("1,234.5 million"), written_number("5bn"), written_number("3万5")
    (Decimal('35000'), Decimal('1234500000'), Decimal('5000000000'), None)
    """
    spelt = chinese_number(text)
    # behind the sign of a currency a number may be scaled by a letter
    plain = str(spelt) if spelt is not None else _normalise(f"${text.strip()}").removeprefix("$")
    return Decimal(plain) if _PLAIN_NUMBER.fullmatch(plain) else None


def _written(value: int) -> str:
    """The numeral of a whole number from 1: each multiplier with what is above it, 零 where a place is skipped."""
    for sign, scale in _MULTIPLIERS.items():
        if value >= scale:
            above, rest = divmod(value, scale)
            skipped = "零" if 0 < rest < scale // 10 else ""
            return f"{_written(above)}{sign}{skipped}{_written(rest) if rest else ''}"
    return _DIGITS[value]


def _normalise(text: str) -> str:
    if not text.isascii():
        text = _WIDE_NUMBER.sub(lambda found: found[0].translate(_NARROW), text)
    if _ASCII_DIGIT.search(text):
        text = _GROUPED.sub(_ungrouped, text)
        text = _MONEY.sub(_scaled, text)
        text = _ENGLISH.sub(_scaled, text)
    return text if text.isascii() else _rewritten(_SPELT, _spelt, _rewritten(_CHINESE, _summed, text))


def _rewritten(pattern: re.Pattern[str], write: Callable[[re.Match[str]], str | None], text: str) -> str:
    """The text with what is found in it, read as simplified characters, written anew; where `write` gives None, and
    between, it stays as it is."""
    pieces, end = [], 0
    for found in pattern.finditer(simplified_numerals(text)):
        new = write(found)
        if new is not None:
            pieces += [text[end : found.start()], new]
            end = found.end()
    return "".join([*pieces, text[end:]])


def _ungrouped(found: re.Match[str]) -> str:
    around = found.string[found.start() - 1 : found.start()] + found.string[found.end() : found.end() + 1]
    return found[0] if around in ("()", "[]", "{}") else found[0].replace(",", "")


def _scaled(found: re.Match[str]) -> str:
    if _shares_unit(found):
        return found[0]
    value = Decimal(found["number"]) * _SCALES[found["scale"].strip().lower()]
    return found.groupdict().get("sign", "") + plain_number(value)


def simplified_numerals(text: str) -> str:
    """The text in simplified characters, numerals among them; places stay what they are."""
    return simplified(_TRADITIONAL_THREE.sub("叁", text))


def _summed(found: re.Match[str]) -> str | None:
    """The sum of the parts, each of which must be less than one of the unit before it."""
    parts = [(Decimal(number) * _SCALES[scale], _SCALES[scale]) for number, scale in _ONE_PART.findall(found[0])]
    falls = all(value < scale for (value, _), (_, scale) in zip(parts[1:], parts, strict=False))
    return plain_number(sum((value for value, _ in parts), Decimal(0))) if falls and not _shares_unit(found) else None


def _spelt(found: re.Match[str]) -> str | None:
    value = chinese_number(found[0])
    return None if value is None else str(value)


def _shares_unit(found: re.Match[str]) -> bool:
    """Whether the number ends a range, whose beginning has no unit of its own."""
    return _RANGE_BEFORE.search(found.string[max(0, found.start() - 6) : found.start()]) is not None


def plain_number(value: Decimal) -> str:
    """The number in digits, without an exponent and without zeros at its end."""
    written = f"{value:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written
