"""Full-width forms and traditional characters read as what the word lists hold; places stay what they are."""

from __future__ import annotations

import re
from typing import Final

from tunesmith.text.traditional import simplified

_FULL_WIDTH: Final = re.compile("[０-９Ａ-Ｚａ-ｚ＠＋]|（(?=[0-9])")
_TO_HALF_WIDTH: Final = {
    ord("！") + place: ord("!") + place for place in range(94) if chr(ord("!") + place) not in ",:;?!"
}


def folded(text: str) -> str:
    """The text, one character for one: traditional ones simplified, full-width digits, letters and signs as ASCII."""
    return simplified(text.translate(_TO_HALF_WIDTH) if _FULL_WIDTH.search(text) else text)
