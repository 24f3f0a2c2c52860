"""What one of two texts has and the other lacks: by words, and by characters where none are separated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final

from tunesmith.text.tokens import HAN, KANA

Part = tuple[str, bool]
"""A stretch of a text, and whether the other text lacks it."""
_UNIT: Final = re.compile(rf"(?:[{HAN}{KANA}]|[^\W_{HAN}{KANA}]+|\S)\s*|\s+")
"""A word, a Chinese or Japanese character, or any other sign, with the space behind it."""
MAX_UNITS: Final = 1200
"""Longer texts are not compared: it would take seconds."""
LEAST_SHARED: Final = 0.2
"""Of texts that share less than this of their units nothing is marked: all of it would be."""


def compare(before: str, after: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Both texts in parts. Joined again, the parts are the texts as they were."""
    units = _UNIT.findall(before), _UNIT.findall(after)
    mine, other = ([unit.strip() for unit in side] for side in units)
    if before == after or max(len(mine), len(other)) > MAX_UNITS:
        return _whole(before), _whole(after)
    blocks = SequenceMatcher(None, mine, other).get_matching_blocks()
    if 2 * sum(block.size for block in blocks) < LEAST_SHARED * (len(mine) + len(other)):
        return _whole(before), _whole(after)
    kept = {block.a + step for block in blocks for step in range(block.size)}
    kept_after = {block.b + step for block in blocks for step in range(block.size)}
    return _parts(units[0], kept), _parts(units[1], kept_after)


def _whole(text: str) -> tuple[Part, ...]:
    return ((text, False),) if text else ()


def _parts(units: Sequence[str], kept: Iterable[int]) -> tuple[Part, ...]:
    shared = frozenset(kept)
    flagged = [(unit, place not in shared) for place, unit in enumerate(units)]
    return tuple(
        ("".join(unit for unit, _ in stretch), is_marked)
        for is_marked, stretch in groupby(flagged, key=lambda one: one[1])
    )
