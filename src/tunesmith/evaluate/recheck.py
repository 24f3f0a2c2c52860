"""Every figure of a scorecard computed once more from its samples, by other means than those that computed it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn import metrics

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.calibration import SavedMap
from tunesmith.artifacts.folder import check_file
from tunesmith.artifacts.ratings import JUDGE, read_ratings
from tunesmith.artifacts.scorecard import (
    BODY,
    SAMPLES,
    Arm,
    Change,
    Difference,
    Estimate,
    Forgetting,
    KindForgetting,
    ScorecardBody,
)
from tunesmith.errors import Place, RunFailed
from tunesmith.evaluate import oracles
from tunesmith.evaluate.recheck_bias import Scores, bias_again
from tunesmith.evaluate.recheck_confidence import of_confidence
from tunesmith.evaluate.recheck_details import Compared, of_details
from tunesmith.evaluate.recheck_judge import Bench, judge_again
from tunesmith.evaluate.recheck_mistakes import errors_again
from tunesmith.evaluate.recheck_slices import KNOWN, is_of, weak_again
from tunesmith.metrics.content import Rule, broken_rules
from tunesmith.metrics.faults import label_forms, label_told
from tunesmith.metrics.registry import LOWER_IS_BETTER
from tunesmith.recipe.safety_checks import ContentRule
from tunesmith.records import Rating, Sample
from tunesmith.stats.intervals import NUM_RESAMPLES_OF_ANY

TOLERANCE: Final = 1e-9
"""Of a difference, as a share of what is larger than 1."""
FEW_SHOT: Final = "base_few_shot"
_OF_CLASSES: Final = frozenset(
    f"{average}_{score}" for average in ("macro", "micro", "weighted") for score in ("precision", "recall", "f1")
) | {"mcc"}


@dataclass(frozen=True)
class Recheck:
    """How many figures were computed again, and the largest difference to what the scorecard says."""

    num_figures: int
    num_samples: int
    largest: float
    where: str
    unchecked: tuple[str, ...]
    """Metrics that cannot be had from the samples, by arm and suite."""


@dataclass
class _Sheet:
    """One arm on one suite: its samples by item, in the order in which the items were asked."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)

    def groups(self, items: Iterable[str]) -> list[str] | None:
        found = [(self.samples[item][0].group, item) for item in items]
        return None if all(group is None for group, _ in found) else [group or item for group, item in found]

    def of_kind(self, kind: str) -> _Sheet:
        return _Sheet({item: samples for item, samples in self.samples.items() if samples[0].kind == kind})

    def firsts(self) -> list[Sample]:
        return [samples[0] for samples in self.samples.values()]

    def values(self, metric: str) -> dict[str, float]:
        """By item a value, of which the figure is the mean; without the items of which the metric says nothing."""
        if metric == "bits_per_byte":
            bits, num_bytes = self._means("bits"), self._means("bytes")
            mean = math.fsum(num_bytes.values()) / max(1, len(num_bytes))
            return {item: value / mean for item, value in bits.items()}
        return self._means(metric)

    def _means(self, metric: str) -> dict[str, float]:
        means = {}
        for item, samples in self.samples.items():
            scores = [sample.scores[metric] for sample in samples if metric in sample.scores]
            if scores:
                means[item] = math.fsum(scores) / len(scores)
        return means


@dataclass(frozen=True)
class _Card:
    """A scorecard with its samples by arm and suite."""

    body: ScorecardBody
    maps: Sequence[SavedMap]
    seed: int
    sheets: Mapping[tuple[str, str], _Sheet]
    section: Mapping[str, Any] = field(default_factory=dict)
    """That of the recipe."""
    judgements: Sequence[Rating] = ()
    """What a judging model said."""

    def asked(self, suite: str) -> dict[str, list[Sample]]:
        """Samples by item of an arm that was asked without examples in its prompts."""
        return next(sheet.samples for (arm, of), sheet in self.sheets.items() if of == suite and arm != FEW_SHOT)


def recheck(folder: Path) -> Recheck:
    """Compute the figures of the scorecard in `folder` again from its samples, with SciPy and scikit-learn.

    Shared with what computed them are the samples, the random draws and the rules, not the arithmetic. Raises
    TunesmithError `artifact-missing`, RunFailed `artifact-damaged` where a file is not the one that was published, and
    RunFailed `recheck-differs` where a figure is further off than `TOLERANCE`.
    """
    scorecard = Scorecard.open(folder)
    is_judged = scorecard.body.judge is not None
    for name in (BODY, SAMPLES, *([JUDGE] if is_judged else [])):
        check_file(folder, name, scorecard.manifest)
    sheets: dict[tuple[str, str], _Sheet] = {}
    num_samples = 0
    for sample in scorecard.samples():
        sheet = sheets.setdefault((sample.arm, sample.suite), _Sheet())
        sheet.samples.setdefault(sample.item, []).append(sample)
        num_samples += 1
    card = _Card(
        scorecard.body,
        scorecard.maps(),
        scorecard.manifest.seed,
        sheets,
        scorecard.manifest.section,
        read_ratings(folder / JUDGE) if is_judged else (),
    )
    unchecked: list[str] = []
    num_figures, largest, where = 0, 0.0, "-"
    for name, said, found in _figures(card, unchecked):
        num_figures += 1
        distance = _distance(said, found)
        if distance > largest:
            largest, where = distance, name
        if distance > TOLERANCE:
            raise RunFailed("recheck-differs", place=Place(str(folder / BODY)), figure=name, said=said, found=found)
    return Recheck(num_figures, num_samples, largest, where, tuple(unchecked))


