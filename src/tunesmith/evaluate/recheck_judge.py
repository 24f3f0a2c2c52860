"""What a judging model said, added up once more from its judgements: counts by hand, tests and intervals by SciPy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from scipy import stats

from tunesmith.artifacts.figures import Difference, Estimate
from tunesmith.artifacts.rated import Preference, Rated
from tunesmith.evaluate import oracles
from tunesmith.evaluate.recheck_details import Compared
from tunesmith.records import PREFERENCE, Rating, Sample
from tunesmith.stats.agreement import Lean

STEPS: Final = 4
"""From the lowest grade to the highest; grades are compared as shares of them."""


@dataclass(frozen=True)
class Bench:
    """All judgements, and the answers that they are about, by arm and item."""

    ratings: Sequence[Rating]
    answers: Mapping[tuple[str, str], Sample]
    seed: int

    def groups(self, items: Sequence[str]) -> list[str]:
        known = {item: sample.group for (_, item), sample in self.answers.items()}
        return [known[item] or item for item in items]

    def grades(self, dimension: str, arm: str) -> dict[str, int]:
        """By item, in the order in which they were given."""
        own = [rating for rating in self.ratings if (rating.dimension, rating.arms) == (dimension, (arm,))]
        return {rating.item: rating.value for rating in own if isinstance(rating.value, int)}

    def paired(self, before: Sequence[float], after: Sequence[float], items: Sequence[str]) -> dict[str, float | None]:
        groups = self.groups(items)
        lone = None if groups == list(items) else groups
        return oracles.paired(np.array(before, np.float64), np.array(after, np.float64), lone, self.seed)


@dataclass(frozen=True)
class _Pair:
    """One pair of answers, judged in both orders: whom each order named, empty for a tie, and on which side."""

    item: str
    arms: frozenset[str]
    named: tuple[str, str]
    sides: tuple[str, str]

    @property
    def winner(self) -> str:
        return self.named[0] if self.named[0] == self.named[1] else ""


def judge_again(said: Rated, bench: Bench) -> Iterator[Compared]:
    """Every figure of the judge's that a scorecard holds."""
    assert said.judge is not None
    ratings, pairs = bench.ratings, _pairs(bench.ratings)
    for rater, num in said.raters.items():
        yield f"judge {rater}", num, sum(rating.rater == rater for rating in ratings)
    yield "judge raters", len(said.raters), len({rating.rater for rating in ratings})
    yield "judge num_items", said.num_items, len({rating.item for rating in ratings})
    yield "judge not_told", said.not_told, sum(rating.value is None for rating in ratings)
    unread = {(rating.item, rating.arms) for rating in ratings if rating.value is None}
    yield "judge unreadable", said.judge.unreadable, len(unread)
    yield "judge pairs", said.judge.pairs, len(pairs)
    yield "judge turned", said.judge.turned, sum(pair.named[0] != pair.named[1] for pair in pairs)
    yield "judge agreement", len(said.agreement) + len(said.judge.kappa), 0
    yield from _of_grades(said, bench)
    yield from _of_pairs(said, pairs, bench)
    held = [one.difference for one in said.preferences]
    corrected = oracles.holm([one.p_value for one in (*said.differences, *held)])
    for one, p_adjusted in zip((*said.differences, *held), corrected, strict=True):
        yield f"judge {one.metric} {one.arm} - {one.against} p_adjusted", one.p_adjusted, p_adjusted


def _pairs(ratings: Sequence[Rating]) -> list[_Pair]:
    found: dict[tuple[str, frozenset[str]], list[tuple[str, str]]] = {}
    for rating in ratings:
        if rating.dimension == PREFERENCE and isinstance(rating.value, str):
            named = {"left": rating.arms[0], "right": rating.arms[-1]}.get(rating.value, "")
            found.setdefault((rating.item, frozenset(rating.arms)), []).append((named, rating.value))
    return [
        _Pair(item, arms, (told[0][0], told[1][0]), (told[0][1], told[1][1]))
        for (item, arms), told in found.items()
        if len(told) == 2
    ]


