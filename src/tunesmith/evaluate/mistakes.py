"""The wrong answers of each arm by kind, and which kinds training made rarer or more frequent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tunesmith.artifacts.mistakes import ERROR_KINDS, ErrorCount, ErrorKind, ErrorPart
from tunesmith.artifacts.scorecard import Difference
from tunesmith.evaluate import summary
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.summary import Floats, Judged
from tunesmith.metrics.mistakes import Judge, Mistake
from tunesmith.metrics.registry import LOWER_IS_BETTER
from tunesmith.records import Sample

MAX_PARTS: Final = 10
MAX_EXAMPLES: Final = 3
MAX_WORST: Final = 5
Found = list[tuple[Sample, Mistake]]


def errors_by_kind(judged: Judged, items: Sequence[Item], judge: Judge, seed: int) -> list[ErrorCount]:
    """The wrong answers of one arm to the test items, the most frequent kind first."""
    found = mistakes(judged.answers.samples, judge)
    counts = Counter(mistake.kind for _, mistake in found)
    shares = shares_by_kind(judged, items, found)
    groups = summary.groups_of(items)
    return [
        ErrorCount(
            kind=kind,
            count=counts[kind],
            share=summary.estimate(shares[kind], groups, seed),
            parts=_parts([(sample, mistake) for sample, mistake in found if mistake.kind == kind]),
            worst=_worst([sample for sample, mistake in found if mistake.kind == kind], judge.metric),
        )
        for kind in sorted(counts, key=lambda kind: (-counts[kind], ERROR_KINDS.index(kind)))
    ]


def error_changes(
    arms: Mapping[str, Judged], before: str, tuned: Sequence[str], items: Sequence[Item], judge: Judge, seed: int
) -> list[Difference]:
    """By how much each kind that the untuned or a tuned arm shows became more frequent, corrected over all of them."""
    shares = {
        name: shares_by_kind(arms[name], items, mistakes(arms[name].answers.samples, judge))
        for name in (before, *tuned)
    }
    groups = summary.groups_of(items)
    changes: list[Difference] = []
    for name in tuned:
        kinds = [kind for kind in ERROR_KINDS if shares[before][kind].any() or shares[name][kind].any()]
        after, first = (
            Judged(arms[arm].answers, {str(kind): shares[arm][kind] for kind in kinds}) for arm in (name, before)
        )
        changes += summary.compare("test", (name, after), (before, first), groups, seed)
    return summary.adjusted(changes)


def mistakes(samples: Sequence[Sample], judge: Judge) -> Found:
    """The wrong ones, each with what is wrong."""
    judged = ((sample, judge.mistake(sample)) for sample in samples)
    return [(sample, mistake) for sample, mistake in judged if mistake is not None]


def shares_by_kind(judged: Judged, items: Sequence[Item], found: Found) -> dict[ErrorKind, Floats]:
    """(N,) by kind the share of each item's answers that are of it."""
    asked = Counter(sample.item for sample in judged.answers.samples)
    wrong = Counter((sample.item, mistake.kind) for sample, mistake in found)
    return {
        kind: np.array([wrong[item.id, kind] / asked[item.id] for item in items], np.float64) for kind in ERROR_KINDS
    }


def _parts(found: Found) -> list[ErrorPart]:
    alike: dict[tuple[str, str], list[str]] = {}
    for sample, mistake in found:
        if mistake.told:
            alike.setdefault((mistake.wanted, mistake.told), []).append(sample.item)
    frequent = sorted(alike.items(), key=lambda entry: (-len(entry[1]), entry[0]))[:MAX_PARTS]
    return [
        ErrorPart(wanted=wanted, told=told, count=len(ids), items=list(dict.fromkeys(ids))[:MAX_EXAMPLES])
        for (wanted, told), ids in frequent
    ]


def _worst(samples: Sequence[Sample], metric: str) -> list[str]:
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0

    def badness(sample: Sample) -> tuple[float, float]:
        return sign * sample.scores.get(metric, math.inf), -sample.scores.get("confidence", 0.0)

    return list(dict.fromkeys(sample.item for sample in sorted(samples, key=badness)))[:MAX_WORST]