def _distance(said: float | None, found: float | None) -> float:
    if said is None or found is None:
        return 0.0 if said is found else math.inf
    return abs(said - found) / max(1.0, abs(said), abs(found))


def _figures(card: _Card, unchecked: list[str]) -> Iterator[Compared]:
    for suite, num_items in card.body.num_items.items():
        yield f"num_items {suite}", num_items, len(card.asked(suite))
    for arm in card.body.arms:
        yield from _of_arm(card, arm, unchecked)
        yield from of_details(card.body, arm, card.sheets[arm.name, "test"].samples, unchecked)
    yield from _of_differences(card, card.body.differences, unchecked)
    yield from _of_differences(card, [loss.difference for loss in card.body.forgetting], unchecked)
    for loss in card.body.forgetting:
        yield from _of_forgetting(card, loss)
    for verdict in card.body.verdicts:
        same = [_named(d) for d in card.body.differences if d == verdict.difference]
        yield f"verdict {verdict.arm}", 1, len(same)
    yield from _of_slices(card, unchecked)
    yield from _of_weak_slices(card, unchecked)
    sheets = {key: [one for samples in sheet.samples.values() for one in samples] for key, sheet in card.sheets.items()}
    yield from of_confidence(card.body, sheets, card.maps, card.seed)
    rules = tuple(Rule(ContentRule.model_validate(rule)) for rule in card.section.get("safety", {}).get("content", ()))
    yield from _of_changes(card, [found.change for found in card.body.safety], unchecked)
    memory = [one for found in card.body.memorisation for one in (found.train, found.held_out) if one is not None]
    yield from _of_changes(card, memory, unchecked)
    yield from _of_kinds(card)
    yield from _of_excess(card)
    yield from _of_content(card, rules)
    tests = {arm: sheet.samples for (arm, suite), sheet in card.sheets.items() if suite == "test"}
    yield from errors_again(card.body, tests, card.seed)
    scores = {key: Scores(sheet.samples, sheet.values(card.body.metric)) for key, sheet in card.sheets.items()}
    yield from bias_again(card.body, scores, card.seed, unchecked)
    if card.body.judge is not None:
        firsts = {(arm, item): samples[0] for arm, by_item in tests.items() for item, samples in by_item.items()}
        yield from judge_again(card.body.judge, Bench(card.judgements, firsts, card.seed))


def _of_arm(card: _Card, arm: Arm, unchecked: list[str]) -> Iterator[Compared]:
    for suite, estimates in arm.metrics.items():
        sheet = card.sheets[arm.name, suite]
        for metric, said in estimates.items():
            name = f"{arm.name} {suite} {metric}"
            values = sheet.values(metric)
            if values:
                yield from _of_estimate(name, said, _estimate(sheet, values, card.seed))
            elif metric in _OF_CLASSES or metric in ("rmse", "r2", "perplexity"):
                yield from _of_estimate(name, said, _estimate_of_all(card, sheet, metric))
            else:
                unchecked.append(name)
    if arm.num_answer_tokens_mean is not None:
        samples = [sample for one in card.sheets[arm.name, "test"].samples.values() for sample in one]
        mean = math.fsum(sample.num_tokens for sample in samples) / len(samples)
        yield f"{arm.name} num_answer_tokens_mean", arm.num_answer_tokens_mean, mean


def _estimate(sheet: _Sheet, values: Mapping[str, float], seed: int) -> Estimate:
    values_N, groups = np.array(list(values.values())), sheet.groups(values)
    low, high = oracles.interval_of_mean(values_N, groups, seed)
    return Estimate(value=math.fsum(values_N.tolist()) / len(values_N), low=low, high=high, n=len(values_N))


