"""The words that carry a text's meaning: numbers, negations, names, and words of direction.

An edit must leave them alone (`protected`), and a text that says the same has the same of them (`numbers_of`,
`negations_of`, `names_of`, `directions_of`), however it is worded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from tunesmith.text.numbers import chinese_number, normalise_numbers
from tunesmith.text.personal import find_personal
from tunesmith.text.personal.words import any_of, words
from tunesmith.text.repair import narrow_full_width
from tunesmith.text.tokens import HAN
from tunesmith.text.traditional import simplified

_DECIMAL: Final = re.compile(r"\d+(?:\.\d+)?")
_DIGITS: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
_UNITS: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES: Final = {
    **{word: value for value, word in enumerate(_UNITS)},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
}
_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_NUMBER_WORD: Final = "|".join([*_VALUES, *_SCALES])
_SPELT: Final = re.compile(rf"\b(?:{_NUMBER_WORD})(?:(?:[ -]|\sand\s)(?:{_NUMBER_WORD}))*\b", re.IGNORECASE)
# 一 counts little more than "a", and stands in countless words
_SPELT_ZH: Final = re.compile(
    r"(?<![零〇一二三四五六七八九十百千万亿两])(?:[两二三四五六七八九](?=[个只条张次天日月年周岁元块笔位名台家件份倍成季度人分秒点页行种项套辆支])"
    r"|[零〇一二三四五六七八九十百千万亿两]{2,}|十)"
)
_NEGATION: Final = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|cannot|without|unable|hardly|scarcely|barely|unless|"
    r"except|fail(?:s|ed|ing)?|lacks?|lacking|refus(?:e|es|ed)|impossible|unlikely)\b|n['’]t\b",
    re.IGNORECASE,
)
_NOT_NEGATIVE_ZH: Final = re.compile(
    r"(.)[不没]\1|是否|能否|可否|有没有|不过|不仅|不但|不只|不断|不管|不论|无论|不少|不久|不同|不错|差不多|非常|特别|"
    r"别人|区别|分别|别的|个别|级别|性别|类别|告别|鉴别|识别|未来|否则|无聊|对不起|不好意思|不用谢|没关系|了不起|不得不|免不了"
)
_NEGATION_ZH: Final = re.compile(
    r"不|没有|没|未|无法|无需|无须|无人|无可|毫无|从无|并无|无(?![线限])|非(?![洲法])|否|勿|莫|别(?![墅名称针])|失败|缺乏|缺少|拒绝"
)
_PLACE_ZH: Final = re.compile(f"{any_of(words('zh_provinces'))}|{any_of(words('zh_cities'))}")
_FUNCTION_ZH: Final = "不过但是的了在和与跟同由被给让请向对叫为找问替把及因而且将到有从比我你他您她它这那哪某个家说去"
_BODY_ZH: Final = re.compile(
    rf"(?:(?![{_FUNCTION_ZH}])[{HAN}]){{2,8}}?(?:股份有限公司|有限公司|公司|银行|集团|大学|医院|法院|证券|保险|基金会)"
)
_CAPITALISED: Final = re.compile(r"(?<=[\w,;:)('\"-] )[A-Z][\w'’-]+|\b[A-Z]{2,}\w*\b|\b\w*[a-z][A-Z]\w*\b")
_MARKED: Final = re.compile(
    r"```.*?```|`[^`\n]+`|https?://\S+|[^\s@]{1,64}+@[^\s@]{1,255}\.\w+|\[[A-Z_]{2,}\]|\{\{?[^{}\n]{1,60}\}?\}|</?[A-Za-z][^<>\n]{0,200}>"
    r"|\$(?![\s\d])[^$\n]{1,200}(?<!\s)\$(?!\d)|《[^《》\n]{1,60}》",
    re.DOTALL,
)
_OPPOSITES: Final = Path(__file__).parent / "lists" / "opposites.txt"


def protected(text: str, phrases: Iterable[str] = ()) -> list[tuple[int, int]]:
    """Where words stand that no edit may touch: these, code, links, placeholders, and `phrases` in any case.

    Sorted, as characters from and up to; they may overlap.
    """
    finds = [_DIGITS, _SPELT, _SPELT_ZH, _NEGATION, _NEGATION_ZH, _PLACE_ZH, _BODY_ZH, _CAPITALISED]
    plain = simplified(text)
    spans = [match.span() for pattern in finds for match in pattern.finditer(plain)]
    spans += [match.span() for match in _direction_words().finditer(plain.casefold())] if _keeps_length(plain) else []
    spans += [(span.start, span.stop) for span in find_personal(text)]
    return sorted(spans + marked(text, phrases))


def marked(text: str, phrases: Iterable[str] = ()) -> list[tuple[int, int]]:
    """Where code, links, placeholders and `phrases` in any case stand."""
    spans = [match.span() for match in _MARKED.finditer(text)]
    folded = text.casefold()
    for phrase in map(str.casefold, phrases):
        if phrase.strip() and len(folded) == len(text):
            spans += [match.span() for match in re.finditer(re.escape(phrase), folded)]
    return spans


def _keeps_length(text: str) -> bool:
    return len(text.casefold()) == len(text)


def numbers_of(text: str) -> frozenset[str]:
    """The numbers that a text states, in plain digits: `five`, `5`, `５` and `五个` are one, `1.5亿` is 150000000."""
    plain = simplified(normalise_numbers(narrow_full_width(text)))
    spelt = _SPELT.sub(lambda match: f" {_value(match[0])} ", plain)
    spelt = _SPELT_ZH.sub(_chinese_value, spelt)
    return frozenset(_trimmed(match[0]) for match in _DIGITS.finditer(spelt)) - {"1"}


def _trimmed(number: str) -> str:
    """Without zeros that say nothing; dates, times and the like stay as they are."""
    return f"{Decimal(number).normalize():f}" if _DECIMAL.fullmatch(number) else number


def _value(spelt: str) -> int:
    total = part = 0
    for word in re.findall("[a-z]+", spelt.lower()):
        if word in _VALUES:
            part += _VALUES[word]
        elif word == "hundred":
            part = max(1, part) * 100
        elif word in _SCALES:
            total, part = total + max(1, part) * _SCALES[word], 0
    return total + part


def _chinese_value(match: re.Match[str]) -> str:
    numeral = match[0]
    value = chinese_number(numeral)
    if value is None and len(numeral) == 1:
        value = "零一二三四五六七八九十".find(numeral.replace("两", "二"))
    return f" {value} " if value is not None and value >= 0 else numeral


def negations_of(text: str) -> int:
    """How many negations a text holds; `是不是`, `不过` and the like are none."""
    rest = _NOT_NEGATIVE_ZH.sub("", simplified(text))
    return sum(1 for _ in _NEGATION.finditer(text)) + sum(1 for _ in _NEGATION_ZH.finditer(rest))


def names_of(text: str) -> frozenset[str]:
    """Names of people, places and bodies, e-mails, links and other named things, case folded."""
    text = simplified(text)
    found = {text[span.start : span.stop] for span in find_personal(text)}
    for pattern in (_MARKED, _CAPITALISED, _PLACE_ZH, _BODY_ZH):
        found |= {match[0] for match in pattern.finditer(text)}
    return frozenset(name.casefold() for name in found if not _is_common(name))


def _is_common(word: str) -> bool:
    """`I`, months and other words of sentences that are capitalised all the same."""
    return word == "I" or word.startswith(("I'", "I’"))


def directions_of(text: str) -> frozenset[tuple[int, int]]:
    """Which side of which pair of opposites (`rise`, `fall`) the text names, as (pair, 0 or 1)."""
    sides = _sides()
    return frozenset(sides[match[0]] for match in _direction_words().finditer(simplified(text).casefold()))


@cache
def _sides() -> dict[str, tuple[int, int]]:
    """Of `lists/opposites.txt`: a pair a line, its sides parted by `|`, the forms of a side by white space."""
    pairs = [line for line in _OPPOSITES.read_text(encoding="utf-8").splitlines() if "|" in line]
    return {
        form: (pair, side)
        for pair, line in enumerate(pairs)
        for side, forms in enumerate(line.split("|"))
        for form in forms.split()
    }


@cache
def _direction_words() -> re.Pattern[str]:
    latin = any_of(frozenset(form for form in _sides() if form.isascii()))
    han = any_of(frozenset(form for form in _sides() if not form.isascii()))
    return re.compile(rf"\b(?:{latin})\b|{han}")


def each_kept(names: Iterable[str], text: str) -> Iterator[str]:
    """The names that do not stand in the text, whatever their case and script."""
    folded = simplified(text).casefold()
    return (name for name in names if name not in folded)
