"""Parts of the test items: those that the recipe names, and those in which the tuned model errs more than elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.scorecard import Estimate, WeakSlice
from tunesmith.evaluate import summary
from tunesmith.evaluate.baselines import question
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.traits import OWN, value_of_row, values_of
from tunesmith.metrics.registry import LOWER_IS_BETTER
from tunesmith.records import Example
from tunesmith.stats import slices as stats
from tunesmith.text.tokens import words

Mask = NDArray[np.bool_]
MAX_PHRASES: Final = 400
"""Words and pairs of words that are looked at, the most frequent ones."""
NUM_WORST: Final = 5
"""Items of a weak slice that are named."""


def declared(
    names: Sequence[str], items: Sequence[Item], judged: Mapping[str, summary.Judged], metric: str, seed: int
) -> dict[str, dict[str, dict[str, Estimate]]]:
    """The verdict's metric by the named ways to divide the items, value and arm; ways with one value are left out."""
    return {
        name: {
            value: _estimates([each == value for each in values], items, judged, metric, seed)
            for value in sorted(set(values) - {""})
        }
        for name in names
        if len(set(values := values_of(name, items)) - {""}) > 1
    }


def _estimates(
    inside: list[bool], items: Sequence[Item], judged: Mapping[str, summary.Judged], metric: str, seed: int
) -> dict[str, Estimate]:
    inside_N = np.array(inside)
    groups = summary.groups_of([item for item, is_inside in zip(items, inside, strict=True) if is_inside])
    return {
        arm: summary.estimate(found.values[metric][inside_N], groups, seed)
        for arm, found in judged.items()
        if metric in found.values and np.isfinite(found.values[metric][inside_N]).any()
    }


def weak(
    items: Sequence[Item], train: Sequence[Example], judged: summary.Judged, metric: str, seed: int
) -> list[WeakSlice]:
    """Where the verdict's metric of one arm is worse than on the other items, confirmed on items of their own."""
    has_value_N = np.isfinite(judged.values[metric])
    items = [item for item, has_value in zip(items, has_value_N, strict=True) if has_value]
    values_N = judged.values[metric][has_value_N]
    features = _features(items)
    groups = summary.groups_of(items)
    units_N = None if groups is None else np.unique(groups, return_inverse=True)[1]
    better_N = -values_N if metric in LOWER_IS_BETTER else values_N
    found = []
    for slice in stats.weak_slices(better_N, features, seed=seed, units_N=units_N):
        kind, _, value = slice.name.partition(":")
        inside, outside = (slice.confirming_N & part for part in (slice.inside_N, ~slice.inside_N))
        worst = sorted(np.flatnonzero(slice.inside_N).tolist(), key=lambda place: (better_N[place], place))
        found.append(
            WeakSlice(
                kind=kind,
                value=value,
                inside=_estimate(values_N, inside, groups, seed),
                outside=_estimate(values_N, outside, groups, seed),
                p_value=slice.p_value,
                num_train_rows=sum(_has(kind, value, row) for row in train),
                worst=[items[place].id for place in worst[:NUM_WORST]],
            )
        )
    return found


def _estimate(values_N: NDArray[np.float64], chosen_N: Mask, groups: list[str] | None, seed: int) -> Estimate:
    chosen = np.flatnonzero(chosen_N).tolist()
    return summary.estimate(values_N[chosen_N], None if groups is None else [groups[place] for place in chosen], seed)


def _features(items: Sequence[Item]) -> dict[str, Mask]:
    """By name, such as `label:refund` or `phrase:my card`, the items that have it."""
    columns = sorted({column for item in items for column in item.columns})
    features: dict[str, Mask] = {}
    for kind in (*OWN, *columns):
        values = values_of(kind, items)
        for value, count in Counter(values).items():
            if value and stats.MIN_ITEMS <= count < len(items):
                features[f"{kind}:{value}"] = np.array([each == value for each in values])
    phrases_of = [phrases(question(item.prompt)) for item in items]
    frequent = Counter(phrase for of_item in phrases_of for phrase in of_item).most_common(MAX_PHRASES)
    for phrase, count in frequent:
        if stats.MIN_ITEMS <= count < len(items):
            features[f"phrase:{phrase}"] = np.array([phrase in of_item for of_item in phrases_of])
    return features


def _has(kind: str, value: str, row: Example) -> bool:
    """Whether a training row is of a kind."""
    if kind == "phrase":
        return value in phrases(question(row.prompt))
    if kind == "length":
        shortest, longest = map(int, value.split("-"))
        return shortest <= len(question(row.prompt)) <= longest
    return value_of_row(kind, row) == value


def phrases(text: str) -> set[str]:
    """The words of a question, and each two that follow one another."""
    units = words(text)
    return {*units, *(f"{first} {second}" for first, second in pairwise(units))}
