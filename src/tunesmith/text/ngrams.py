"""Runs of neighbouring units, and a byte-level five-gram language model as a floor for likelihoods."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

# Shapes: N events to predict, G distinct n-grams, C distinct contexts.
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ORDER = 5
_END = 256
_BEGIN = 257  # stands in contexts only and is never predicted
_BASE = 258  # 258**5 < 2**63: a five-gram of symbols is one int64
NUM_SYMBOLS = 257


def ngrams(units: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """Return every run of `n` neighbouring units in order, repeats included; empty when there are fewer than `n`."""
    if n < 1:
        raise ValueError(f"n must be at least 1, got {n}")
    return list(zip(*(units[start:] for start in range(n)), strict=False))


@dataclass(frozen=True)
class _Level:
    """One order of the model: what seen n-grams keep after discounting, and what their contexts hand down."""

    gram_keys_G: Ints
    kept_G: Floats
    context_keys_C: Ints
    handed_down_C: Floats


@dataclass(frozen=True)
class FiveGramModel:
    """Interpolated Kneser-Ney model of order 5 over UTF-8 bytes and an end symbol, 257 in all.

    p_k(w | h) = max(c(hw) - D, 0) / c(h) + handed_down(h) * p_{k-1}(w | h without its first byte), where c counts
    occurrences at order 5 and distinct left neighbours below, and p_0 is uniform over the 257 symbols. D is the
    modified discount for counts of 1, 2 and 3 or more where the counts of counts allow it, otherwise one absolute
    discount n1 / (n1 + 2 n2), otherwise one half (Chen and Goodman 1998). A text begins with four begin marks.
    """

    levels: tuple[_Level, ...]

    @classmethod
    def fit(cls, texts: Iterable[str]) -> FiveGramModel:
        """Count the texts. Raises ValueError when there is none."""
        windows = _windows(texts)
        if len(windows) == 0:
            raise ValueError("a five-gram model needs at least one text")
        keys, counts = np.unique(_keys(windows), return_counts=True)
        levels = [_level(keys, counts)]
        for order in range(_ORDER - 1, 0, -1):
            # Each distinct longer n-gram is one distinct left neighbour of its suffix.
            keys, counts = np.unique(keys % _BASE**order, return_counts=True)
            levels.append(_level(keys, counts))
        return cls(tuple(reversed(levels)))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The model as arrays by name, from which `of_arrays` makes it again."""
        return {
            f"{order}.{name}": values for order, level in enumerate(self.levels) for name, values in vars(level).items()
        }

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> FiveGramModel:
        names = [column.name for column in fields(_Level)]
        return cls(tuple(_Level(*(arrays[f"{order}.{name}"] for name in names)) for order in range(_ORDER)))

    def bits_per_byte(self, texts: Iterable[str]) -> float:
        """Return the bits for all bytes and end symbols of `texts`, divided by the number of bytes.

        Raises ValueError when the texts hold no byte.
        """
        windows = _windows(texts)
        num_bytes = int(np.count_nonzero(windows[:, -1] != _END))
        if num_bytes == 0:
            raise ValueError("bits per byte need at least one byte of text")
        return float(-np.log2(self._probability(_keys(windows))).sum()) / num_bytes

    def next_symbol(self, prefix: str) -> Floats:
        """Return the probabilities (257,) of each next byte and, last, of the end of the text, after `prefix`."""
        context = [_BEGIN] * (_ORDER - 1) + list(_encode(prefix))
        windows = np.empty((NUM_SYMBOLS, _ORDER), dtype=np.int64)
        windows[:, :-1] = context[1 - _ORDER :]
        windows[:, -1] = np.arange(NUM_SYMBOLS)
        return self._probability(_keys(windows))

    def _probability(self, keys_N: Ints) -> Floats:
        probability_N = np.full(len(keys_N), 1 / NUM_SYMBOLS)
        for order, level in enumerate(self.levels, start=1):
            suffix_N = keys_N % _BASE**order
            kept_N = _look_up(level.gram_keys_G, level.kept_G, suffix_N, missing=0.0)
            down_N = _look_up(level.context_keys_C, level.handed_down_C, suffix_N // _BASE, missing=1.0)
            probability_N = kept_N + down_N * probability_N
        return probability_N


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _windows(texts: Iterable[str]) -> Ints:
    """Return (N, 5): each byte or end symbol of each text in the last column, the four symbols before it in front."""
    begin = np.full(_ORDER - 1, _BEGIN, dtype=np.int64)
    end = np.array([_END], dtype=np.int64)
    parts = [part for text in texts for part in (begin, np.frombuffer(_encode(text), dtype=np.uint8), end)]
    if not parts:
        return np.empty((0, _ORDER), dtype=np.int64)
    symbols = np.concatenate(parts).astype(np.int64)
    windows: Ints = np.lib.stride_tricks.sliding_window_view(symbols, _ORDER)
    events: Ints = windows[windows[:, -1] != _BEGIN]
    return events


def _keys(windows: Ints) -> Ints:
    place_values = _BASE ** np.arange(_ORDER - 1, -1, -1, dtype=np.int64)
    keys_N: Ints = windows @ place_values
    return keys_N


def _level(keys_G: Ints, counts_G: Ints) -> _Level:
    discounts_G = _discounts(counts_G)[np.minimum(counts_G, 3)]
    contexts_C, context_of_G = np.unique(keys_G // _BASE, return_inverse=True)
    totals_C = np.bincount(context_of_G, weights=counts_G)
    freed_C = np.bincount(context_of_G, weights=discounts_G)
    return _Level(keys_G, (counts_G - discounts_G) / totals_C[context_of_G], contexts_C, freed_C / totals_C)


def _discounts(counts_G: Ints) -> Floats:
    """Return (4,): what is taken from an n-gram counted 0, 1, 2, and 3 or more times."""
    n1, n2, n3, n4 = (int(np.count_nonzero(counts_G == count)) for count in (1, 2, 3, 4))
    if not (n1 and n2):
        return np.array([0.0, 0.5, 0.5, 0.5])
    absolute = n1 / (n1 + 2 * n2)
    if n3 and n4:
        second, third = 2 - 3 * absolute * n3 / n2, 3 - 4 * absolute * n4 / n3
        # A discount of zero or less would leave unseen symbols without probability.
        if second > 0 and third > 0:
            return np.array([0.0, absolute, second, third])
    return np.array([0.0, absolute, absolute, absolute])


def _look_up(sorted_keys: Ints, values: Floats, wanted_N: Ints, missing: float) -> Floats:
    place_N = np.minimum(np.searchsorted(sorted_keys, wanted_N), len(sorted_keys) - 1)
    return np.where(sorted_keys[place_N] == wanted_N, values[place_N], missing)
