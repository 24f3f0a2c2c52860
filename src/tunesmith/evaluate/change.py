"""A suite before and after tuning, by one metric of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tunesmith.artifacts.scorecard import Change
from tunesmith.evaluate import summary
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.summary import Judged
from tunesmith.metrics.registry import LOWER_IS_BETTER

BASE: Final = "base"


def paired_changes(
    judged: Mapping[str, Mapping[str, Judged]],
    items: Mapping[str, Sequence[Item]],
    wanted: Sequence[tuple[str, str, str]],
    seed: int,
) -> dict[tuple[str, str, str], Change]:
    """By arm, suite and metric, in their order; p-values are corrected for the number of the changes.

    What is wanted of a suite that was not asked, or of which the metric says nothing both times, is left out.
    """
    found = {
        (arm, suite, metric): _change((arm, suite, metric), judged, items[suite], seed)
        for arm, suite, metric in wanted
        if suite in judged[arm] and _has_pairs(metric, judged[arm][suite], judged[BASE][suite])
    }
    corrected = summary.adjusted([change.difference for change in found.values()])
    return {
        key: change.model_copy(update={"difference": difference})
        for (key, change), difference in zip(found.items(), corrected, strict=True)
    }


def _has_pairs(metric: str, one: Judged, other: Judged) -> bool:
    """Whether the metric says something of an item in both."""
    if metric not in one.values or metric not in other.values:
        return False
    return bool(np.isfinite(one.values[metric] + other.values[metric]).any())


def _change(
    key: tuple[str, str, str], judged: Mapping[str, Mapping[str, Judged]], items: Sequence[Item], seed: int
) -> Change:
    arm, suite, metric = key
    before_N, after_N = (judged[name][suite].values[metric] for name in (BASE, arm))
    has_both_N = np.isfinite(before_N + after_N)
    before_N, after_N = before_N[has_both_N], after_N[has_both_N]
    kept = [item for item, has_both in zip(items, has_both_N, strict=True) if has_both]
    groups = summary.groups_of(kept)
    gains_N = before_N - after_N if metric in LOWER_IS_BETTER else after_N - before_N
    return Change(
        suite=suite,
        arm=arm,
        metric=metric,
        before=summary.estimate(before_N, groups, seed),
        after=summary.estimate(after_N, groups, seed),
        difference=summary.difference_of(suite, metric, (arm, after_N), (BASE, before_N), groups, seed),
        worse=[item.id for item, gain in zip(kept, gains_N, strict=True) if gain < 0],
        better=[item.id for item, gain in zip(kept, gains_N, strict=True) if gain > 0],
    )
