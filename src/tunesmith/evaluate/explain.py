"""Why a model says a label: the words without which it is less sure, and whether these matter more than any others.

Shapes: U units (words, or stretches of them in long texts), D random draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.evaluate.baselines import likeness
from tunesmith.records import Example
from tunesmith.text.units import unit_spans

MAX_UNITS: Final = 200
"""Longer texts are taken apart into as many stretches of words of equal number."""
MAX_REMOVED: Final = 5
NUM_DRAWS: Final = 39
"""Random removals beside the one that is checked: were it one of them, it would be the hardest in 1 case of 40."""

Score = Callable[[list[str]], list[float]]
"""For each text the logarithm of the probability that a given label has under it, in nats."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch of the text, and how many nats the label's log-probability loses without it."""

    text: str
    start: int
    stop: int
    drop: float


@dataclass(frozen=True, slots=True)
class Deletion:
    """The check: all of the most important units removed at once, against as many random ones; drops in nats."""

    num_removed: int
    drop: float
    random_drop: float
    """Mean of the random removals."""
    random_most: float
    p_value: float
    """The share of removals, itself included, that cost as much."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training row like the text, and where it was read."""

    id: str
    file: str
    line: int | None
    likeness: float
    """Cosine of TF-IDF vectors of words and pairs of words, 0 to 1."""
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Reasons:
    """`units` in the order of the text."""

    log_probability: float
    units: tuple[Unit, ...]
    deletion: Deletion | None
    """None where there is but one word."""


def reasons(text: str, score: Score, seed: int) -> Reasons:
    """Leave out one unit after the other (Li et al. 2016, arXiv:1612.08220), then the most important together.

    That the most important words matter more than random ones is measured, not assumed: words that only work together
    may each look as if they did not matter (the comprehensiveness of DeYoung et al. 2020, arXiv:1911.03429).
    """
    spans = _stretches(unit_spans(text))
    whole, *without = score([text, *(_without(text, [span]) for span in spans)])
    units = tuple(
        Unit(text[start:stop], start, stop, whole - left) for (start, stop), left in zip(spans, without, strict=True)
    )
    return Reasons(whole, units, _check(text, units, whole, score, seed))


def _check(text: str, units: Sequence[Unit], whole: float, score: Score, seed: int) -> Deletion | None:
    if len(units) < 2:
        return None
    num = min(MAX_REMOVED, max(1, len(units) // 4))
    top = sorted(range(len(units)), key=lambda place: (-units[place].drop, place))[:num]
    random = np.random.default_rng(seed)
    draws = [random.choice(len(units), num, replace=False).tolist() for _ in range(NUM_DRAWS)]
    texts = [_without(text, [(units[place].start, units[place].stop) for place in chosen]) for chosen in (top, *draws)]
    drop, *others = [whole - left for left in score(texts)]
    reached = sum(other >= drop for other in others)
    return Deletion(num, drop, math.fsum(others) / len(others), max(others), (reached + 1) / (len(others) + 1))


def _stretches(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    size = math.ceil(len(spans) / MAX_UNITS) or 1
    parts = [spans[start : start + size] for start in range(0, len(spans), size)]
    return [(part[0][0], part[-1][1]) for part in parts]


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text without these stretches, and without the space that is left double."""
    for start, stop in sorted(spans, reverse=True):
        before, after = text[:start], text[stop:]
        text = before + (after[1:] if after.startswith(" ") and (not before or before.endswith(" ")) else after)
    return text


def nearest_rows(train: Sequence[Example], question: str, num: int) -> list[Neighbour]:
    """The training rows whose questions are most like this one, likest first; none that has no word in common."""
    if not train:
        return []
    likeness_R: NDArray[np.float64] = likeness(train, [question])[0]
    places = np.argsort(-likeness_R, kind="stable")[:num].tolist()
    return [_neighbour(train[place], float(likeness_R[place])) for place in places if likeness_R[place] > 0]


def _neighbour(row: Example, likeness: float) -> Neighbour:
    return Neighbour(row.id, row.place.file, row.place.line, likeness, row.prompt[-1].content, row.answer.content)
