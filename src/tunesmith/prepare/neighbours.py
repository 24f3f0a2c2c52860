"""Synonyms from the model that the rows are for: its own neighbours, without those that plainly mean something else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tunesmith.errors import TunesmithError
from tunesmith.prepare.lengths import Fits
from tunesmith.text.meaning import directions_of, negations_of, numbers_of

_MIN_LETTERS: Final = 4
"""Shorter words of English are mostly function words."""
_STEM_LETTERS: Final = 4
_FUNCTION_ZH: Final = frozenset(
    "的了着过们你我他她它您这那哪谁什么怎吗呢吧啊不没和与或但而且因所以如果虽就也都又很太最更"
)


def model_folder(fits: Fits | None) -> Path:
    """Where the model lies that the rows are prepared for. Raises TunesmithError `neighbours-unknown`."""
    if fits is None or fits.folder is None:
        raise TunesmithError("neighbours-unknown")
    return fits.folder


def write_neighbours(folder: Path, file: Path) -> None:
    """Write the pairs as a file of synonyms, which `lexicon` reads.

    Raises TunesmithError `neighbours-model`.
    """
    from tunesmith.engine.neighbours import neighbouring_words  # brings torch

    pairs = [pair for pair in neighbouring_words(folder) if may_replace(*pair)]
    file.write_text("".join(f"{one}, {other}\n" for one, other in pairs), encoding="utf-8", newline="\n")


def may_replace(one: str, other: str) -> bool:
    """Whether two neighbours may be synonyms, as far as the words alone tell.

    Not so are forms of one word (`order`, `orders`), opposites, negations, numbers and function words.
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    pair = (one, other)
    if one.isascii():
        if one[:_STEM_LETTERS] == other[:_STEM_LETTERS] or min(map(len, pair)) < _MIN_LETTERS:
            return False
        if ENGLISH_STOP_WORDS & set(pair):
            return False
    elif _FUNCTION_ZH & set(one + other):
        return False
    sides = [directions_of(word) for word in pair]
    are_opposite = any((number, 1 - side) in sides[1] for number, side in sides[0])
    return not are_opposite and not any(negations_of(word) or numbers_of(word) for word in pair)
