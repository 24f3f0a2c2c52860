"""Full-width forms and traditional characters read as what the word lists hold; places stay what they are."""

from __future__ import annotations

import re
from typing import Final

from tunesmith.text.personal.words import words

_FULL_WIDTH: Final = re.compile("[０-９Ａ-Ｚａ-ｚ＠＋]|（(?=[0-9])")
_TO_HALF_WIDTH: Final = {
    ord("！") + place: ord("!") + place for place in range(94) if chr(ord("!") + place) not in ",:;?!"
}
_TO_SIMPLIFIED: Final = {ord(pair[0]): pair[1] for pair in words("zh_traditional")}
"""Of the common characters that have two forms."""
_TRADITIONAL: Final = re.compile(f"[{''.join(map(chr, _TO_SIMPLIFIED))}]")


def folded(text: str) -> str:
    """The text, one character for one: traditional ones simplified, full-width digits, letters and signs as ASCII."""
    if _FULL_WIDTH.search(text):
        text = text.translate(_TO_HALF_WIDTH)
    return text.translate(_TO_SIMPLIFIED) if _TRADITIONAL.search(text) else text