def _estimate_of_all(card: _Card, sheet: _Sheet, metric: str) -> Estimate:
    """A figure that is no mean over items."""
    firsts = sheet.firsts()
    if metric in _OF_CLASSES:
        code = {label: place for place, label in enumerate(card.body.labels)}
        # what is none of the labels is one class more on either side, never the same one and never averaged
        forms = label_forms(card.body.labels)
        told = [label_told(sample.answer, forms) for sample in firsts]
        true_N = np.array([code.get(sample.reference, len(code)) for sample in firsts])
        told_N = np.array([len(code) + 1 if label is None else code[label] for label in told])
        value = oracles.of_classes(metric, true_N, told_N, len(code))

        def figure(places: npt.NDArray[np.int64]) -> float:
            return oracles.of_counts(metric, true_N[places], told_N[places], len(code))

    elif metric == "perplexity":
        bits_N, tokens_N = (np.array([sample.scores[name] for sample in firsts]) for name in ("bits", "tokens"))

        def figure(places: npt.NDArray[np.int64]) -> float:
            return math.exp(math.log(2) * math.fsum(bits_N[places].tolist()) / math.fsum(tokens_N[places].tolist()))

        value = figure(np.arange(len(firsts)))
    else:
        squared_N = np.array(list(sheet.values("mse").values()))
        targets_N = np.array([float(sample.reference) for sample in firsts])
        judge = metrics.r2_score if metric == "r2" else metrics.root_mean_squared_error
        # errors that give the squares, whatever their signs were
        value = float(judge(targets_N, targets_N + np.sqrt(squared_N)))

        def figure(places: npt.NDArray[np.int64]) -> float:
            return oracles.of_errors(metric, squared_N[places], targets_N[places])

    ends = oracles.bootstrap_of(figure, len(firsts), sheet.groups(sheet.samples), card.seed, NUM_RESAMPLES_OF_ANY)
    low, high = oracles.with_width(ends)
    return Estimate(value=value, low=low, high=high, n=len(firsts))


def _of_estimate(name: str, said: Estimate, found: Estimate) -> Iterator[Compared]:
    for part, one, other in (
        ("", said.value, found.value),
        (" low", said.low, found.low),
        (" high", said.high, found.high),
        (" n", said.n, found.n),
    ):
        yield name + part, one, other


def _named(difference: Difference) -> str:
    return f"{difference.suite} {difference.metric} {difference.arm} - {difference.against}"


def _of_differences(card: _Card, table: Sequence[Difference], unchecked: list[str]) -> Iterator[Compared]:
    corrected = oracles.holm([difference.p_value for difference in table])
    for difference, p_adjusted in zip(table, corrected, strict=True):
        name = _named(difference)
        after, before = (card.sheets[arm, difference.suite] for arm in (difference.arm, difference.against))
        found = _paired(before, after, difference.metric, card.seed)
        if not found:
            unchecked.append(name)
            continue
        yield from _of_difference(name, difference, found | {"p_adjusted": p_adjusted})


def _paired(before: _Sheet, after: _Sheet, metric: str, seed: int) -> dict[str, float | None]:
    """After - before on the items that both answered; nothing where there is none."""
    all_after, all_before = after.values(metric), before.values(metric)
    items = [item for item in all_after if item in all_before]
    if not items:
        return {}
    after_N, before_N = (np.array([values[item] for item in items]) for values in (all_after, all_before))
    return oracles.paired(before_N, after_N, after.groups(items), seed) | {"n": len(items)}


def _of_difference(name: str, said: Difference, found: Mapping[str, float | None]) -> Iterator[Compared]:
    for part, value in said.model_dump(include=set(found)).items():
        yield f"{name} {part}", value, found[part]


def _of_forgetting(card: _Card, loss: Forgetting) -> Iterator[Compared]:
    name, metric = f"{loss.suite} {loss.arm}", loss.difference.metric
    before, after = (card.sheets[arm, loss.suite] for arm in (loss.difference.against, loss.arm))
    yield from _of_both(name, metric, loss, (before, after), card.seed)
    values = before.values(metric), after.values(metric)
    gains = {item: values[1][item] - values[0][item] for item in values[1]}
    lost, won = {i for i, gain in gains.items() if gain < 0}, {i for i, gain in gains.items() if gain > 0}
    yield f"{name} lost", 0, len(lost ^ set(loss.lost))
    yield f"{name} won", 0, len(won ^ set(loss.won))
    for said, sheet in ((loss.num_cut_before, before), (loss.num_cut_after, after)):
        samples = [sample for one in sheet.samples.values() for sample in one]
        yield f"{name} num_cut", said, sum(sample.finish_reason == "length" for sample in samples)
    corrected = oracles.holm([one.difference.p_value for one in loss.kinds])
    for one, p_adjusted in zip(loss.kinds, corrected, strict=True):
        parts = before.of_kind(one.kind), after.of_kind(one.kind)
        yield from _of_both(f"{name} {one.kind}", metric, one, parts, card.seed)
        found = _paired(*parts, metric, card.seed) | {"p_adjusted": p_adjusted}
        yield from _of_difference(f"{name} {one.kind}", one.difference, found)


