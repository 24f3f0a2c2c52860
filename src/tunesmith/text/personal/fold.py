"""Full-width forms read as what they stand for, one character for one, so that places stay what they are."""

from __future__ import annotations

import re
from typing import Final

_FULL_WIDTH: Final = re.compile("[０-９Ａ-Ｚａ-ｚ＠＋]|（(?=[0-9])")
_TO_HALF_WIDTH: Final = {
    ord("！") + place: ord("!") + place for place in range(94) if chr(ord("!") + place) not in ",:;?!"
}


def half_width(text: str) -> str:
    """The text with full-width digits, letters and signs as ASCII, where it holds any that a number or name may."""
    return text.translate(_TO_HALF_WIDTH) if _FULL_WIDTH.search(text) else text
