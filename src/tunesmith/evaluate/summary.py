"""From scored samples to a scorecard: estimates with intervals, paired differences, verdicts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.scorecard import READING, Arm, Details, Difference, Estimate, Forgetting, Verdict
from tunesmith.evaluate.arms import Answers, Reading
from tunesmith.evaluate.baselines import written
from tunesmith.evaluate.items import Item
from tunesmith.metrics.corpus import Statistic, label_statistics, number_statistics, perplexity_statistic
from tunesmith.metrics.faults import label_forms, label_told
from tunesmith.metrics.labels import encode
from tunesmith.metrics.registry import LOWER_IS_BETTER, METRICS
from tunesmith.records import Sample
from tunesmith.stats.intervals import Interval, bootstrap_bca, bootstrap_bca_of, wilson
from tunesmith.stats.paired import PairedDifference, detectable_difference, holm, paired_difference
from tunesmith.stats.power import MOST_TOLD
from tunesmith.stats.verdict import verdict

Floats = NDArray[np.float64]
NOT_PAIRED = frozenset({"confidence", "likelihood", "verbalised", "agreement", *READING})
"""Figures of a sample that describe it and do not judge it."""


@dataclass(frozen=True)
class Judged:
    """One arm on one suite: its samples, and its metrics as one value an item, in the order of the items."""

    answers: Answers
    values: Mapping[str, Floats]
    """NaN where a metric says nothing of an item."""
    statistics: Mapping[str, Statistic] = field(default_factory=dict)
    """Metrics of all items together."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the arm as a whole."""
    details: Details | None = None


def judge(answers: Answers, items: Sequence[Item], reading: Reading | None) -> Judged:
    """Average an item's samples within the item. `reading` is that of the items' references.

    Bits per byte is the quotient of sums, so each item's value is its bits over the mean bytes of an item.
    """
    values = item_values(answers.samples, items)
    statistics: dict[str, Statistic] = {}
    if reading is not None:
        values["bits_per_byte"] = reading.bits_N / np.mean([num_bytes(item) for item in items])
        answers = _with_reading(answers, items, reading)
        if reading.tokens_N is not None:
            statistics["perplexity"] = perplexity_statistic(reading.bits_N, reading.tokens_N)
    return Judged(answers, values, statistics)


def item_values(samples: Sequence[Sample], items: Sequence[Item]) -> dict[str, Floats]:
    """(N,) the mean of each score over an item's samples that have it; NaN for an item without one."""
    by_item: dict[str, list[Sample]] = {item.id: [] for item in items}
    for sample in samples:
        by_item[sample.item].append(sample)
    names = dict.fromkeys(name for sample in samples for name in sample.scores if name not in NOT_PAIRED)
    return {name: np.array([_mean_score(by_item[item.id], name) for item in items]) for name in names}


def _mean_score(samples: Sequence[Sample], name: str) -> float:
    found = [sample.scores[name] for sample in samples if name in sample.scores]
    return float(np.mean(found)) if found else math.nan


def told_labels(answers: Answers, items: Sequence[Item], labels: Sequence[str]) -> list[str | None]:
    """(N,) the label that each item's first answer is; None for an answer that is no label."""
    first = {sample.item: sample.answer for sample in answers.samples if sample.index == 0}
    forms = label_forms(labels)
    return [label_told(first[item.id], forms) for item in items]


def _with_reading(answers: Answers, items: Sequence[Item], reading: Reading) -> Answers:
    """Each sample keeps what bits per byte and perplexity are computed from."""
    columns = [reading.bits_N.tolist(), [float(num_bytes(item)) for item in items]]
    columns += [] if reading.tokens_N is None else [reading.tokens_N.tolist()]
    read = {item.id: dict(zip(READING, row, strict=False)) for item, *row in zip(items, *columns, strict=True)}
    samples = tuple(replace(one, scores={**one.scores, **read[one.item]}) for one in answers.samples)
    return replace(answers, samples=samples)


def num_bytes(item: Item) -> int:
    """UTF-8 bytes of what the reference says, thinking included."""
    return len(written(item.answer).encode())


def estimates(judged: Judged, items: Sequence[Item], labels: Sequence[str], seed: int) -> dict[str, Estimate]:
    """Every metric with its 95 % interval: Wilson for shares of single items, BCa bootstrap for the rest."""
    groups = groups_of(items)
    has_any = {name: values_N for name, values_N in judged.values.items() if np.isfinite(values_N).any()}
    found = {name: estimate(values_N, groups, seed) for name, values_N in has_any.items()}
    standard = {
        name: statistic
        for name, statistic in all_statistics(judged, items, labels).items()
        if METRICS[name].is_standard
    }
    for name, statistic in {**standard, **judged.statistics}.items():
        found[name] = _estimate_of(statistic, len(items), groups, seed)
    for name, figure in judged.figures.items():
        found[name] = Estimate(value=figure, n=len(items))
    return found


def all_statistics(judged: Judged, items: Sequence[Item], labels: Sequence[str]) -> dict[str, Statistic]:
    """Figures of all items together that labels or numbers have, by name."""
    if labels and "accuracy" in judged.values:
        # an answer that is no label is simply wrong
        told_N = encode([label or "" for label in told_labels(judged.answers, items, labels)], labels)
        return label_statistics(encode([item.label or "" for item in items], labels), told_N, len(labels))
    if "mse" in judged.values:
        return number_statistics(judged.values["mse"], np.array([item.target for item in items], np.float64))
    return {}


