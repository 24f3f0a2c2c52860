"""How alike two texts are: the share of their character 5-grams that they have in common.

A text is its letters and digits alone (NFKC, case folded, in simplified characters), so that width, case, script,
spacing and punctuation count nothing, and five characters are a word of English or two or three of Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.text.traditional import uniform

# Shapes: C characters, G n-grams of several texts one after the other, H those of them that are common, N values,
# T texts.
Keys = NDArray[np.uint64]
Mask = NDArray[np.bool_]

SHINGLE: Final = 5
NO_KEYS: Final[Keys] = np.empty(0, dtype=np.uint64)
_MAX_CHARACTERS: Final = 1 << 20
_COMMON_SHARE: Final = 0.1
_LEAST_COMMON: Final = 10
_BOILERPLATE: Final = 32
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
# Texts are joined with it; it is no letter, yet kept to part them.
_PART: Final = "\0"


@dataclass(frozen=True)
class Likeness:
    """When two prompts are near-duplicates."""

    threshold: float
    """Least Jaccard similarity."""
    common: Keys
    """Sorted shingles that many prompts share; long runs of them count nothing."""

    def sets_of(self, texts: Sequence[str]) -> tuple[Keys, NDArray[np.int64]]:
        """The shingles of several texts, (G,), repeats included, and where each text's begin, (T + 1,)."""
        keys_G, bounds = shingles(texts)
        if not len(self.common):
            return keys_G, bounds
        # few are common: their last bits tell most others at one look
        may_be_common = np.zeros(1 << 16, dtype=bool)
        may_be_common[self.common.astype(np.uint16)] = True
        place_H = np.flatnonzero(may_be_common[keys_G.astype(np.uint16)])
        key_H = keys_G[place_H]
        place_H = place_H[self.common[np.minimum(np.searchsorted(self.common, key_H), len(self.common) - 1)] == key_H]
        # neighbours in one text are a run
        run_H = place_H - np.arange(len(place_H)) + len(keys_G) * np.searchsorted(bounds, place_H, side="right")
        run_H = np.cumsum(begins_run(run_H)) - 1
        is_own = np.ones(len(keys_G), dtype=bool)
        is_own[place_H[np.bincount(run_H, minlength=1)[run_H] >= _BOILERPLATE]] = False
        return keys_G[is_own], np.append(0, np.cumsum(is_own))[bounds]

    def each_set(self, texts: Sequence[str]) -> list[Keys]:
        """The shingles of each text, sorted, each once."""
        keys_G, bounds = self.sets_of(texts)
        return [_distinct(part) for part in np.split(keys_G, bounds[1:-1])]

    def alike(self, one: Keys, other: Keys) -> bool:
        """Whether two sorted sets are similar enough; of empty ones nothing is known."""
        num_common = int(np.count_nonzero(other[np.searchsorted(other[:-1], one)] == one)) if len(other) else 0
        num_distinct = len(one) + len(other) - num_common
        return num_common > 0 and num_common >= self.threshold * num_distinct


def _distinct(keys: Keys) -> Keys:
    """Sorted, each once; for a few hundred keys quicker than numpy's own."""
    ordered = np.sort(keys)
    return ordered[begins_run(ordered)]


def shingles(texts: Sequence[str]) -> tuple[Keys, NDArray[np.int64]]:
    """Keys of the character 5-grams of several texts, (G,), and where each text's begin, (T + 1,).

    A text of fewer than five letters and digits is one shingle, unless it has none at all.
    """
    joined = _PART.join(_folded(text[:_MAX_CHARACTERS]) for text in texts)
    codes_C = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    codes_C = codes_C[_counts()[np.minimum(codes_C, 0xFFFF)]]
    parts = np.flatnonzero(codes_C == ord(_PART))
    begins = np.append(0, parts + 1)
    lengths = np.append(parts, len(codes_C)) - begins
    num_of_text = np.where(lengths > 0, np.maximum(1, lengths - SHINGLE + 1), 0)
    bounds = np.append(0, np.cumsum(num_of_text))
    starts_G = np.repeat(begins - bounds[:-1], num_of_text) + np.arange(bounds[-1])
    padded_C = np.append(codes_C, np.zeros(SHINGLE, dtype=np.uint32)).astype(np.uint64)
    keys_C = np.zeros(len(codes_C), dtype=np.uint64)
    for place in range(SHINGLE):
        keys_C = keys_C * _MULTIPLIER + padded_C[place : place + len(codes_C)]
    keys_G = keys_C[starts_G]
    # a text shorter than a shingle stops at its end
    short_T = np.flatnonzero((lengths > 0) & (lengths < SHINGLE))
    keys_T = np.zeros(len(short_T), dtype=np.uint64)
    for place in range(SHINGLE):
        keys_T = keys_T * _MULTIPLIER + np.where(place < lengths[short_T], padded_C[begins[short_T] + place], 0)
    keys_G[bounds[short_T]] = keys_T
    return mixed(keys_G), bounds


def _folded(text: str) -> str:
    return uniform(text).replace(_PART, "")


@cache
def _counts() -> Mask:
    """(65536,): whether a character counts; those beyond the first plane all do."""
    counts = characters_of(r"[^\W_]")
    counts[0xFFFF] = counts[ord(_PART)] = True
    return counts


def common_shingles(sets: Sequence[Keys]) -> Keys:
    """Sorted shingles that stand in more than a tenth of these sets, and in more than ten."""
    if not sets:
        return NO_KEYS
    keys, counts = np.unique(np.concatenate(sets), return_counts=True)
    common: Keys = keys[counts > max(_LEAST_COMMON, _COMMON_SHARE * len(sets))]
    return common


def mixed(keys: Keys) -> Keys:
    """A bijection of 64-bit numbers that scatters neighbours (the finaliser of SplitMix64, Steele et al. 2014)."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def begins_run(ordered_N: NDArray[Any]) -> Mask:
    """(N,): whether a value differs from the one before it."""
    begins_N: Mask = np.append(True, ordered_N[1:] != ordered_N[:-1])[: len(ordered_N)]
    return begins_N


def characters_of(pattern: str) -> Mask:
    """(65536,): which characters of the first plane match a pattern of one character."""
    plane = "".join(map(chr, range(1 << 16)))
    matches = np.zeros(1 << 16, dtype=bool)
    for run in re.finditer(f"(?:{pattern})+", plane):
        matches[run.start() : run.end()] = True
    return matches
