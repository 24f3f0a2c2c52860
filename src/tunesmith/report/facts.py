"""What went in and how it was done: data, method, environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tunesmith.artifacts import Dataset, Plan, TunedModel
from tunesmith.records import SPLITS
from tunesmith.report.wording import Words, count, percent, significant

MAX_PLACES: Final = 5
MAX_OPEN_LABELS: Final = 12

Pair = tuple[str, str]


@dataclass(frozen=True)
class SplitView:
    name: str
    css_class: str
    count: str
    share: float


@dataclass(frozen=True)
class RejectView:
    reason: str
    count: str
    places: tuple[str, ...]


@dataclass(frozen=True)
class SourceView:
    source: str
    format: str
    why: str
    count: str


@dataclass(frozen=True)
class LabelView:
    label: str
    counts: tuple[str, ...]
    """Of train, validation and test."""


@dataclass(frozen=True)
class Proof:
    sentence: str
    holds: bool


@dataclass(frozen=True)
class DataView:
    counts: tuple[Pair, ...]
    splits: tuple[SplitView, ...]
    split_names: tuple[str, ...]
    sources: tuple[SourceView, ...]
    rejects: tuple[RejectView, ...]
    labels: tuple[LabelView, ...]
    fold_labels: bool
    languages: tuple[Pair, ...]
    lengths: str
    proof: Proof | None


@dataclass(frozen=True)
class ChoiceView:
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
class MethodView:
    facts: tuple[Pair, ...]
    choices: tuple[ChoiceView, ...]
    models: tuple[ModelView, ...]


def data_view(dataset: Dataset, words: Words) -> DataView:
    """The data contract in words; parts that the dataset's report does not hold are left empty."""
    report = dataset.report()
    kept: dict[str, int] = report["kept"]
    labels: dict[str, dict[str, int]] = report.get("labels", {})
    return DataView(
        counts=_counts(report, words),
        splits=_splits(kept, words),
        split_names=tuple(words(f"report.split.{split}") for split in SPLITS),
        sources=tuple(
            SourceView(source["source"], source["format"], source["why"], count(source["num_rows"]))
            for source in report.get("sources", [])
        ),
        rejects=_rejects(report.get("rejected", {}), words),
        labels=tuple(
            LabelView(label, tuple(count(by_split.get(split, 0)) for split in SPLITS))
            for label, by_split in labels.items()
        ),
        fold_labels=len(labels) > MAX_OPEN_LABELS,
        languages=_languages(report.get("languages", {}), words),
        lengths=_lengths(report.get("length_characters"), words),
        proof=proof(report, words),
    )


def _counts(report: Mapping[str, Any], words: Words) -> tuple[Pair, ...]:
    num_rejected = sum(reject["count"] for reject in report.get("rejected", {}).values())
    numbers = {
        "read": report.get("num_read"),
        "kept": sum(report["kept"].values()),
        "rejected": num_rejected,
        "conflicting": report.get("conflicting"),
        "with_reasoning": report.get("with_reasoning"),
    }
    return tuple(
        (words(f"report.data.{name}"), count(number)) for name, number in numbers.items() if number is not None
    )


def _splits(kept: Mapping[str, int], words: Words) -> tuple[SplitView, ...]:
    total = max(sum(kept.values()), 1)
    return tuple(
        SplitView(words(f"report.split.{split}"), split, count(kept[split]), kept[split] / total)
        for split in SPLITS
        if split in kept
    )


def _rejects(rejected: Mapping[str, Mapping[str, Any]], words: Words) -> tuple[RejectView, ...]:
    ranked = sorted(rejected.items(), key=lambda pair: (-pair[1]["count"], pair[0]))
    return tuple(
        RejectView(words(f"reject.{reason}"), count(found["count"]), tuple(found["places"][:MAX_PLACES]))
        for reason, found in ranked
    )


def _languages(languages: Mapping[str, int], words: Words) -> tuple[Pair, ...]:
    total = max(sum(languages.values()), 1)
    ranked = sorted(languages.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple((words.language_name(code), f"{count(number)} ({percent(number / total)})") for code, number in ranked)


def _lengths(lengths: Mapping[str, float] | None, words: Words) -> str:
    if lengths is None:
        return ""
    return words("report.data.lengths", **{name: count(lengths[name]) for name in ("p50", "p90", "max")})


def proof(report: Mapping[str, Any], words: Words) -> Proof | None:
    """What the dataset's report says of prompts and groups that training and test rows share."""
    shared: Mapping[str, int] | None = report.get("proof")
    if shared is None:
        return None
    holds = not any(shared.values())
    key = "report.data.proof" if holds else "report.data.proof_broken"
    return Proof(words(key, **{name: count(shared[name]) for name in ("shared_prompts", "shared_groups")}), holds)


def method_view(plan: Plan | None, models: Mapping[str, TunedModel], words: Words) -> MethodView:
    return MethodView(
        facts=_plan_facts(plan, words) if plan else (),
        choices=tuple(
            ChoiceView(choice.name, _value(choice.value), words.reason(choice.reason, choice.parameters))
            for choice in plan.body.choices
        )
        if plan
        else (),
        models=tuple(_model(name, model, words) for name, model in models.items()),
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
        "num_threads": count(body.num_threads),
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
        "best_loss": significant,
    }
    facts = tuple(
        (words(f"report.fact.{key}"), write(training[key]))
        for key, write in writers.items()
        if training.get(key) is not None
    )
    return ModelView(words.arm(name), words(f"report.form.{model.form}"), facts)


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