def _estimate_of(figure: Statistic, num_items: int, groups: list[str] | None, seed: int) -> Estimate:
    """A figure that is no mean over items; it is given the places of those that count."""
    interval = bootstrap_bca_of(figure, num_items, seed=seed, groups=groups)
    return _estimated(figure(np.arange(num_items)), interval, num_items)


def _estimated(value: float, interval: Interval, num_items: int) -> Estimate:
    """Without ends where all resamples are alike: certainty is not to be had from them."""
    low, high = (interval.low, interval.high) if interval.has_width else (None, None)
    return Estimate(value=value, low=low, high=high, n=num_items)


def groups_of(items: Sequence[Item]) -> list[str] | None:
    """Group of each item, or None when the rows have none."""
    if all(item.group is None for item in items):
        return None
    return [item.group if item.group is not None else item.id for item in items]


def estimate(values_N: Floats, groups: list[str] | None, seed: int) -> Estimate:
    """Of the items that have a value; at least one has.

    Groups that are all alike tell nothing of others: a share then has Wilson's interval of as many items as groups.
    """
    has_value_N = np.isfinite(values_N)
    if groups is not None:
        groups = [group for group, has_value in zip(groups, has_value_N, strict=True) if has_value]
    values_N = values_N[has_value_N]
    is_share = bool(np.isin(values_N, (0.0, 1.0)).all())
    drawn = None if is_share and groups is None else bootstrap_bca(values_N, seed=seed, groups=groups)
    if is_share and not (drawn and drawn.has_width):
        num_units = len(values_N) if groups is None else len(set(groups))
        drawn = wilson(float(values_N.sum()) * num_units / len(values_N), num_units)
    assert drawn is not None
    return _estimated(float(values_N.mean()), drawn, len(values_N))


def compare(
    suite: str, arm: tuple[str, Judged], against: tuple[str, Judged], groups: list[str] | None, seed: int
) -> list[Difference]:
    """Paired differences arm - against of every metric that both have, over the items where both have it."""
    (name, mine), (other_name, other) = arm, against
    found = []
    for metric in mine.values:
        mine_N, other_N = mine.values[metric], other.values.get(metric, np.full(len(mine.values[metric]), math.nan))
        has_both_N = np.isfinite(mine_N + other_N)
        if has_both_N.any():
            kept = None if groups is None else [group for group, has in zip(groups, has_both_N, strict=True) if has]
            pair = (name, mine_N[has_both_N]), (other_name, other_N[has_both_N])
            found.append(difference_of(suite, metric, *pair, kept, seed))
    return found


def difference_of(
    suite: str, metric: str, arm: tuple[str, Floats], against: tuple[str, Floats], groups: list[str] | None, seed: int
) -> Difference:
    (name, mine_N), (other_name, other_N) = arm, against
    paired = paired_difference(other_N, mine_N, groups, seed=seed)
    return Difference(
        suite=suite,
        metric=metric,
        arm=name,
        against=other_name,
        mean=paired.mean,
        low=paired.low,
        high=paired.high,
        p_value=paired.p_value,
        n=paired.n,
        detectable=detectable_difference(other_N, mine_N, groups),
    )


def adjusted(table: Sequence[Difference]) -> list[Difference]:
    """The differences of one table with their p-values corrected for their number."""
    corrected = holm([difference.p_value for difference in table])
    return [
        difference.model_copy(update={"p_adjusted": p_adjusted})
        for difference, p_adjusted in zip(table, corrected, strict=True)
    ]


def margin_of(metric: str, share: float, base: float) -> float:
    """The margin in the metric's own unit: of the base's figure it is a share where less is better."""
    return share * abs(base) if metric in LOWER_IS_BETTER else share


def conclude(
    metric: str,
    target: Difference,
    losses: Sequence[Forgetting],
    max_loss: float,
    margin: float,
    free_form: Difference | None = None,
) -> Verdict:
    """The verdict on the arm of `target`; what is less the better is turned around for it.

    `free_form` is the difference of the same model and the base where both write their labels.
    """
    is_turned = metric in LOWER_IS_BETTER
    judged = verdict(
        _paired(target, turned=is_turned),
        {loss.suite: _paired(loss.difference, turned=False) for loss in losses},
        max_loss,
        margin,
        None if free_form is None else _paired(free_form, turned=is_turned),
    )
    reasons: list[tuple[str, dict[str, str | int | float]]] = []
    for reason in judged.reasons:
        figures: dict[str, str | int | float] = {
            "mean": reason.difference.mean,
            "low": reason.difference.low,
            "high": reason.difference.high,
            "n": reason.difference.n,
        }
        if reason.guard is None:
            figures["margin"] = margin
        else:
            figures |= {"suite": reason.guard, "max_loss": max_loss}
        reasons.append((f"verdict.reason.{reason.code.value}", figures))
    if judged.num_items_needed is not None and judged.num_items_needed > MOST_TOLD:
        reasons.append(("verdict.reason.more_items_needed", {"num_items": MOST_TOLD}))
    elif judged.num_items_needed is not None:
        reasons.append(("verdict.reason.items_needed", {"num_items_needed": judged.num_items_needed}))
    if target.detectable is not None:
        reasons.append(("verdict.reason.detectable", {"n": target.n, "detectable": target.detectable}))
    return Verdict(word=judged.outcome.value, arm=target.arm, metric=metric, difference=target, reasons=reasons)


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
        details=suites["test"][0].details,
    )
