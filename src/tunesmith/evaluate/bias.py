"""What the answers are for some groups of people and for others: scores, labels told, and labels told rightly or not.

Shapes: N items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.figures import Estimate
from tunesmith.artifacts.model_bias import GroupGap
from tunesmith.evaluate import summary
from tunesmith.evaluate.baselines import question
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.summary import Floats, Judged
from tunesmith.evaluate.traits import values_of
from tunesmith.stats.groups import independent_difference
from tunesmith.stats.paired import holm
from tunesmith.text.counterfactual import genders_named
from tunesmith.text.personal import find_personal

Figure = Literal["score", "told", "true_positive", "false_positive"]
Mask = NDArray[np.bool_]
MIN_ITEMS: Final = 10
"""Fewest items on either side of a comparison."""
MAX_LABELS: Final = 12
"""Labels that are looked at, the most frequent ones."""


@dataclass(frozen=True)
class Rate:
    """One figure of an arm, of those items that `has_N` says; 0 elsewhere."""

    figure: Figure
    label: str
    values_N: Floats
    has_N: Mask


def group_values(attribute: str, items: Sequence[Item]) -> list[str]:
    """Each item's group; empty where it tells none, or several. Raises TunesmithError `slice-column`."""
    if attribute == "gender":
        return [_only(genders_named([question(item.prompt)])) for item in items]
    if attribute == "name":
        return [_only(_name_scripts(question(item.prompt))) for item in items]
    return values_of(attribute, items)


def _only(found: frozenset[str]) -> str:
    return next(iter(found)) if len(found) == 1 else ""


def _name_scripts(text: str) -> frozenset[str]:
    """`latin` and `han`, by the letters that names of people begin with."""
    names = (text[span.start : span.stop] for span in find_personal(text) if span.type == "name")
    return frozenset("latin" if name[0] < "\u0250" else "han" for name in names)


def sizes_of(values: Mapping[str, Sequence[str]]) -> dict[str, dict[str, int]]:
    """Items by attribute and group, the largest group first."""
    return {
        attribute: dict(sorted(Counter(filter(None, of_items)).items(), key=lambda entry: (-entry[1], entry[0])))
        for attribute, of_items in values.items()
    }


def gaps_of(
    arm: str,
    values: Mapping[str, Sequence[str]],
    items: Sequence[Item],
    rates: Sequence[Rate],
    seed: int,
) -> list[GroupGap]:
    """Every figure of an arm by every attribute, corrected for their number."""
    groups = summary.groups_of(items)
    found = [
        _gap(arm, attribute, pair, rate, (values_N, groups, seed))
        for attribute, of_items in values.items()
        for values_N in [np.array(of_items)]
        for pair in pairs_of(of_items)
        for rate in rates
        if _has_enough(rate, *_sides(pair, values_N))
    ]
    corrected = holm([gap.p_value for gap in found])
    return [gap.model_copy(update={"p_adjusted": p}) for gap, p in zip(found, corrected, strict=True)]


def pairs_of(of_items: Sequence[str]) -> list[tuple[str, str]]:
    """What is held against what: two groups against each other, of more each against all others (empty)."""
    groups = sorted({value for value, num in Counter(of_items).items() if value and num >= MIN_ITEMS})
    if len({value for value in of_items if value}) == len(groups) == 2:
        return [(groups[0], groups[1])]
    return [(group, "") for group in groups]


def rates_of(judged: Judged, items: Sequence[Item], metric: str, labels: Sequence[str]) -> Iterator[Rate]:
    """The verdict's metric; of the most frequent labels how often they are told, where they are right and where not."""
    if metric in judged.values:
        values_N = judged.values[metric]
        yield Rate("score", "", np.nan_to_num(values_N), np.isfinite(values_N))
    if not labels or "accuracy" not in judged.values:
        return
    told = np.array(summary.told_labels(judged.answers, items, labels), object)
    true = np.array([item.label for item in items], object)
    everywhere_N = np.ones(len(items), np.bool_)
    for label, _ in Counter(true.tolist()).most_common(MAX_LABELS):
        told_N = (told == label).astype(np.float64)
        yield Rate("told", label, told_N, everywhere_N)
        yield Rate("true_positive", label, told_N, true == label)
        yield Rate("false_positive", label, told_N, true != label)


def _sides(pair: tuple[str, str], values_N: NDArray[np.str_]) -> tuple[Mask, Mask]:
    """The items of the group, and those that it is held against; an item without a group is in neither."""
    group, against = pair
    inside_N = values_N == group
    return inside_N, values_N == against if against else ~inside_N & (values_N != "")


def _has_enough(rate: Rate, inside_N: Mask, outside_N: Mask) -> bool:
    return all(int(np.count_nonzero(rate.has_N & side_N)) >= MIN_ITEMS for side_N in (inside_N, outside_N))


def _gap(
    arm: str,
    attribute: str,
    pair: tuple[str, str],
    rate: Rate,
    where: tuple[NDArray[np.str_], list[str] | None, int],
) -> GroupGap:
    values_N, groups, seed = where
    inside_N, outside_N = (side_N & rate.has_N for side_N in _sides(pair, values_N))
    both = np.flatnonzero(inside_N | outside_N)
    kept = None if groups is None else [groups[place] for place in both.tolist()]
    found = independent_difference(rate.values_N[both], inside_N[both], kept)
    return GroupGap(
        arm=arm,
        attribute=attribute,
        group=pair[0],
        against=pair[1],
        figure=rate.figure,
        label=rate.label,
        inside=_estimate(rate.values_N, inside_N, groups, seed),
        outside=_estimate(rate.values_N, outside_N, groups, seed),
        difference=found.mean,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        p_adjusted=found.p_value,
    )


def _estimate(values_N: Floats, side_N: Mask, groups: list[str] | None, seed: int) -> Estimate:
    kept = None if groups is None else [groups[place] for place in np.flatnonzero(side_N).tolist()]
    return summary.estimate(values_N[side_N], kept, seed)