def _of_grades(said: Rated, bench: Bench) -> Iterator[Compared]:
    dimensions = {rating.dimension for rating in bench.ratings if isinstance(rating.value, int)}
    yield "judge dimensions", len(said.scores), len(dimensions)
    num_compared = 0
    for dimension, by_arm in said.scores.items():
        for arm, estimate in by_arm.items():
            yield from _of_mean(f"judge {dimension} {arm}", estimate, bench.grades(dimension, arm), bench)
        for one, other in combinations(by_arm, 2):
            num_compared += bool(bench.grades(dimension, one).keys() & bench.grades(dimension, other).keys())
    yield "judge differences", len(said.differences), num_compared
    for difference in said.differences:
        after, before = (bench.grades(difference.metric, arm) for arm in (difference.arm, difference.against))
        items = [item for item in after if item in before]
        before_N, after_N = ([(grades[item] - 1) / STEPS for item in items] for grades in (before, after))
        yield from _of_difference(difference, bench.paired(before_N, after_N, items), len(items), STEPS)


def _of_mean(name: str, said: Estimate, grades: Mapping[str, int], bench: Bench) -> Iterator[Compared]:
    ends = oracles.bootstrap_of_mean(np.array([*grades.values()], float), bench.groups([*grades]), bench.seed)
    low, high = oracles.with_width(ends)
    yield name, said.value, math.fsum(grades.values()) / len(grades)
    yield f"{name} low", said.low, low
    yield f"{name} high", said.high, high
    yield f"{name} n", said.n, len(grades)


def _of_difference(said: Difference, found: Mapping[str, float | None], n: int, scale: int) -> Iterator[Compared]:
    name = f"judge {said.metric} {said.arm} - {said.against}"
    for part, value in said.model_dump(include={"mean", "low", "high"}).items():
        again = found[part]
        yield f"{name} {part}", value, None if again is None else scale * again
    yield f"{name} p_value", said.p_value, found["p_value"]
    yield f"{name} n", said.n, n


def _of_pairs(said: Rated, pairs: Sequence[_Pair], bench: Bench) -> Iterator[Compared]:
    yield "judge preferences", len(said.preferences), len({pair.arms for pair in pairs})
    for preference in said.preferences:
        yield from _of_preference(preference, pairs, bench)
    same_side = [pair.sides[0] for pair in pairs if pair.sides in (("left", "left"), ("right", "right"))]
    yield from _of_lean("judge left", said.left, [side == "left" for side in same_side])
    longer = []
    for pair in pairs:
        lengths = {arm: len(bench.answers[arm, pair.item].answer) for arm in pair.arms}
        if pair.winner and len({*lengths.values()}) == 2:
            longer.append(lengths[pair.winner] == max(lengths.values()))
    yield from _of_lean("judge longer", said.longer, longer)


def _of_preference(said: Preference, pairs: Sequence[_Pair], bench: Bench) -> Iterator[Compared]:
    own = {pair.item: pair.winner for pair in pairs if pair.arms == {said.arm, said.against}}
    won, lost = ([float(winner == arm) for winner in own.values()] for arm in (said.arm, said.against))
    counts = (math.fsum(won), math.fsum(lost), sum(not winner for winner in own.values()), 0)
    name = f"judge {said.arm} - {said.against}"
    for part, one, other in zip(
        ("won", "lost", "ties", "both_bad"), (said.won, said.lost, said.ties, said.both_bad), counts, strict=True
    ):
        yield f"{name} {part}", one, other
    yield from _of_difference(said.difference, bench.paired(lost, won, [*own]), len(own), 1)


def _of_lean(name: str, said: Lean | None, taken: Sequence[bool]) -> Iterator[Compared]:
    yield f"{name} n", 0 if said is None else said.n, len(taken)
    if said is None or not taken:
        return
    test = stats.binomtest(sum(taken), len(taken))
    ends = test.proportion_ci(method="wilson")
    yield name, said.share, sum(taken) / len(taken)
    yield f"{name} low", said.low, float(ends.low)
    yield f"{name} high", said.high, float(ends.high)
    yield f"{name} p_value", said.p_value, float(test.pvalue)
