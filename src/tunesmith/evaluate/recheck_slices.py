"""Weak slices counted once more from the samples: which items are in one, which of them judge it, and how they went.

Shared with what found them are the draw of the halves and the rules by which an item is of a kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from tunesmith.artifacts.figures import Estimate
from tunesmith.artifacts.scorecard import WeakSlice
from tunesmith.evaluate import oracles
from tunesmith.evaluate.baselines import question
from tunesmith.evaluate.recheck_details import Compared
from tunesmith.evaluate.slices import NUM_WORST, phrases
from tunesmith.metrics.registry import LOWER_IS_BETTER
from tunesmith.records import Sample
from tunesmith.text.language import language_of

KNOWN: Final = ("language", "label", "length", "phrase")
"""Ways to divide the items that their samples tell; what else a row says is not in them."""


def is_of(sample: Sample, kind: str, value: str) -> bool:
    """Whether the question of a sample is of one of the `KNOWN` kinds."""
    if kind == "label":
        return sample.reference == value
    if kind == "language":
        return language_of(sample.prompt[-1].content) == value
    if kind == "phrase":
        return value in phrases(question(sample.prompt))
    shortest, longest = map(int, value.split("-"))
    return shortest <= len(question(sample.prompt)) <= longest


def weak_again(
    found: Sequence[WeakSlice], samples: Mapping[str, Sample], values: Mapping[str, float], metric: str, seed: int
) -> Iterator[Compared]:
    """Figures of the slices of a `KNOWN` kind; `samples` and `values` are by item, in the order asked."""
    items = [item for item in samples if item in values]
    groups = _groups(samples, items)
    confirming = _confirming(items, groups, seed)
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    for slice in found:
        if slice.kind not in KNOWN:
            continue
        name = f"weak {slice.kind} {slice.value}"
        inside = [item for item in items if is_of(samples[item], slice.kind, slice.value)]
        outside = set(items) - set(inside)
        for part, said, chosen in (("inside", slice.inside, set(inside)), ("outside", slice.outside, outside)):
            judging = [item for item in items if item in chosen and item in confirming]
            own = None if groups is None else [groups[item] for item in judging]
            yield from _of_estimate(f"{name} {part}", said, [values[item] for item in judging], own, seed)
        worst = sorted(inside, key=lambda item: sign * values[item])[:NUM_WORST]
        yield f"{name} worst", 0, sum(one != other for one, other in zip(slice.worst, worst, strict=False))
        yield f"{name} num_worst", len(slice.worst), len(worst)


def _groups(samples: Mapping[str, Sample], items: Sequence[str]) -> dict[str, str] | None:
    """By item; an item without a group is one of its own. None where all are."""
    found = {item: samples[item].group for item in items}
    if all(group is None for group in found.values()):
        return None
    return {item: item if group is None else group for item, group in found.items()}


def _confirming(items: Sequence[str], groups: Mapping[str, str] | None, seed: int) -> set[str]:
    """The items of the half that judges; what belongs together is in one half."""
    names = [*items] if groups is None else sorted(set(groups.values()))
    drawn = np.random.default_rng(seed).permutation(len(names)).tolist()
    half = {name for name, number in zip(names, drawn, strict=True) if number % 2}
    return {item for item in items if (item if groups is None else groups[item]) in half}


def _of_estimate(
    name: str, said: Estimate, values: Sequence[float], groups: Sequence[str] | None, seed: int
) -> Iterator[Compared]:
    low, high = oracles.interval_of_mean(np.array(values), groups, seed)
    yield name, said.value, math.fsum(values) / len(values)
    yield f"{name} low", said.low, low
    yield f"{name} high", said.high, high
    yield f"{name} n", said.n, len(values)
