"""What a tuned model no longer can: the suites before and after, whole and by the kind of question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tunesmith.artifacts.scorecard import Forgetting, KindForgetting
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.summary import Judged, adjusted, difference_of, estimate


def forgetting(suite: str, arm: tuple[str, Judged], base: Judged, items: Sequence[Item], seed: int) -> Forgetting:
    """One suite, which is judged by one metric, with the items lost and won, and each kind of question alone.

    The p-values of the kinds are corrected for their number.
    """
    name, after = arm
    (metric,) = base.values
    before_N, after_N = base.values[metric], after.values[metric]
    kinds = list(dict.fromkeys(item.kind for item in items if item.kind is not None))
    insides = [np.array([item.kind == kind for item in items]) for kind in kinds]
    table = adjusted(
        [
            difference_of(suite, metric, (name, after_N[inside_N]), ("base", before_N[inside_N]), None, seed)
            for inside_N in insides
        ]
    )
    return Forgetting(
        suite=suite,
        arm=name,
        before=estimate(before_N, None, seed),
        after=estimate(after_N, None, seed),
        difference=difference_of(suite, metric, (name, after_N), ("base", before_N), None, seed),
        lost=[item.id for item, a, b in zip(items, before_N, after_N, strict=True) if b < a],
        won=[item.id for item, a, b in zip(items, before_N, after_N, strict=True) if b > a],
        num_cut_before=_num_cut(base),
        num_cut_after=_num_cut(after),
        kinds=[
            KindForgetting(
                kind=kind,
                before=estimate(before_N[inside_N], None, seed),
                after=estimate(after_N[inside_N], None, seed),
                difference=difference,
            )
            for kind, inside_N, difference in zip(kinds, insides, table, strict=True)
        ],
    )


def _num_cut(judged: Judged) -> int:
    return sum(sample.finish_reason == "length" for sample in judged.answers.samples)
