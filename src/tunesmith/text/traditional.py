"""Both scripts of Chinese, so that what is looked for in one is found in both."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opencc import OpenCC

_BLOCKS: Final = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00))
"""Unified ideographs with extension A, and those that only other encodings hold apart."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def simplified(text: str) -> str:
    """The text, one character for one by OpenCC's table: places stay what they are.

    A character that stands for several takes its commonest form: 乾 becomes 干 in any word.
    """
    if text.isascii():
        return text
    is_traditional, simple = _table()
    return text.translate(simple) if is_traditional.search(text) else text


def uniform(text: str) -> str:
    """The text without what two writings of it may differ in: width and other forms (NFKC), case, script."""
    return text.lower() if text.isascii() else simplified(unicodedata.normalize("NFKC", text).casefold())


def in_both_scripts(word: str) -> list[str]:
    """The word itself, then as mainland China, Taiwan and Hong Kong write it where that differs, by OpenCC."""
    if word.isascii() or _SURROGATE.search(word):
        return [word]
    return list(dict.fromkeys([word, *(converter.convert(word) for converter in _converters())]))


@cache
def _converters() -> tuple[OpenCC, ...]:
    from opencc import OpenCC

    return tuple(map(OpenCC, ("t2s", "s2t", "s2tw", "s2hk")))


@cache
def _table() -> tuple[re.Pattern[str], dict[int, str]]:
    from opencc import OpenCC  # reads its dictionaries, which most commands do without

    characters = [chr(code) for block in _BLOCKS for code in block]
    converted = OpenCC("t2s").convert("\n".join(characters)).split("\n")
    simple = {ord(old): new for old, new in zip(characters, converted, strict=True) if new != old}
    return re.compile(f"[{''.join(map(chr, simple))}]"), simple
