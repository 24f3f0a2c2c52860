"""How far figures may be believed: intervals on few items, and an arm's confidence in its answers."""

from __future__ import annotations

from dataclasses import dataclass

from tunesmith.artifacts.calibration import CalibrationTable
from tunesmith.artifacts.scorecard import ScorecardBody
from tunesmith.metrics.wording import Words, count, figure, percent, probability
from tunesmith.report.mending import sure_name
from tunesmith.stats.intervals import measured_coverage


@dataclass(frozen=True)
class CalibrationRow:
    """One arm that says how sure it is of its answers."""

    arm: str
    confidence: str
    accuracy: str
    ece: str
    ece_of_calibrated: str
    p_value: str
    brier: str
    risk: tuple[str, str]
    """The share wrong of all answers, and of the more confident half."""


def coverage_sentence(body: ScorecardBody, words: Words) -> str:
    """How often intervals on so few test items hold the truth; empty where it is as often as they say."""
    num_items = body.num_items["test"]
    coverage = measured_coverage(num_items)
    return "" if coverage is None else words("report.few", n=count(num_items), coverage=percent(coverage))


def calibration_rows(body: ScorecardBody, words: Words) -> tuple[CalibrationRow, ...]:
    """Of the arms that say how sure they are of an answer."""
    return tuple(
        _row(sure_name(arm, kind, words), table, words)
        for arm, tables in body.calibration.items()
        for kind, table in tables.items()
    )


def _row(arm: str, table: CalibrationTable, words: Words) -> CalibrationRow:
    return CalibrationRow(
        arm=arm,
        confidence=figure(table.confidence),
        accuracy=figure(table.accuracy),
        ece=figure(table.ece),
        ece_of_calibrated=figure(table.ece_of_calibrated),
        p_value=probability(table.p_value),
        brier=figure(table.brier),
        risk=(figure(table.risk["1.0"]), figure(table.risk["0.5"])),
    )
