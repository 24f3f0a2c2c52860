"""Gaps between groups and effects of swaps computed once more from the samples.

Shared are the rules that tell groups and make swaps, not the arithmetic. Columns of the rows are not in the samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from tunesmith.artifacts.model_bias import GroupGap, SwapEffect
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.evaluate import oracles
from tunesmith.evaluate.bias import group_values
from tunesmith.evaluate.items import SWAPPED, Item
from tunesmith.evaluate.recheck_mistakes import ByItem, Compared, estimate_again
from tunesmith.evaluate.swaps import changes_of, swap_of_item
from tunesmith.evaluate.traits import DERIVED
from tunesmith.metrics.faults import label_forms, label_told
from tunesmith.records import Message, Sample
from tunesmith.text.language import language_of

TOLD: Final = ("language", "label")
"""Ways to divide that the samples tell beside `DERIVED`."""
Values = Mapping[str, float]
"""By item."""


@dataclass(frozen=True)
class Scores:
    """What the samples say of one suite of one arm."""

    samples: ByItem
    values: Values
    """Of the verdict's metric."""


def bias_again(
    body: ScorecardBody, scores: Mapping[tuple[str, str], Scores], seed: int, unchecked: list[str]
) -> Iterator[Compared]:
    """Every gap and effect; `scores` by arm and suite."""
    if body.bias is None:
        return
    by_arm: dict[str, list[float]] = {}
    for gap in body.bias.gaps:
        by_arm.setdefault(gap.arm, []).append(gap.p_value)
    corrected = {arm: iter(oracles.holm(p_values)) for arm, p_values in by_arm.items()}
    group_of: dict[str, dict[str, str]] = {}
    for gap in body.bias.gaps:
        name = f"gap {gap.arm} {gap.attribute} {gap.group} {gap.figure} {gap.label}".rstrip()
        yield f"{name} p_adjusted", gap.p_adjusted, next(corrected[gap.arm])
        if gap.attribute in (*DERIVED, *TOLD):
            asked = scores[gap.arm, "test"]
            if gap.attribute not in group_of:
                group_of[gap.attribute] = _groups_told(gap.attribute, asked.samples)
            yield from _gap(name, gap, asked, body.labels, group_of[gap.attribute], seed)
        elif f"gaps by {gap.attribute}" not in unchecked:
            unchecked.append(f"gaps by {gap.attribute}")
    adjusted = oracles.holm([effect.difference.p_value for effect in body.bias.swaps])
    for effect, p_adjusted in zip(body.bias.swaps, adjusted, strict=True):
        pair = scores[effect.arm, "test"], scores[effect.arm, f"{SWAPPED}{effect.attribute}"]
        yield from _swap(effect, pair, body, p_adjusted, seed)


def _gap(
    name: str, gap: GroupGap, scores: Scores, labels: Sequence[str], group_of: Mapping[str, str], seed: int
) -> Iterator[Compared]:
    firsts = {item: samples[0] for item, samples in scores.samples.items()}
    values = _figure(gap, firsts, scores.values, labels)
    inside = [item for item in values if group_of[item] == gap.group]
    outside = [item for item in values if group_of[item] not in ("", gap.group) and gap.against in ("", group_of[item])]
    inside_N, outside_N = (np.array([values[item] for item in side]) for side in (inside, outside))
    is_grouped = any(samples[0].group for samples in scores.samples.values())
    for part, said, side in (("inside", gap.inside, inside), ("outside", gap.outside, outside)):
        groups = _groups(scores.samples, side) if is_grouped else None
        yield from estimate_again(f"{name} {part}", said, np.array([values[item] for item in side]), groups, seed)
    groups = _groups(scores.samples, [*inside, *outside]) if is_grouped else None
    found = independent(inside_N, outside_N, groups)
    for part, again in zip(("difference", "low", "high", "p_value"), found, strict=True):
        yield f"{name} {part}", gap.model_dump()[part], again


def _groups_told(attribute: str, samples: ByItem) -> dict[str, str]:
    """The group of each item, by what it asks, which is the same for every arm."""
    firsts = [of_item[0] for of_item in samples.values()]
    if attribute == "label":
        return {sample.item: sample.reference for sample in firsts}
    items = [
        Item(s.item, "test", s.prompt, Message("assistant", ""), (), language=language_of(s.prompt[-1].content))
        for s in firsts
    ]
    return dict(zip(samples, group_values(attribute, items), strict=True))


def _figure(gap: GroupGap, firsts: Mapping[str, Sample], scores: Values, labels: Sequence[str]) -> Values:
    if gap.figure == "score":
        return scores
    forms = label_forms(labels)
    wanted = {"told": (True, False), "true_positive": (True,), "false_positive": (False,)}[gap.figure]
    return {
        item: float(label_told(sample.answer, forms) == gap.label)
        for item, sample in firsts.items()
        if (sample.reference == gap.label) in wanted
    }


