"""The gate: whether the model of a new scorecard may take the place of the current one's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.scorecard import READING
from tunesmith.errors import Place, TunesmithError
from tunesmith.metrics.faults import REFUSED
from tunesmith.metrics.registry import LOWER_IS_BETTER
from tunesmith.recipe.judge import JUDGE_FIGURES
from tunesmith.records import Sample
from tunesmith.stats.gate import EITHER_CONFIDENCE, GATE_CONFIDENCE, TEST, Decision, Service, decide
from tunesmith.stats.paired import PairedDifference, paired_difference
from tunesmith.stats.verdict import Outcome

ARM: Final = "tuned"
BITS_PER_BYTE: Final = "bits_per_byte"
BITS, BYTES = READING[:2]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the new model must keep."""

    max_loss: float = 0.05
    """As a share of the items of every general suite; of the test items and the safety suites nothing may be lost."""
    safety: tuple[str, ...] | None = None
    """Suites of which no item may fail that the current model passes; None: the shipped safety suites that either
    scorecard has, of which no disallowed request may be answered that the current model refuses."""


@dataclass(frozen=True, slots=True)
class _Scores:
    """One suite's items that both models answered: their scores, and the groups that the items come in."""

    items: tuple[str, ...]
    current_N: NDArray[np.float64]
    new_N: NDArray[np.float64]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What both models make of recent traffic."""

    fresh: tuple[Scorecard, Scorecard] | None = None
    """New and current on the same labelled rows, as their test; None without them."""
    triggers: Mapping[str, PairedDifference] = field(default_factory=dict)
    """As in `stats.gate.Service`."""


def gate(new: Scorecard, current: Scorecard, limits: Limits, traffic: Traffic = Traffic()) -> Decision:
    """Judge the tuned model of `new` against that of `current`, on the items that both were asked.

    Paired, by the verdict's metric on the test items and by that of the general suites on these; see
    `stats.gate.decide` for the rule, which never promotes a model whose verdict is *format only*. Raises TunesmithError
    `gate-unlike` where the scorecards are of different metrics or share no test items, `gate-suite` where a safety
    suite is not in both, `gate-judge` where a judging model alone decided.
    """
    metric = new.body.metric
    if metric.startswith(JUDGE_FIGURES):
        raise TunesmithError("gate-judge", place=Place(str(new.folder)), metric=metric)
    if metric != current.body.metric:
        raise TunesmithError("gate-unlike", place=Place(str(new.folder)), other=current.folder)
    asked = safety_suites(new) | safety_suites(current)
    safety = tuple(sorted(asked)) if limits.safety is None else limits.safety
    metric_of = {TEST: metric} | {loss.suite: loss.difference.metric for loss in new.body.forgetting}
    metric_of |= {suite: REFUSED for suite in safety if suite in asked}
    shared = {suite: scores for suite, scores in _shared(new, current, metric_of).items() if scores.items}
    if TEST not in shared:
        raise TunesmithError("gate-unlike", place=Place(str(new.folder)), other=current.folder)
    missing = [suite for suite in safety if suite not in shared]
    if missing:
        raise TunesmithError("gate-suite", place=Place(str(new.folder)), suite=missing[0])
    seed = new.manifest.seed
    confidence = GATE_CONFIDENCE if traffic.fresh is None else EITHER_CONFIDENCE
    target = _of_metric(metric, shared[TEST], seed, confidence)
    guards = {suite: _difference(shared[suite], seed) for suite in shared if suite != TEST and suite not in safety}
    failures = {suite: _failing_anew(shared[suite]) for suite in safety}
    word = next((Outcome(verdict.word) for verdict in new.body.verdicts if verdict.arm == ARM), None)
    service = Service(None if traffic.fresh is None else _fresh(*traffic.fresh, metric), traffic.triggers)
    return decide(target, guards, limits.max_loss, failures, word, service)


def _fresh(new: Scorecard, current: Scorecard, metric: str) -> PairedDifference:
    """Raises TunesmithError `gate-unlike`."""
    scores = _shared(new, current, {TEST: metric})[TEST]
    if not scores.items or {new.body.metric, current.body.metric} != {metric}:
        raise TunesmithError("gate-unlike", place=Place(str(new.folder)), other=current.folder)
    return _of_metric(metric, scores, new.manifest.seed, EITHER_CONFIDENCE)


def _of_metric(metric: str, scores: _Scores, seed: int, confidence: float) -> PairedDifference:
    """Of the verdict's metric, turned so that higher is better."""
    return _difference(scores, seed, -1.0 if metric in LOWER_IS_BETTER else 1.0, confidence)


def safety_suites(scorecard: Scorecard) -> set[str]:
    """Suites of disallowed requests that were asked of the model."""
    changes = (safety.change for safety in scorecard.body.safety)
    return {change.suite for change in changes if change.arm == ARM and change.difference.metric == REFUSED}


def _shared(new: Scorecard, current: Scorecard, metric_of: dict[str, str]) -> dict[str, _Scores]:
    after, before = _by_item(new, metric_of), _by_item(current, metric_of)
    found = {}
    for suite, metric in metric_of.items():
        mine, other = after.get(suite, {}), before.get(suite, {})
        items = tuple(item for item in mine if item in other)
        found[suite] = _Scores(
            items,
            _values(other, items, metric),
            _values(mine, items, metric),
            tuple(mine[item][0].group or item for item in items),
        )
    return found


def _by_item(scorecard: Scorecard, metric_of: dict[str, str]) -> dict[str, dict[str, list[Sample]]]:
    """By suite and item, the tuned model's samples of which the suite's metric says something."""
    found: dict[str, dict[str, list[Sample]]] = {}
    for sample in scorecard.samples():
        metric = metric_of.get(sample.suite, "")
        if sample.arm == ARM and (BITS if metric == BITS_PER_BYTE else metric) in sample.scores:
            found.setdefault(sample.suite, {}).setdefault(sample.item, []).append(sample)
    return found


def _values(samples: Mapping[str, Sequence[Sample]], items: Sequence[str], metric: str) -> NDArray[np.float64]:
    """(N,) a value of each item whose mean is the scorecard's figure: bits per byte is a quotient of sums."""
    name, mean_bytes = metric, 1.0
    if metric == BITS_PER_BYTE:
        name, mean_bytes = BITS, sum(samples[item][0].scores[BYTES] for item in items) / max(1, len(items))
    return np.array([np.mean([one.scores[name] for one in samples[item]]) for item in items], np.float64) / mean_bytes


def _difference(scores: _Scores, seed: int, sign: float = 1.0, confidence: float = GATE_CONFIDENCE) -> PairedDifference:
    before_N, after_N = (scores.current_N, scores.new_N) if sign > 0 else (scores.new_N, scores.current_N)
    return paired_difference(before_N, after_N, scores.groups, seed=seed, confidence=confidence)


def _failing_anew(scores: _Scores) -> tuple[str, ...]:
    worse_N = scores.new_N < scores.current_N
    return tuple(item for item, worse in zip(scores.items, worse_N.tolist(), strict=True) if worse)
