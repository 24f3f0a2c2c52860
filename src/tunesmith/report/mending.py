"""What maps of calibration do to confidence, and what withholding unsure answers buys: rows, sentences, charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts.calibration import CalibrationTable, ConfidenceScores, CoveragePoint, Kind, Mending
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.metrics.wording import Words, count, figure, percent
from tunesmith.report.charts import Band, Series, band_chart
from tunesmith.stats.maps import MIN_OF_EACH, MIN_TO_FIT

LABEL: Final[Kind] = "label"
PARTS: Final = ("ece", "ece_of_calibrated", "brier", "log_loss")


@dataclass(frozen=True)
class MendingRow:
    """One confidence of one arm before and after its map; figures are pairs, the second empty without a map."""

    name: str
    method: str
    reason: str
    rows: str
    ece: tuple[str, str]
    ece_of_calibrated: tuple[str, str]
    brier: tuple[str, str]
    log_loss: tuple[str, str]


@dataclass(frozen=True)
class CoverageChart:
    title: str
    svg: Markup
    legend: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MendingView:
    rows: tuple[MendingRow, ...]
    sentences: tuple[str, ...]
    """From which confidence on answers reach the wanted accuracy, and which have no confidence."""
    charts: tuple[CoverageChart, ...]


def mending_view(body: ScorecardBody, words: Words) -> MendingView:
    named = [
        (sure_name(arm, kind, words), table.mending)
        for arm, tables in body.calibration.items()
        for kind, table in tables.items()
        if table.mending is not None
    ]
    unstated = [
        words("report.unstated", name=sure_name(arm, kind, words), n=count(num))
        for arm, of_kind in body.unstated.items()
        for kind, num in of_kind.items()
    ]
    return MendingView(
        rows=tuple(_row(name, mending, words) for name, mending in named if mending is not None),
        sentences=(*(_abstaining(name, mending, words) for name, mending in named if mending is not None), *unstated),
        charts=_charts(body, words),
    )


def sure_name(arm: str, kind: Kind, words: Words) -> str:
    """An arm, and where its confidence comes from unless that is the label's probability."""
    if kind == LABEL:
        return words.arm(arm)
    return words("report.sure_name", arm=words.arm(arm), kind=words(f"report.kind_of_confidence.{kind}"))


def _row(name: str, mending: Mending, words: Words) -> MendingRow:
    changes = {part: _change(part, mending.before, mending.after) for part in PARTS}
    return MendingRow(
        name=name,
        method=words(f"report.mending.method.{mending.method or 'none'}"),
        reason=words(f"report.mending.reason.{mending.reason}", rows=MIN_TO_FIT, answers=MIN_OF_EACH),
        rows=words(f"report.mending.rows.{mending.rows}", n=count(mending.num_fitted)),
        **changes,
    )


def _change(part: str, before: ConfidenceScores, after: ConfidenceScores | None) -> tuple[str, str]:
    return figure(before.model_dump()[part]), "" if after is None else figure(after.model_dump()[part])


def _abstaining(name: str, mending: Mending, words: Words) -> str:
    wanted, point = percent(mending.wanted_accuracy), mending.abstain
    if point is None:
        return words("report.abstain.none", name=name, wanted=wanted)
    return words(
        "report.abstain" if mending.method is None else "report.abstain.mended",
        name=name,
        wanted=wanted,
        confidence=figure(point.confidence),
        coverage=percent(point.coverage),
        accuracy=percent(point.accuracy),
        interval=words.between(percent(point.low), percent(point.high)),
    )


def _charts(body: ScorecardBody, words: Words) -> tuple[CoverageChart, ...]:
    """One for each kind of confidence, with a line an arm."""
    kinds: dict[Kind, dict[str, CalibrationTable]] = {}
    for arm, tables in body.calibration.items():
        for kind, table in tables.items():
            if len(table.curve) > 1:  # arms that are equally sure of everything have no curve
                kinds.setdefault(kind, {})[arm] = table
    return tuple(_chart(kind, tables, words) for kind, tables in kinds.items())


def _chart(kind: Kind, tables: dict[str, CalibrationTable], words: Words) -> CoverageChart:
    title = words(f"report.coverage.{kind}")
    legend = tuple((words.arm(arm), _course(table.curve, words)) for arm, table in tables.items())
    description = "; ".join(f"{name}: {course}" for name, course in legend)
    bands = [_band(words.arm(arm), table.curve) for arm, table in tables.items()]
    return CoverageChart(title, band_chart(f"coverage-{kind}", title, description, bands), legend)


def _band(name: str, curve: Sequence[CoveragePoint]) -> Band:
    line = Series(
        name, tuple(round(100 * point.coverage) for point in curve), tuple(100 * point.accuracy for point in curve)
    )
    return Band(line, tuple(100 * point.low for point in curve), tuple(100 * point.high for point in curve))


def _course(curve: Sequence[CoveragePoint], words: Words) -> str:
    half = min(curve, key=lambda point: abs(point.coverage - 0.5))
    return words(
        "report.coverage.course",
        accuracy=percent(half.accuracy),
        coverage=percent(half.coverage),
        all=percent(curve[-1].accuracy),
    )
