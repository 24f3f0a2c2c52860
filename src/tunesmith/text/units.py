"""The words of a text and where they stand: those between spaces, and Chinese ones by segmentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tunesmith.text.tokens import HAN, KANA

_PIECE: Final = re.compile(rf"[{HAN}]+|[{KANA}]+|[^\W_{HAN}{KANA}]+(?:['\u2019.,-][^\W_{HAN}{KANA}]+)*")


def unit_spans(text: str) -> list[tuple[int, int]]:
    """Where each word begins and ends, in characters; marks and spaces belong to none.

    Runs of Chinese characters are parted by the dictionary of `rjieba`; words of letters and digits keep their inner
    apostrophes, hyphens, points and commas: `don't`, `3.14`.
    """
    return list(_spans(text))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for match in _PIECE.finditer(text):
        if re.match(f"[{HAN}]", match[0]) is None:
            yield match.span()
            continue
        import rjieba  # its dictionary takes a while to load

        start = match.start()
        for word in rjieba.cut(match[0]):
            yield start, start + len(word)
            start += len(word)
