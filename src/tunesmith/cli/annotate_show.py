"""What annotation made, as lines for a terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tunesmith.i18n import translate
from tunesmith.prepare.annotate import Exported, Imported
from tunesmith.prepare.annotate.judged import Comparison
from tunesmith.stats.agreement import ClassAgreement, MarkAgreement, Pair


def as_json_value(made: Exported | Imported | Comparison) -> dict[str, Any]:
    return asdict(made) | ({"folder": str(made.folder)} if not isinstance(made, Comparison) else {})


def exported_lines(made: Exported, language: str) -> list[str]:
    lines = [
        translate(
            "cli.annotate.exported",
            language,
            tasks=made.tasks,
            read=made.read,
            predictions=made.predictions,
            repeated=made.repeated,
            rejected=made.rejected,
        )
    ]
    if made.pushed is not None:
        lines.append(translate("cli.annotate.pushed", language, count=made.pushed))
    return [*lines, translate("cli.annotate.at", language, folder=made.folder)]


def imported_lines(made: Imported, language: str) -> list[str]:
    counts = {"rows": made.rows, "disputed": made.disputed, "decided": made.decided}
    return [
        translate("cli.annotate.imported", language, **counts),
        translate("cli.annotate.at", language, folder=made.folder),
    ]


def comparison_lines(found: Comparison, language: str) -> list[str]:
    counts = {"tasks": found.tasks, "unanimous": found.unanimous, "disputed": found.disputed}
    lines = [translate("cli.annotate.tasks", language, **counts)]
    lines += [
        translate("cli.annotate.annotator", language, name=name, count=count)
        for name, count in found.annotators.items()
    ]
    if found.intents is not None:
        lines += _class_lines(found.intents, language)
    for layer, marks in (("entities", found.entities), ("relations", found.relations)):
        if marks is not None:
            lines += _mark_lines(layer, marks, language)
    return lines


def _class_lines(found: ClassAgreement, language: str) -> list[str]:
    values = {"fleiss": found.fleiss, "krippendorff": found.krippendorff}
    coefficients = {name: _figure(value, language) for name, value in values.items()}
    observed = "-" if found.observed is None else f"{found.observed:.1%}"
    first = translate("cli.annotate.classes", language, observed=observed, items=found.items, **coefficients)
    return [first, *_pair_lines("cli.annotate.kappa", found.cohen, language)]


def _mark_lines(layer: str, found: MarkAgreement, language: str) -> list[str]:
    mean = _figure(found.mean_f1, language)
    first = translate(f"cli.annotate.marks.{layer}", language, mean=mean, items=found.items)
    return [first, *_pair_lines("cli.annotate.f1", found.pairs, language)]


def _pair_lines(key: str, pairs: tuple[Pair, ...], language: str) -> list[str]:
    return [
        translate(
            key,
            language,
            first=pair.raters[0],
            second=pair.raters[1],
            value=_figure(pair.value, language),
            items=pair.items,
        )
        for pair in pairs
    ]


def _figure(value: float | None, language: str) -> str:
    return translate("cli.annotate.undefined", language) if value is None else f"{value:.3f}"