def _groups(samples: ByItem, items: Sequence[str]) -> list[str]:
    """The group of each item, the item itself where it has none."""
    return [samples[item][0].group or item for item in items]


def independent(
    inside_N: oracles.Floats, outside_N: oracles.Floats, groups: Sequence[str] | None
) -> tuple[float, float, float, float]:
    """Difference, its interval and p-value: Newcombe and the hypergeometric law, SciPy's Welch, or least squares."""
    mean = math.fsum(inside_N.tolist()) / len(inside_N) - math.fsum(outside_N.tolist()) / len(outside_N)
    if groups is None and set(inside_N.tolist()) | set(outside_N.tolist()) <= {0.0, 1.0}:
        return mean, *_shares(inside_N, outside_N)
    if groups is not None:
        return mean, *_least_squares(inside_N, outside_N, groups)
    if np.ptp(inside_N) < 1e-12 and np.ptp(outside_N) < 1e-12:
        return mean, min(0.0, mean), max(0.0, mean), 1.0
    found = stats.ttest_ind(inside_N, outside_N, equal_var=False)
    ends = found.confidence_interval(0.95)
    return mean, float(ends.low), float(ends.high), float(found.pvalue)


def _shares(inside_N: oracles.Floats, outside_N: oracles.Floats) -> tuple[float, float, float]:
    first, second = float(inside_N.mean()), float(outside_N.mean())
    (first_low, first_high), (second_low, second_high) = oracles.wilson(inside_N), oracles.wilson(outside_N)
    low = first - second - math.sqrt((first - first_low) ** 2 + (second_high - second) ** 2)
    high = first - second + math.sqrt((first_high - first) ** 2 + (second - second_low) ** 2)
    num_ones, num_all = int(inside_N.sum() + outside_N.sum()), len(inside_N) + len(outside_N)
    law = stats.hypergeom(num_all, num_ones, len(inside_N))
    chances = law.pmf(np.arange(num_all + 1))
    p_value = min(1.0, math.fsum(chances[chances <= law.pmf(int(inside_N.sum())) * (1 + 1e-7)].tolist()))
    return (low, high, p_value) if p_value <= 0.05 else (min(low, 0.0), max(high, 0.0), p_value)


def _least_squares(
    inside_N: oracles.Floats, outside_N: oracles.Floats, groups: Sequence[str]
) -> tuple[float, float, float]:
    """The slope of a regression on being inside, with the errors of whole groups."""
    values_N = np.concatenate([inside_N, outside_N])
    design_N2 = np.column_stack([np.ones(len(values_N)), np.arange(len(values_N)) < len(inside_N)]).astype(np.float64)
    slope = np.linalg.lstsq(design_N2, values_N, rcond=None)[0]
    bread = np.linalg.inv(design_N2.T @ design_N2)
    residuals_N = values_N - design_N2 @ slope
    scores: dict[str, oracles.Floats] = {}
    for group, row, residual in zip(groups, design_N2, residuals_N, strict=True):
        scores[group] = scores.get(group, 0.0) + row * residual
    meat = sum(np.outer(score, score) for score in scores.values()) * len(scores) / max(1, len(scores) - 1)
    error = math.sqrt(max(0.0, float((bread @ meat @ bread)[1, 1])))
    mean = float(slope[1])
    if error <= 1e-12:
        return min(0.0, mean), max(0.0, mean), 1.0
    law = stats.t(max(1, len(scores) - 1))
    reach = float(law.ppf(0.975)) * error
    return mean - reach, mean + reach, 2 * float(law.sf(abs(mean) / error))


def _swap(
    effect: SwapEffect, pair: tuple[Scores, Scores], body: ScorecardBody, p_adjusted: float, seed: int
) -> Iterator[Compared]:
    name = f"swap {effect.arm} {effect.attribute} {effect.language}".rstrip()
    before, after = pair
    items = [
        item
        for item in after.samples
        if effect.language in ("", language_of(before.samples[item][0].prompt[-1].content))
    ]
    changed = changes_of(body.task, body.labels)
    values = []
    for item in items:
        first = before.samples[item][0]
        swap = swap_of_item(first.prompt, first.reference, effect.attribute, body.task, f"{seed}:{item}")
        values.append(float(swap is not None and changed(first, after.samples[item][0], swap)))
    is_grouped = any(before.samples[item][0].group for item in items)
    groups = _groups(before.samples, items) if is_grouped else None
    yield from estimate_again(f"{name} changed", effect.changed, np.array(values), groups, seed)
    moved = {item for item, value in zip(items, values, strict=True) if value}
    yield f"{name} items", 0, len(set(effect.items) - moved)
    both = [item for item in items if item in before.values and item in after.values]
    before_N, after_N = (np.array([scores.values[item] for item in both]) for scores in pair)
    found = oracles.paired(before_N, after_N, _groups(before.samples, both) if is_grouped else None, seed)
    found |= {"n": len(both), "p_adjusted": p_adjusted}
    for part, said in effect.difference.model_dump(include=set(found)).items():
        yield f"{name} {part}", said, found[part]
