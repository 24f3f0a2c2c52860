"""Runs of characters of any length that many texts hold: right for every script, as no words are assumed.

Shapes: C characters of all texts one after the other, P places that are still looked at, G runs of one length.

Level by level, as in Agrawal and Srikant's Apriori (1994): a run can only be frequent where the run without its last
and the one without its first character are, so that what is looked at shrinks with every character. A run that a longer
one always surrounds says nothing beside it and is left out (closed patterns: Pasquier et al. 1999).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_END = 0
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Pattern:
    """A run of characters, and the texts that hold it."""

    text: str
    rows: Ints
    """Numbers of the texts, ascending."""


@dataclass(frozen=True, slots=True)
class _Level:
    """The frequent runs of one length."""

    length: int
    place_P: Ints
    gram_P: Ints
    rows_G: list[Ints]
    num_first_G: Ints
    """Of the texts that count, how many hold each."""


def frequent_patterns(texts: Sequence[str], num_first: int, min_rows: int) -> Iterator[Pattern]:
    """Every closed run that at least `min_rows` of the first `num_first` texts hold, the shorter ones first."""
    codes_C, row_C = _joined(texts)
    place_P = np.flatnonzero(codes_C != _END)
    key_P = codes_C[place_P].astype(np.int64)
    level = _level(1, place_P, key_P, row_C, (num_first, min_rows))
    while level.rows_G:
        gram_C = np.full(len(codes_C) + 1, _NOWHERE, dtype=np.int64)
        gram_C[level.place_P] = level.gram_P
        next_C = codes_C[np.minimum(level.place_P + level.length, len(codes_C) - 1)]
        goes_on_P = (next_C != _END) & (gram_C[level.place_P + 1] != _NOWHERE)
        place_P = level.place_P[goes_on_P]
        key_P = level.gram_P[goes_on_P] * (int(codes_C.max()) + 1) + next_C[goes_on_P]
        longer = _level(level.length + 1, place_P, key_P, row_C, (num_first, min_rows))
        yield from _closed(level, longer, gram_C, codes_C)
        level = longer


def _joined(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Ints]:
    """The code points of all texts, each followed by an end, (C,), and the text of each."""
    parts = [
        np.frombuffer((text.replace("\0", " ") + "\0").encode("utf-32-le", "surrogatepass"), "<u4") for text in texts
    ]
    lengths = [len(part) for part in parts]
    return np.concatenate(parts), np.repeat(np.arange(len(parts), dtype=np.int64), lengths)


def _level(length: int, place_P: Ints, key_P: Ints, row_C: Ints, least: tuple[int, int]) -> _Level:
    """The frequent ones among the runs that begin at these places; equal runs have equal keys."""
    num_first, min_rows = least
    keys, gram_P = np.unique(key_P, return_inverse=True)
    num_rows = int(row_C[-1]) + 1
    pairs = np.unique(gram_P * num_rows + row_C[place_P])
    gram, row = np.divmod(pairs, num_rows)
    num_first_G = np.bincount(gram[row < num_first], minlength=len(keys))
    is_frequent_G = num_first_G >= min_rows
    number_G = np.where(is_frequent_G, np.cumsum(is_frequent_G) - 1, _NOWHERE)
    is_kept_P = is_frequent_G[gram_P]
    is_kept = is_frequent_G[gram]
    bounds = np.searchsorted(number_G[gram[is_kept]], np.arange(1, int(is_frequent_G.sum())))
    rows_G = np.split(row[is_kept], bounds) if is_kept.any() else []
    return _Level(length, place_P[is_kept_P], number_G[gram_P[is_kept_P]], rows_G, num_first_G[is_frequent_G])


def _closed(level: _Level, longer: _Level, gram_C: Ints, codes_C: NDArray[np.uint32]) -> Iterator[Pattern]:
    is_open_G = np.zeros(len(level.rows_G), dtype=bool)
    for within_P in (gram_C[longer.place_P], gram_C[longer.place_P + 1]):
        is_same_P = level.num_first_G[within_P] == longer.num_first_G[longer.gram_P]
        is_open_G[within_P[is_same_P]] = True
    _, first_G = np.unique(level.gram_P, return_index=True)
    for gram in np.flatnonzero(~is_open_G).tolist():
        place = int(level.place_P[first_G[gram]])
        text = codes_C[place : place + level.length].tobytes().decode("utf-32-le", "surrogatepass")
        yield Pattern(text, level.rows_G[gram])
