"""What a plan predicts and advises as lines for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tunesmith.artifacts.history import TimeEstimate
from tunesmith.artifacts.prediction import PredictionBody
from tunesmith.i18n import translate
from tunesmith.stats.paired import PairedDifference

if TYPE_CHECKING:
    from tunesmith.plan.bases import BaseAdvice, BaseFacts
    from tunesmith.plan.curve import Curve

NUM_TERMS: Final = 4
"""Largest terms of a prediction that are shown."""


def prediction_lines(prediction: PredictionBody, language: str) -> list[str]:
    """Peak memory of each phase with its largest terms, and disk."""
    lines = []
    for phase, terms in prediction.memory.items():
        largest = sorted(terms.items(), key=lambda term: -term[1])[:NUM_TERMS]
        listed = ", ".join(f"{translate(f'plan.term.{name}', language)} {gigabytes(size)}" for name, size in largest)
        said = translate(f"plan.phase.{phase}", language)
        lines.append(
            translate("cli.plan.memory", language, phase=said, peak=gigabytes(sum(terms.values())), terms=listed)
        )
    return [*lines, translate("cli.plan.disk", language, disk=gigabytes(prediction.disk_bytes))]


def estimate_lines(estimate: TimeEstimate, language: str) -> list[str]:
    """The whole time, and the steps that it was scaled up from."""
    steps = ", ".join(f"{seconds:.2f} s" for seconds in estimate.step_seconds)
    return [translate("cli.plan.time", language, total=f"{estimate.total_seconds:.0f}", steps=steps)]


def gigabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.2f} GB"


def curve_lines(curve: Curve, language: str) -> list[str]:
    """One line a size, and what to do."""
    from tunesmith.plan.curve import MAX_GAIN

    lines = []
    for point in curve.points:
        said = ""
        if point.gain is not None:
            ends = {name: f"{value:+.3f}" for name, value in _ends(point.gain).items()}
            said = translate("cli.curve.gain", language, **ends)
        mean = f"{point.mean:.3f}"
        lines.append(translate("cli.curve.point", language, rows=point.num_rows, mean=mean, gain=said).rstrip())
    return [*lines, translate(f"cli.curve.{curve.word}", language, against=curve.against, most=MAX_GAIN)]


def base_lines(advice: BaseAdvice, language: str) -> list[str]:
    """Three lines a base, and the one to take."""
    lines = [line for base in advice.facts for line in _base_lines(advice, base, language)]
    if advice.advised is None:
        return [*lines, translate("cli.bases.none", language)]
    return [*lines, translate("cli.bases.advised", language, advised=advice.advised)]


def _base_lines(advice: BaseAdvice, base: BaseFacts, language: str) -> list[str]:
    first = translate(
        "cli.bases.base",
        language,
        mark="+" if base.reference == advice.advised else "-",
        reference=base.reference,
        parameters=f"{base.num_parameters:,}",
        context=f"{base.max_tokens:,}",
        quantiles="/".join(map(str, base.length_quantiles)),
        share=f"{base.share_that_fits:.1%}",
    )
    second = translate(
        "cli.bases.more",
        language,
        rates=", ".join(f"{name} {rate:.2f}" for name, rate in base.tokens_per_character.items()),
        memory=gigabytes(base.train_bytes),
        room="" if base.fits_memory else translate("cli.bases.no-room", language),
        licence=base.licence or translate("cli.bases.no-licence", language),
        metric=translate(f"metric.{advice.metric}", language),
        score=f"{abs(advice.scores[base.reference]):.3f}",
    )
    difference = advice.differences.get(base.reference)
    if difference is None:
        return [first, second]
    ends = {name: f"{value:+.3f}" for name, value in _ends(difference).items()}
    return [first, second, translate("cli.bases.difference", language, **ends)]


def _ends(difference: PairedDifference) -> dict[str, float]:
    return {"mean": difference.mean, "low": difference.low, "high": difference.high}
