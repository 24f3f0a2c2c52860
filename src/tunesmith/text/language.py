"""Tell English from Chinese by the share of each script."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from tunesmith.text.tokens import HAN, KANA

Language = Literal["en", "zh", "mixed", "other"]

_LATIN = "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_HAN_CHARACTER = re.compile(rf"[{HAN}]")
_LATIN_WORD = re.compile(rf"[{_LATIN}]+(?:['\u2019][{_LATIN}]+)*")
_OTHER_WORD = re.compile(rf"[{KANA}]|[^\W\d_{HAN}{KANA}{_LATIN}]+")

_MAIN_SHARE = 0.7
_OTHER_SHARE = 0.2


def language_of(text: str) -> Language:
    """Name the language of a text from its scripts alone.

    A Han character, a Latin word, a kana and a word of any other script count one each; digits and punctuation count
    nothing. With their shares of the total:

    ==========================================  =======
    no letter at all, or other scripts >= 0.20  "other"
    Han >= 0.70                                 "zh"
    Latin >= 0.70                               "en"
    anything else                               "mixed"
    ==========================================  =======

    Chinese with a few Latin names stays "zh". Any language in Latin script is called "en": scripts cannot tell more.
    """
    folded = unicodedata.normalize("NFKC", text)
    num_han = len(_HAN_CHARACTER.findall(folded))
    num_latin = len(_LATIN_WORD.findall(folded))
    num_other = len(_OTHER_WORD.findall(folded))
    total = num_han + num_latin + num_other
    if num_other >= _OTHER_SHARE * total:
        # Without a letter both sides are 0, which is "other" too.
        return "other"
    if num_han >= _MAIN_SHARE * total:
        return "zh"
    return "en" if num_latin >= _MAIN_SHARE * total else "mixed"
