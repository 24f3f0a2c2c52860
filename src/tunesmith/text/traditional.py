"""Traditional characters as simplified ones, so that what is looked for in one script is found in both."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

PAIRS: Final = (Path(__file__).parent / "lists" / "traditional.txt").read_text(encoding="utf-8").split()
"""A character and its simplified form, of the common ones that have two forms."""
_SIMPLE: Final = {ord(pair[0]): pair[1] for pair in PAIRS}
_TRADITIONAL: Final = re.compile(f"[{''.join(map(chr, _SIMPLE))}]")


def simplified(text: str) -> str:
    """The text, one character for one: places stay what they are."""
    return text.translate(_SIMPLE) if _TRADITIONAL.search(text) else text
