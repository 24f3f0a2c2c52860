"""From the metrics of a recipe to what computes them: one scorer for each figure of single answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from tunesmith.artifacts import hash_file
from tunesmith.metrics.answers import exact_match, numeric_match, rouge_l, rouge_n, token_f1
from tunesmith.metrics.case import Case, Scorer, each
from tunesmith.metrics.function import find_function, function_values
from tunesmith.metrics.json_answers import json_valid, schema_matcher
from tunesmith.metrics.style import style_scorers
from tunesmith.metrics.terms import read_glossary
from tunesmith.recipe.metrics import AnyMetric, Function, JsonSchema, Plain, Style, TermAccuracy, metric_name


def _thinking_rouge_l(case: Case) -> float | None:
    """ROUGE-L of the thinking alone; None where the reference has none."""
    if case.reference_reasoning is None:
        return None
    return rouge_l(case.reasoning or "", case.reference_reasoning)


def _closed_thinking(case: Case) -> float:
    return float(case.reasoning is not None and case.is_closed)


PLAIN: Final[Mapping[str, Callable[[Case], float | None]]] = {
    "exact_match": lambda case: exact_match(case.answer, case.references),
    "numeric_match": lambda case: numeric_match(case.answer, case.references),
    "token_f1": lambda case: token_f1(case.answer, case.references),
    "rouge_1": lambda case: rouge_n(case.answer, case.references[0], 1),
    "rouge_2": lambda case: rouge_n(case.answer, case.references[0], 2),
    "rouge_l": lambda case: rouge_l(case.answer, case.references[0]),
    "json_valid": json_valid,
    "closed_thinking": _closed_thinking,
    "thinking_characters": lambda case: float(len(case.reasoning or "")),
    "thinking_rouge_l": _thinking_rouge_l,
}
"""Metrics of one answer that need nothing but the case."""


def scorers(metrics: Iterable[AnyMetric]) -> dict[str, Scorer]:
    """By name of the figure; of metrics that are not figures of single answers, and of BERTScore, nothing.

    Files are read and functions looked for here, so that nothing is found missing later. Raises TunesmithError
    `glossary`, `json-schema-file`, `metric-function`.
    """
    found: dict[str, Scorer] = {}
    for metric in metrics:
        found |= _scorers_of(metric)
    return found


def _scorers_of(metric: AnyMetric) -> dict[str, Scorer]:
    match metric:
        case Plain() if metric.name in PLAIN:
            return {metric.name: each(PLAIN[metric.name])}
        case TermAccuracy():
            return {metric.name: each(read_glossary(Path(metric.glossary)).share)}
        case JsonSchema():
            return {metric.name: each(schema_matcher(Path(metric.file)))}
        case Style():
            return style_scorers(metric)
        case Function():
            find_function(metric.function)
            return {metric.own_name: partial(function_values, metric)}
    return {}


def hashes(metrics: Iterable[AnyMetric]) -> dict[str, str]:
    """SHA-256 of the files that decide what metrics give, but for the weights of encoders.

    Of a function that is its module, where it lies in the working folder; an installed one is known by its name.
    """
    found = {}
    for metric in metrics:
        file = _file_of(metric)
        if file is not None and file.is_file():
            found[f"metric.{metric_name(metric)}"] = hash_file(file)
    return found


def _file_of(metric: AnyMetric) -> Path | None:
    match metric:
        case TermAccuracy():
            return Path(metric.glossary)
        case JsonSchema():
            return Path(metric.file)
        case Function():
            module = Path(*metric.function.partition(":")[0].split("."))
            return module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    return None