def _of_both(
    name: str, metric: str, said: Forgetting | KindForgetting, sheets: tuple[_Sheet, _Sheet], seed: int
) -> Iterator[Compared]:
    for part, estimate, sheet in zip(("before", "after"), (said.before, said.after), sheets, strict=True):
        yield from _of_estimate(f"{name} {part}", estimate, _estimate(sheet, sheet.values(metric), seed))


def _of_slices(card: _Card, unchecked: list[str]) -> Iterator[Compared]:
    for kind, by_value in card.body.slices.items():
        if kind not in KNOWN:
            unchecked.append(f"slices by {kind}")
            continue
        for value, estimates in by_value.items():
            items = {item for item, samples in card.asked("test").items() if is_of(samples[0], kind, value)}
            for arm, said in estimates.items():
                sheet = card.sheets[arm, "test"]
                inside = {item: one for item, one in sheet.values(card.body.metric).items() if item in items}
                yield from _of_estimate(f"{kind} {value} {arm}", said, _estimate(sheet, inside, card.seed))


def _of_weak_slices(card: _Card, unchecked: list[str]) -> Iterator[Compared]:
    """They are the tuned model's."""
    found = card.body.weak_slices
    if not found:
        return
    unchecked += ["p-values and training rows of weak slices"]
    unchecked += [f"weak slices by {kind}" for kind in dict.fromkeys(one.kind for one in found) if kind not in KNOWN]
    sheet = card.sheets["tuned", "test"]
    firsts = {item: samples[0] for item, samples in sheet.samples.items()}
    yield from weak_again(found, firsts, sheet.values(card.body.metric), card.body.metric, card.seed)


def _of_changes(card: _Card, table: Sequence[Change], unchecked: list[str]) -> Iterator[Compared]:
    yield from _of_differences(card, [change.difference for change in table], unchecked)
    for change in table:
        name, sign = _named(change.difference), -1.0 if change.metric in LOWER_IS_BETTER else 1.0
        before, after = (card.sheets[arm, change.suite] for arm in (change.difference.against, change.arm))
        was, all_after = before.values(change.metric), after.values(change.metric)
        now = {item: value for item, value in all_after.items() if item in was}
        was = {item: was[item] for item in now}
        yield from _of_estimate(f"{name} before", change.before, _estimate(before, was, card.seed))
        yield from _of_estimate(f"{name} after", change.after, _estimate(after, now, card.seed))
        gains = {item: sign * (value - was[item]) for item, value in now.items()}
        yield f"{name} worse", 0, len({item for item, gain in gains.items() if gain < 0} ^ set(change.worse))
        yield f"{name} better", 0, len({item for item, gain in gains.items() if gain > 0} ^ set(change.better))


def _of_kinds(card: _Card) -> Iterator[Compared]:
    """Of each kind of request how many were refused; an item's name tells its kind."""
    for change, kinds in ((found.change, found.kinds) for found in card.body.safety):
        was, now = (card.sheets[arm, change.suite].values(change.metric) for arm in ("base", change.arm))
        for kind, said in kinds.items():
            items = [item for item in now if item in was and item.split("-")[1] == kind]
            counts = (len(items), math.fsum(was[item] for item in items), math.fsum(now[item] for item in items))
            for part, one, other in zip(
                ("n", "before", "after"), (said.n, said.before, said.after), counts, strict=True
            ):
                yield f"{_named(change.difference)} {kind} {part}", one, other


def _of_excess(card: _Card) -> Iterator[Compared]:
    for found in card.body.memorisation:
        if found.held_out is not None and found.excess is not None:
            one, other = found.train.difference, found.held_out.difference
            mean = one.mean - other.mean
            below = math.sqrt((one.mean - one.low) ** 2 + (other.high - other.mean) ** 2)
            above = math.sqrt((one.high - one.mean) ** 2 + (other.mean - other.low) ** 2)
            again = Estimate(value=mean, low=mean - below, high=mean + above, n=one.n + other.n)
            yield from _of_estimate(f"excess {one.metric} {one.arm}", found.excess, again)


def _of_content(card: _Card, rules: tuple[Rule, ...]) -> Iterator[Compared]:
    for arm, findings in card.body.content.items():
        sheet = card.sheets[arm, "test"]
        broken = {
            item: [broken_rules(sample.answer, rules) for sample in samples] for item, samples in sheet.samples.items()
        }
        for rule, said in findings.rules.items():
            shares = {
                item: sum(any(one.rule == rule for one in answer) for answer in answers) / len(answers)
                for item, answers in broken.items()
            }
            yield from _of_estimate(f"content {arm} {rule}", said, _estimate(sheet, shares, card.seed))
        for place, one in enumerate(findings.worst):
            yield f"content {arm} worst {place}", len(one.broken), len(broken[one.item][one.index])
