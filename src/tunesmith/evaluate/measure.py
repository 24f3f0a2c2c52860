"""The metrics that a recipe asks for, once every arm has answered: scores of samples, figures of all items, details.

Shapes: N items, S samples.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tunesmith.artifacts.scorecard import Bounds, ClassScores, Details, Task, TermRecall
from tunesmith.evaluate.arms import Answers
from tunesmith.evaluate.evaluation import encoder_folder
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.summary import Floats, Judged, all_statistics, item_values, told_labels
from tunesmith.metrics.case import Case, Scorer
from tunesmith.metrics.checker import passes
from tunesmith.metrics.content import content_scorers
from tunesmith.metrics.corpus import Statistic, ratio_statistic
from tunesmith.metrics.faults import FAULTS, Expected, Fault, label_forms
from tunesmith.metrics.json_answers import parse_json
from tunesmith.metrics.labels import confusion_matrix, per_class
from tunesmith.metrics.overlap import bleu_statistic, chrf_statistic
from tunesmith.metrics.registry import known
from tunesmith.metrics.scorers import PLAIN, scorers
from tunesmith.metrics.speed import Effort, cost_per_answer, speeds
from tunesmith.metrics.terms import read_glossary, term_recalls
from tunesmith.recipe.metrics import AnyMetric, BertScore, Cost, Plain, RightGivenClosed, TermAccuracy, metric_name
from tunesmith.recipe.safety_checks import ContentRule
from tunesmith.records import Sample

_NO_LABEL = ""
_THINKING_ENDS = "</think>"


@dataclass(frozen=True)
class Wanted:
    """What is to be computed beside what every scorecard has."""

    task: Task
    metric: str
    """That of the verdict."""
    metrics: tuple[AnyMetric, ...]
    labels: Sequence[str]
    content: tuple[ContentRule, ...] = ()
    """Rules that the answers are held to."""

    @property
    def all_metrics(self) -> tuple[AnyMetric, ...]:
        """With that of the verdict, where it is one that is not computed anyway."""
        named = {metric_name(metric) for metric in self.metrics}
        more = self.metric in PLAIN and self.metric not in named
        return (*self.metrics, Plain.model_validate({"name": self.metric})) if more else self.metrics


def measure(judged: Mapping[str, dict[str, Judged]], items: Sequence[Item], wanted: Wanted) -> None:
    """Add to each arm, by name and suite, what is wanted of its answers to the test items.

    Raises what `scorers` and a user's functions raise.
    """
    found = scorers(wanted.all_metrics) | _bertscore(wanted.all_metrics) | content_scorers(wanted.content)
    for suites in judged.values():
        suites["test"] = _measured(suites["test"], items, wanted, found)


def _bertscore(metrics: Sequence[AnyMetric]) -> dict[str, Scorer]:
    from tunesmith.engine.bertscore import BertScorer

    asked = [metric for metric in metrics if isinstance(metric, BertScore)]
    return {metric.name: BertScorer(encoder_folder(metric), metric.layer, idf=metric.idf) for metric in asked}


def _measured(judged: Judged, items: Sequence[Item], wanted: Wanted, found: Mapping[str, Scorer]) -> Judged:
    cases = _cases(judged.answers.samples, items)
    scores: list[dict[str, float]] = [dict(sample.scores) for sample in judged.answers.samples]
    failed_S: dict[str, list[bool]] = {}
    for name, scorer in found.items():
        if all(name in had for had in scores):
            continue
        values = scorer(cases)
        for had, value in zip(scores, values, strict=True):
            if value is not None and not math.isnan(value):
                had[name] = value
        failed_S[name] = [value is not None and math.isnan(value) for value in values]
    samples = tuple(replace(sample, scores=score) for sample, score in zip(judged.answers.samples, scores, strict=True))
    done = replace(judged, answers=replace(judged.answers, samples=samples))
    return replace(
        done,
        values={**item_values(samples, items), **judged.values},
        statistics={**judged.statistics, **_statistics(done, cases, items, wanted)},
        figures=_figures(done.answers, wanted.metrics),
        details=_details(done, cases, items, wanted, failed_S),
    )


def _cases(samples: Sequence[Sample], items: Sequence[Item]) -> list[Case]:
    item_of = {item.id: item for item in items}
    return [_case(sample, item_of[sample.item]) for sample in samples]


def _case(sample: Sample, item: Item) -> Case:
    return Case(
        prompt=item.prompt,
        answer=sample.answer,
        references=item.accepted,
        reasoning=sample.reasoning,
        reference_reasoning=item.answer.reasoning,
        # an answer that was taken over, not generated, has no tag
        is_closed=_THINKING_ENDS in sample.raw or sample.raw == sample.answer,
    )


def _statistics(judged: Judged, cases: Sequence[Case], items: Sequence[Item], wanted: Wanted) -> dict[str, Statistic]:
    """Figures of all items together: of their first answers, but for shares, of all."""
    names = {metric_name(metric) for metric in wanted.metrics}
    of_task = all_statistics(judged, items, wanted.labels)
    found = {name: statistic for name, statistic in of_task.items() if name in names}
    samples = judged.answers.samples
    first = {sample.item: case for sample, case in zip(samples, cases, strict=True) if sample.index == 0}
    for name, statistic_of in (("bleu", bleu_statistic), ("chrf", chrf_statistic)):
        if name in names:
            found[name] = statistic_of([first[item.id] for item in items])
    for metric in wanted.metrics:
        if isinstance(metric, RightGivenClosed):
            closed_S = [case.reasoning is not None and case.is_closed for case in cases]
            right_S = [
                closed and passes(case.answer, case.references[0], metric.checker)
                for closed, case in zip(closed_S, cases, strict=True)
            ]
            tops_N, bottoms_N = (_counted(flags, samples, items) for flags in (right_S, closed_S))
            if bottoms_N.any():
                found[metric.name] = ratio_statistic(tops_N, bottoms_N)
    return found


def _counted(flags_S: Sequence[bool], samples: Sequence[Sample], items: Sequence[Item]) -> Floats:
    """(N,) how many of an item's samples have the flag."""
    counts = Counter(sample.item for sample, flag in zip(samples, flags_S, strict=True) if flag)
    return np.array([counts[item.id] for item in items], np.float64)


