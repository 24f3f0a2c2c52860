"""The units that ROUGE, n-grams and TF-IDF count, the same for English and Chinese."""

from __future__ import annotations

import re
import unicodedata

# Han with its extensions and the two marks written as characters (々 〇).
HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Kana are written without spaces too, so each stands alone like a Han character.
KANA = "\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff"
_HAN_CHARACTER = re.compile(f"[{HAN}]")
_UNIT = re.compile(rf"[{HAN}{KANA}]|[^\W_{HAN}{KANA}]+")


def words(text: str) -> list[str]:
    """Return the units of a text: each CJK character is one, each run of other letters and digits is one.

    Width and case are folded first (NFKC, case folding); punctuation, underscores and spaces separate and are dropped.
    On ASCII text the units are those of the ``rouge_score`` package without stemming.

    >>> words("iPhone 15 无法开机!")
    ['iphone', '15', '无', '法', '开', '机']
    """
    return _UNIT.findall(unicodedata.normalize("NFKC", text).casefold())


def is_han(character: str) -> bool:
    return _HAN_CHARACTER.fullmatch(character) is not None
