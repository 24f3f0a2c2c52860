"""From scored samples to a scorecard: estimates with intervals, paired differences, forgetting, verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.scorecard import LOWER_IS_BETTER, Arm, Difference, Estimate, Forgetting, Verdict
from tunesmith.evaluate.arms import Answers
from tunesmith.evaluate.baselines import written
from tunesmith.evaluate.items import Item
from tunesmith.metrics.labels import encode, macro_f1_of_codes
from tunesmith.metrics.numbers import r2, rmse
from tunesmith.records import Sample
from tunesmith.stats.intervals import PairedDifference, bootstrap_bca, bootstrap_bca_of, paired_difference, wilson
from tunesmith.stats.verdict import verdict

Floats = NDArray[np.float64]
NOT_PAIRED = frozenset({"confidence"})
"""Figures of a sample that describe it and do not judge it."""


@dataclass(frozen=True)
class Judged:
    """One arm on one suite: its samples, and its metrics as one value an item, in the order of the items."""

    answers: Answers
    values: Mapping[str, Floats]


def judge(answers: Answers, items: Sequence[Item], bits: Floats | None) -> Judged:
    """Average an item's samples within the item. `bits` are the bits the model needs for each reference answer.

    Bits per byte is the quotient of sums, so each item's value is its bits over the mean bytes of an item.
    """
    by_item: dict[str, list[Sample]] = {item.id: [] for item in items}
    for sample in answers.samples:
        by_item[sample.item].append(sample)
    first = answers.samples[0].scores
    values = {
        name: np.array([float(np.mean([sample.scores[name] for sample in by_item[item.id]])) for item in items])
        for name in first
        if name not in NOT_PAIRED
    }
    if bits is not None:
        values["bits_per_byte"] = bits / np.mean([num_bytes(item) for item in items])
    return Judged(answers, values)


def num_bytes(item: Item) -> int:
    """UTF-8 bytes of what the reference says, thinking included."""
    return len(written(item.answer).encode())


def estimates(judged: Judged, items: Sequence[Item], labels: Sequence[str], seed: int) -> dict[str, Estimate]:
    """Every metric with its 95 % interval: Wilson for shares of single items, BCa bootstrap for the rest."""
    groups = groups_of(items)
    found = {name: estimate(values, groups, seed) for name, values in judged.values.items()}
    if labels and "accuracy" in judged.values:
        predicted = {sample.item: sample.answer for sample in judged.answers.samples if sample.index == 0}
        true_N = encode([item.label or "" for item in items], labels)
        told_N = encode([predicted[item.id] for item in items], labels)  # an answer that is no label is simply wrong

        def macro_f1(chosen: NDArray[np.int64]) -> float:
            return macro_f1_of_codes(true_N[chosen], told_N[chosen], len(labels))

        found["macro_f1"] = _estimate_of(macro_f1, len(items), groups, seed)
    if "mse" in judged.values:
        squared_N = judged.values["mse"]
        targets_N = np.array([item.target for item in items], np.float64)
        found["rmse"] = _estimate_of(lambda chosen: rmse(squared_N[chosen]), len(items), groups, seed)
        found["r2"] = _estimate_of(lambda chosen: r2(squared_N[chosen], targets_N[chosen]), len(items), groups, seed)
    return found


def _estimate_of(
    figure: Callable[[NDArray[np.int64]], float], num_items: int, groups: list[str] | None, seed: int
) -> Estimate:
    """A figure that is no mean over items; it is given the places of those that count."""
    interval = bootstrap_bca_of(figure, num_items, seed=seed, groups=groups, num_resamples=300)
    return Estimate(value=figure(np.arange(num_items)), low=interval.low, high=interval.high, n=num_items)


def groups_of(items: Sequence[Item]) -> list[str] | None:
    """Group of each item, or None when the rows have none."""
    if all(item.group is None for item in items):
        return None
    return [item.group if item.group is not None else item.id for item in items]


def estimate(values_N: Floats, groups: list[str] | None, seed: int) -> Estimate:
    is_share = groups is None and bool(np.isin(values_N, (0.0, 1.0)).all())
    if is_share:
        interval = wilson(int(values_N.sum()), len(values_N))
    else:
        interval = bootstrap_bca(values_N, seed=seed, groups=groups)
    return Estimate(value=float(values_N.mean()), low=interval.low, high=interval.high, n=len(values_N))


def compare(
    suite: str, arm: tuple[str, Judged], against: tuple[str, Judged], groups: list[str] | None, seed: int
) -> list[Difference]:
    """Paired differences arm - against of every metric that both have."""
    (name, mine), (other_name, other) = arm, against
    shared = [metric for metric in mine.values if metric in other.values]
    return [
        _difference(
            suite,
            metric,
            name,
            other_name,
            paired_difference(other.values[metric], mine.values[metric], groups, seed=seed),
        )
        for metric in shared
    ]


def _difference(suite: str, metric: str, arm: str, against: str, paired: PairedDifference) -> Difference:
    return Difference(
        suite=suite,
        metric=metric,
        arm=arm,
        against=against,
        mean=paired.mean,
        low=paired.low,
        high=paired.high,
        p_value=paired.p_value,
        n=paired.n,
    )


def forgetting(suite: str, arm: tuple[str, Judged], base: Judged, items: Sequence[Item], seed: int) -> Forgetting:
    """The general suite before and after, with the items lost and won."""
    name, after = arm
    before_N, after_N = base.values["exact_match"], after.values["exact_match"]
    return Forgetting(
        suite=suite,
        arm=name,
        before=estimate(before_N, None, seed),
        after=estimate(after_N, None, seed),
        difference=_difference(suite, "exact_match", name, "base", paired_difference(before_N, after_N, seed=seed)),
        lost=[item.id for item, a, b in zip(items, before_N, after_N, strict=True) if b < a],
        won=[item.id for item, a, b in zip(items, before_N, after_N, strict=True) if b > a],
    )


def conclude(arm: str, metric: str, target: Difference, losses: Sequence[Forgetting], max_loss: float) -> Verdict:
    """The verdict on one tuned arm; what is less the better is turned around for it."""
    judged = verdict(
        _paired(target, turned=metric in LOWER_IS_BETTER),
        {loss.suite: _paired(loss.difference, turned=False) for loss in losses},
        max_loss,
    )
    reasons: list[tuple[str, dict[str, str | int | float]]] = []
    for reason in judged.reasons:
        figures: dict[str, str | int | float] = {
            "mean": reason.difference.mean,
            "low": reason.difference.low,
            "high": reason.difference.high,
            "n": reason.difference.n,
        }
        if reason.guard is not None:
            figures |= {"suite": reason.guard, "max_loss": max_loss}
        reasons.append((f"verdict.reason.{reason.code.value}", figures))
    if judged.num_items_needed is not None:
        reasons.append(("verdict.reason.items_needed", {"num_items_needed": judged.num_items_needed}))
    return Verdict(word=judged.outcome.value, arm=arm, metric=metric, difference=target, reasons=reasons)


def _paired(difference: Difference, *, turned: bool) -> PairedDifference:
    low, high = (-difference.high, -difference.low) if turned else (difference.low, difference.high)
    mean = -difference.mean if turned else difference.mean
    return PairedDifference(mean, low, high, difference.n, difference.p_value)


def arm_of(name: str, suites: Mapping[str, tuple[Judged, Sequence[Item]]], labels: Sequence[str], seed: int) -> Arm:
    """One column of the table over all suites."""
    test = suites["test"][0].answers
    lengths = [sample.num_tokens for sample in test.samples]
    return Arm(
        name=name,
        metrics={
            suite: estimates(judged, items, labels if suite == "test" else (), seed)
            for suite, (judged, items) in suites.items()
        },
        num_prompt_tokens_mean=test.num_prompt_tokens_mean,
        num_answer_tokens_mean=float(np.mean(lengths)) if any(lengths) else None,
        seconds=sum(judged.answers.seconds for judged, _ in suites.values()),
    )