def _figures(answers: Answers, metrics: Sequence[AnyMetric]) -> dict[str, float]:
    effort = Effort(
        num_answers=len(answers.samples),
        num_characters=sum(len(sample.raw) for sample in answers.samples),
        num_tokens=sum(sample.num_tokens for sample in answers.samples),
        num_prompt_tokens_mean=answers.num_prompt_tokens_mean,
        seconds=answers.seconds if answers.writing_seconds is None else answers.writing_seconds,
        first_token_seconds=answers.first_token_seconds,
    )
    names = {str(metric.name) for metric in metrics}
    found = {name: figure for name, figure in speeds(effort).items() if name in names}
    for metric in metrics:
        cost = cost_per_answer(metric, effort) if isinstance(metric, Cost) else None
        if cost is not None:
            found["cost_per_answer"] = cost
    return found


def _details(
    judged: Judged, cases: Sequence[Case], items: Sequence[Item], wanted: Wanted, failed_S: Mapping[str, Sequence[bool]]
) -> Details | None:
    samples = judged.answers.samples
    faults_S = _faults(samples, wanted)
    counts = Counter(faults_S)
    glossaries = [metric.glossary for metric in wanted.metrics if isinstance(metric, TermAccuracy)]
    recalls = {term: it for file in glossaries for term, it in term_recalls(read_glossary(Path(file)), cases).items()}
    unjudged_S = failed_S.get(wanted.metric, [False] * len(faults_S))
    apart_S = [fault is not None or unjudged for fault, unjudged in zip(faults_S, unjudged_S, strict=True)]
    # not so of bits per byte, which is of the references
    is_of_answers = any(unjudged_S) or any(wanted.metric in sample.scores for sample in samples)
    details = Details(
        faults={fault: counts[fault] for fault in FAULTS if counts[fault]},
        failed={name: sum(flags) for name, flags in failed_S.items() if any(flags)},
        bounds=_bounds(samples, items, wanted.metric, apart_S) if any(apart_S) and is_of_answers else None,
        terms={term: TermRecall(expected=expected, found=held) for term, (expected, held) in recalls.items()},
        **_of_labels(judged, items, wanted),
    )
    return details if details != Details() else None


def _faults(samples: Sequence[Sample], wanted: Wanted) -> list[Fault | None]:
    if wanted.task == "documents":  # read, not asked
        return [None] * len(samples)
    is_json = any(metric.name in ("json_valid", "json_schema") for metric in wanted.all_metrics)
    parses = (lambda answer: parse_json(answer)[1]) if is_json else None
    expected = Expected(wanted.task, label_forms(wanted.labels), parses)
    return [expected.fault(sample) for sample in samples]


def _bounds(samples: Sequence[Sample], items: Sequence[Item], metric: str, apart_S: Sequence[bool]) -> Bounds:
    """The metric with the samples that are set apart at the worst and at the best of its range."""
    ends: dict[str, float | None] = {}
    for name, end in (("all_wrong", known(metric).worst), ("all_right", known(metric).best)):
        if end is None:
            ends[name] = None
            continue
        told = [
            replace(sample, scores={metric: end} if apart else {k: v for k, v in sample.scores.items() if k == metric})
            for sample, apart in zip(samples, apart_S, strict=True)
        ]
        ends[name] = float(np.nanmean(item_values(told, items)[metric]))
    return Bounds(**ends)


def _of_labels(judged: Judged, items: Sequence[Item], wanted: Wanted) -> dict[str, Any]:
    """Scores of each class and the confusion matrix, as `Details` has them."""
    if not wanted.labels or "accuracy" not in judged.values:
        return {}
    # a test row may have a label that no training row has
    true_N = [item.label if item.label and item.label in wanted.labels else _NO_LABEL for item in items]
    told_N = [label or _NO_LABEL for label in told_labels(judged.answers, items, wanted.labels)]
    classes = {
        label: ClassScores(precision=it.precision, recall=it.recall, f1=it.f1, num_items=it.support)
        for label, it in per_class(true_N, told_N, list(wanted.labels)).items()
    }
    names = [*wanted.labels, _NO_LABEL]
    matrix = confusion_matrix(true_N, told_N, names).tolist()
    confusion = {
        true: {told: num for told, num in zip(names, row, strict=True) if num}
        for true, row in zip(names, matrix, strict=True)
        if any(row)
    }
    return {"classes": classes, "confusion": confusion}
