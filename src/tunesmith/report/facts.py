"""What went in and how it was done: data, method, environment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tunesmith.artifacts import DatasetReport, Plan, TunedModel
from tunesmith.artifacts.dataset import Characters, Encoding, SourceReport, SplitProof
from tunesmith.artifacts.history import Taken
from tunesmith.metrics.wording import Words, count, percent, proof_sentence, significant
from tunesmith.records import SPLITS, Split
from tunesmith.text.language import Language

MAX_OPEN_LABELS: Final = 20
ABSENT: Final = "–"
NUM_TAKEN: Final = 20
"""Newest trainings of the workspace that are shown."""
_OF_HELD_OUT: Final = re.compile("-(?:test|validation|benchmark)-")
"""Reasons to reject a row for the sake of a held-out one."""
_ENCODINGS: Final[dict[Encoding, str]] = {"utf-8": "UTF-8", "gb18030": "GB18030 (GBK)", "binary": ABSENT}

Pair = tuple[str, str]


@dataclass(frozen=True)
class SplitView:
    """One split: its size and share of the kept rows."""

    name: str
    css_class: str
    count: str
    share: float


@dataclass(frozen=True)
class RejectView:
    """One reason to reject: how many rows, and where the first of them stand."""

    reason: str
    count: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class SourceView:
    """One source: how it was read and what became of its rows."""

    file: str
    format: str
    why: str
    encoding: str
    split: str
    counts: tuple[str, ...]
    """Read, kept and rejected."""


@dataclass(frozen=True)
class CountRow:
    """Rows of one label or language."""

    name: str
    counts: tuple[str, ...]
    """In train, validation and test."""
    total: str
    """In all splits, with the share."""


@dataclass(frozen=True)
class LengthRow:
    name: str
    characters: tuple[str, ...]
    """By quantile, in the order of `Quantiles`."""


@dataclass(frozen=True)
class Proof:
    """Whether the splits overlap, in a sentence."""

    sentence: str
    holds: bool


@dataclass(frozen=True)
class DataView:
    """The data section."""

    counts: tuple[Pair, ...]
    """Read, kept, rejected."""
    facts: tuple[Pair, ...]
    splits: tuple[SplitView, ...]
    sources: tuple[SourceView, ...]
    rejects: tuple[RejectView, ...]
    labels: tuple[CountRow, ...]
    fold_labels: bool
    languages: tuple[CountRow, ...]
    lengths: tuple[LengthRow, ...]
    proof: Proof


@dataclass(frozen=True)
class ChoiceView:
    """One choice of the plan with its reason."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True)
class ModelView:
    """How one arm was trained."""

    name: str
    form: str
    facts: tuple[Pair, ...]


@dataclass(frozen=True)
class TakenView:
    """One training of the workspace: what was predicted and what was measured."""

    name: str
    method: str
    memory: tuple[str, str]
    time: tuple[str, str]


@dataclass(frozen=True)
class MethodView:
    """The method section."""

    facts: tuple[Pair, ...]
    choices: tuple[ChoiceView, ...]
    models: tuple[ModelView, ...]
    history: tuple[TakenView, ...]


def data_view(report: DatasetReport, words: Words) -> DataView:
    """The data contract in words."""
    numbers = {"read": report.read, "kept": report.kept, "rejected": report.rejected}
    return DataView(
        counts=tuple((words(f"report.data.{name}"), count(number)) for name, number in numbers.items()),
        facts=_data_facts(report, words),
        splits=tuple(
            SplitView(words(f"report.split.{split}"), split, count(report.splits[split]), _share(report, split))
            for split in SPLITS
        ),
        sources=tuple(_source(source, words) for source in report.sources),
        rejects=tuple(
            RejectView(words(f"reject.{code}"), count(reason.count), tuple(reason.places))
            for code, reason in report.reasons.items()
        ),
        labels=tuple(_count_row(label, numbers, report) for label, numbers in report.labels.items()),
        fold_labels=len(report.labels) > MAX_OPEN_LABELS,
        languages=_languages(report, words),
        lengths=_lengths(report.characters, words),
        proof=proof(report.proof, words),
    )


def _data_facts(report: DatasetReport, words: Words) -> tuple[Pair, ...]:
    conflicting, reasoning = report.conflicting, report.reasoning
    facts = {
        "task": words(f"report.data.task.{report.task}"),
        "reasoning": words(
            "report.data.with_and_without", present=count(reasoning.present), absent=count(reasoning.absent)
        ),
        "bad": count(report.bad),
        "duplicates": count(report.duplicates),
        "leaking": count(sum(found.count for code, found in report.reasons.items() if _OF_HELD_OUT.search(code))),
        "conflicting": words(
            "report.data.prompts_and_rows", prompts=count(conflicting.prompts), rows=count(conflicting.rows)
        ),
    }
    if report.repeats_within_test:
        facts["repeats_within_test"] = count(report.repeats_within_test)
    if report.decoded_as_gb18030:
        facts["gb18030"] = count(report.decoded_as_gb18030)
    return tuple((words(f"report.data.{name}"), value) for name, value in facts.items())


def _share(report: DatasetReport, split: Split) -> float:
    return report.splits[split] / sum(report.splits.values())


