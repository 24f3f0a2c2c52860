"""Normal forms of text: one for comparing short answers, one for finding exact duplicates."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from tunesmith.text.tokens import HAN, KANA

# Punctuation that carries meaning at the end of an answer: "50%", "C#", "AT&T", "@home".
_MEANINGFUL = frozenset("%‰#&@")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_ZERO_FRACTION = re.compile(r"(?<![\d.])(\d+)\.0+(?![\d.]*\d)")
_BEGINS_NUMBER = re.compile(r"-?\.?\d")
_WHOLE_NUMBER = re.compile(r"-?\d*\.\d+")
_CJK = rf"{HAN}{KANA}\u3001-\u303f\u30fb-\u30ff"
_CJK_CHARACTER = re.compile(rf"[{_CJK}]")
# A space without a letter or digit of another script on both sides, as "iPhone 15" has them.
# The space comes first in the pattern, so that the search leaps from one to the next.
_IDLE_SPACE = re.compile(rf" (?:(?<![^\W{_CJK}] )|(?![^\W{_CJK}]))")


def normalise_answer(text: str) -> str:
    """Return the form in which two short answers are compared by exact match.

    NFKC and case folding, white space collapsed, punctuation of either language stripped at both ends (a sign or a
    decimal point before a digit stays, so do ``% ‰ # & @``). Thousands separators and an all-zero fraction are dropped
    from every number; an answer that is nothing but a number also loses trailing zeros. So ``1,234.0``, ``１２３４``
    and ``1234.`` are one answer, while ``Python 3.10`` and ``Python 3.1`` stay two. Text of only punctuation is kept.
    """
    folded = _fold(text).replace("\N{MINUS SIGN}", "-")
    stripped = _strip_punctuation(folded) or folded
    without_commas = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), stripped)
    shortened = _ZERO_FRACTION.sub(r"\1", without_commas)
    return _plain_decimal(shortened) if _WHOLE_NUMBER.fullmatch(shortened) else shortened


def unstyled(text: str, style: str) -> str:
    """What stands in the place of `{prompt}` in a text of this style (`prepare.user_style`); another text as it is."""
    begin, _, end = style.partition("{prompt}")
    is_styled = len(text) >= len(begin) + len(end) and text.startswith(begin) and text.endswith(end)
    return text[len(begin) : len(text) - len(end)] if is_styled else text


def fingerprint(text: str) -> str:
    """Return 32 hexadecimal digits of SHA-256 that texts share when they differ in width, case or white space only.

    How much white space there is never counts. Where any stands counts between words; in text that holds Chinese or
    Japanese only between two words of other scripts: ``知更鸟 手机， iPhone 15`` is ``知更鸟手机,iPhone 15``.
    """
    folded = _fold(text)
    if not folded.isascii() and _CJK_CHARACTER.search(folded):
        folded = _IDLE_SPACE.sub("", folded)
    # Lone surrogates are legal in JSON strings; they must not stop a whole file.
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _fold(text: str) -> str:
    if text.isascii():
        return " ".join(text.lower().split())
    # Case folding can undo the composition (as in "ǰ"), hence the second NFKC.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def _strip_punctuation(text: str) -> str:
    start, end = 0, len(text)
    while end > start and _is_strippable(text[end - 1], also="~"):
        end -= 1
    while start < end and _is_strippable(text[start]) and not _begins_number(text, start, end):
        start += 1
    return text[start:end]


def _is_strippable(character: str, also: str = "") -> bool:
    if character in _MEANINGFUL:
        return False
    return character.isspace() or character in "`" + also or unicodedata.category(character).startswith("P")


def _begins_number(text: str, start: int, end: int) -> bool:
    return _BEGINS_NUMBER.match(text, start, end) is not None


def _plain_decimal(number: str) -> str:
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    return f"{sign}{whole or '0'}" + (f".{fraction}" if fraction else "")
