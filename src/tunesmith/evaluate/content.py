"""How each arm keeps the content rules of the recipe: shares by rule, and the answers that break most of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tunesmith.artifacts.scorecard import ContentBreak, ContentFindings
from tunesmith.evaluate import summary
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.summary import Judged
from tunesmith.metrics.content import Rule, broken_rules
from tunesmith.recipe.safety_checks import ContentRule
from tunesmith.records import Sample

NUM_WORST: Final = 5


def content_findings(
    sections: Sequence[ContentRule], judged: Mapping[str, Mapping[str, Judged]], items: Sequence[Item], seed: int
) -> dict[str, ContentFindings]:
    """By arm; empty where there are no rules."""
    rules = tuple(map(Rule, sections))
    return {
        arm: ContentFindings(
            rules={
                name: summary.estimate(np.array([shares[item.id] for item in items]), summary.groups_of(items), seed)
                for name, shares in shares_by_rule(suites["test"].answers.samples, rules).items()
            },
            worst=worst(suites["test"].answers.samples, rules),
        )
        for arm, suites in judged.items()
        if rules
    }


def shares_by_rule(samples: Sequence[Sample], rules: Sequence[Rule]) -> dict[str, dict[str, float]]:
    """By rule and item, in the order of the samples: the share of the item's answers that break the rule."""
    flags: dict[str, dict[str, list[bool]]] = {rule.section.name: {} for rule in rules}
    for sample in samples:
        broken = {found.rule for found in broken_rules(sample.answer, rules)}
        for name, by_item in flags.items():
            by_item.setdefault(sample.item, []).append(name in broken)
    return {
        name: {item: math.fsum(found) / len(found) for item, found in by_item.items()}
        for name, by_item in flags.items()
    }


def worst(samples: Sequence[Sample], rules: Sequence[Rule]) -> list[ContentBreak]:
    """The answers that break most rules, then those in which most is found; of equal ones the earlier."""
    found = [(sample, broken_rules(sample.answer, rules)) for sample in samples]
    ranked = sorted(
        (pair for pair in found if pair[1]), key=lambda pair: (-len({one.rule for one in pair[1]}), -len(pair[1]))
    )
    return [
        ContentBreak(item=sample.item, index=sample.index, broken=[(one.rule, one.kind, one.what) for one in broken])
        for sample, broken in ranked[:NUM_WORST]
    ]