def _source(source: SourceReport, words: Words) -> SourceView:
    columns = ", ".join(name if name == column else f"{name}={column}" for name, column in source.columns.items())
    return SourceView(
        file=source.file,
        format=source.format or ABSENT,
        why=words(f"report.data.why.{source.why}", columns=columns) if source.why else ABSENT,
        encoding=_ENCODINGS[source.encoding],
        split=words(f"report.split.{source.split}") if source.split else ABSENT,
        counts=tuple(count(number) for number in (source.read, source.kept, source.rejected)),
    )


def _count_row(name: str, numbers: Mapping[Split, int], report: DatasetReport) -> CountRow:
    total = sum(numbers.values())
    share = percent(total / sum(report.splits.values()))
    return CountRow(name, tuple(count(numbers.get(split, 0)) for split in SPLITS), f"{count(total)} ({share})")


def _languages(report: DatasetReport, words: Words) -> tuple[CountRow, ...]:
    """The most frequent first."""
    totals: Counter[Language] = Counter()
    for numbers in report.languages.values():
        totals.update(numbers)
    return tuple(
        _count_row(words.language_name(code), {split: report.languages[split].get(code, 0) for split in SPLITS}, report)
        for code, _ in totals.most_common()
    )


def _lengths(characters: Characters, words: Words) -> tuple[LengthRow, ...]:
    parts = {"prompt": characters.prompt, "thinking": characters.reasoning, "answer": characters.answer}
    return tuple(
        LengthRow(words(f"report.data.length.{name}"), tuple(count(number) for _, number in quantiles))
        for name, quantiles in parts.items()
        if quantiles is not None
    )


def proof(found: SplitProof, words: Words) -> Proof:
    return Proof(proof_sentence(found, words), found.holds)


def method_view(
    plan: Plan | None, models: Mapping[str, TunedModel], history: Sequence[Taken], words: Words
) -> MethodView:
    return MethodView(
        facts=_plan_facts(plan, words) if plan else (),
        choices=tuple(
            ChoiceView(choice.name, _value(choice.value), words.reason(choice.reason, choice.parameters))
            for choice in plan.body.choices
        )
        if plan
        else (),
        models=tuple(_model(name, model, words) for name, model in models.items()),
        history=tuple(_taken(taken, words) for taken in reversed(history[-NUM_TAKEN:])),
    )


def _taken(taken: Taken, words: Words) -> TakenView:
    def size(num_bytes: int | None) -> str:
        return ABSENT if num_bytes is None else f"{num_bytes / 1e9:.2f} GB"

    def duration(seconds: float | None) -> str:
        return ABSENT if seconds is None else words.duration(seconds)

    return TakenView(
        name=f"{taken.run} {words.arm(taken.name)}",
        method=f"{words(f'report.method.name.{taken.method}')}, {taken.precision}",
        memory=(size(taken.predicted_bytes), size(taken.measured_bytes)),
        time=(duration(taken.predicted_seconds), duration(taken.measured_seconds)),
    )


def _plan_facts(plan: Plan, words: Words) -> tuple[Pair, ...]:
    body = plan.body
    share = percent(body.num_trainable / body.num_parameters)
    facts = {
        "method": words(f"report.method.name.{body.method}"),
        "num_parameters": count(body.num_parameters),
        "num_trainable": f"{count(body.num_trainable)} ({share})",
        "num_train_rows": count(body.num_train_rows),
        "num_train_tokens": count(body.num_train_tokens),
        "num_supervised_tokens": count(body.num_supervised_tokens),
        "longest_row_tokens": count(body.longest_row_tokens),
        "num_steps": count(body.num_steps),
        "learning_rate": significant(body.learning_rate),
        "precision": body.precision,
    }
    return tuple((words(f"report.fact.{name}"), value) for name, value in facts.items())


def _model(name: str, model: TunedModel, words: Words) -> ModelView:
    training = model.training()
    writers = {
        "step": count,
        "num_tokens": count,
        "seconds": words.duration,
        "tokens_per_second": count,
        "best_step": count,
        "num_threads": count,
    }
    facts = tuple(
        (words(f"report.fact.{key}"), write(training[key]))
        for key, write in writers.items()
        if training.get(key) is not None
    )
    if training.get("best_value") is not None:
        facts += ((words("report.fact.best_value"), f"{significant(training['best_value'])} ({training['metric']})"),)
    return ModelView(words.arm(name), words(f"report.form.{model.form}"), facts)


def four_bit_notes(models: Mapping[str, TunedModel], words: Words) -> tuple[str, ...]:
    """Which arms were judged over a base in 4 bits; the base alone is judged as it is under `tuned`."""
    names = [name for name, model in models.items() if model.is_four_bit]
    base = (words("report.note.four_bit_base"),) if "tuned" in names else ()
    return (*(words("report.note.four_bit", arm=words.arm(name)) for name in names), *base)


def environment(libraries: Sequence[Mapping[str, str]], trainings: Sequence[Mapping[str, Any]]) -> tuple[Pair, ...]:
    """Versions from the manifests, and what training noted of its machine, each once."""
    merged: dict[str, str] = {}
    for versions in libraries:
        merged |= versions
    for training in trainings:
        merged |= {name: str(value) for name, value in training.get("environment", {}).items()}
    return tuple(sorted(merged.items()))


def _value(value: str | int | float) -> str:
    if isinstance(value, str):
        return value
    return count(value) if isinstance(value, int) else significant(value)
