"""A certificate as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from tunesmith.artifacts.bundle import Certificate, FormFigures
from tunesmith.cli.show import table
from tunesmith.i18n import translate

if TYPE_CHECKING:
    from tunesmith.lifecycle.certificate.recertify import Recheck

UNKNOWN: Final = "-"
SERVED: Final = "served"
GGUF: Final = "gguf"
FP32_BYTES: Final = 4
BF16_BYTES: Final = 2
COLUMNS: Final = (
    "form",
    "token_agreement",
    "same_answers",
    "mean_kl",
    "max_logit_difference",
    "max_gain_error",
    "metric",
    "num_bytes",
    "of_fp32",
    "of_bf16",
    "tokens_per_second",
)
"""Each an entry `certificate.column.*`."""


def certificate_lines(certificate: Certificate, language: str) -> list[str]:
    """On what it was measured, the table of the forms, and how its columns are read."""
    prompts = ", ".join(f"{kind} {num}" for kind, num in certificate.prompts.items())
    asked = translate(
        "cli.certificate.asked",
        language,
        prompts=prompts,
        precision=certificate.precision,
        device=certificate.device,
        threads=certificate.num_threads,
    )
    limits = ", ".join(f"{name} {value:g}" for name, value in certificate.limits.items())
    return [
        asked,
        "",
        *table(certificate_rows(certificate, language)),
        "",
        translate("cli.certificate.columns", language),
        *_notes(certificate, language),
        translate("cli.certificate.limits", language, limits=limits),
    ]


def _notes(certificate: Certificate, language: str) -> Iterator[str]:
    """How some rows came about, and why others are missing."""
    if certificate.num_over_http:
        yield translate("cli.certificate.over-http", language, num=certificate.num_over_http)
    if any(figures.form == GGUF for figures in certificate.figures):
        yield translate("cli.certificate.gguf", language)
    for form, reason in certificate.not_measured.items():
        yield translate(f"certificate.why.{reason}", language, form=form)


def recertified_lines(found: Recheck, language: str) -> list[str]:
    """What was measured again, and how close it came."""
    told = translate(
        "cli.certificate.rechecked",
        language,
        forms=len(found.found.figures),
        share=f"{found.largest:.1%}",
        where=found.where,
    )
    return [*certificate_lines(found.found, language), "", told]


def certificate_rows(certificate: Certificate, language: str) -> list[list[str]]:
    """The names of the columns, then a row a form; forms that were not measured say so."""
    rows = [[translate(f"certificate.column.{name}", language) for name in COLUMNS]]
    rows += [_row(figures, certificate) for figures in certificate.figures]
    for form, reason in certificate.not_measured.items():
        told = translate(f"certificate.not-measured.{reason}", language)
        rows.append([form, told, *[UNKNOWN] * (len(COLUMNS) - 2)])
    return rows


def _row(figures: FormFigures, certificate: Certificate) -> list[str]:
    metric, form = figures.metric, certificate.served if figures.form == SERVED else figures.form
    # an adapter is nothing without its base: no whole model that could be smaller
    num_weights = 0 if form == "adapter" else certificate.num_weights
    return [
        f"{SERVED} ({form})" if figures.form == SERVED else figures.form,
        f"{figures.token_agreement:.2%} ({figures.num_tokens}, {figures.num_near_ties})",
        f"{figures.num_same_answers}/{figures.num_prompts}",
        _small(figures.mean_kl),
        _small(figures.max_logit_difference),
        _small(figures.max_gain_error),
        UNKNOWN if metric is None else f"{metric.mean:+.4f} [{metric.low:+.4f}, {metric.high:+.4f}]",
        f"{figures.num_bytes:,}",
        _saved(figures.num_bytes, FP32_BYTES * num_weights),
        _saved(figures.num_bytes, BF16_BYTES * num_weights),
        f"{figures.tokens_per_second:.1f}",
    ]


def _small(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.2g}"


def _saved(num_bytes: int, whole: int) -> str:
    """How much smaller, as a share with its sign: -74.1%."""
    return f"{num_bytes / whole - 1:+.1%}" if whole else UNKNOWN
