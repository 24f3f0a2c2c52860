"""The 3C score in words: one number per C with its parts and worst rows, and how far expected inputs are covered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from tunesmith.artifacts import QualityReport
from tunesmith.artifacts.quality import Criterion, FaultyRow, Representativeness
from tunesmith.metrics.wording import Words, count, figure, percent, probability
from tunesmith.report.facts import ABSENT, Pair

LOW: Final = 0.9
"""A C below it is marked: one row in ten has a fault."""


@dataclass(frozen=True)
class PartRow:
    name: str
    score: str
    judged: str
    faulty: str


@dataclass(frozen=True)
class WorstRow:
    part: str
    place: str
    detail: str
    against: str


@dataclass(frozen=True)
class CriterionView:
    name: str
    about: str
    score: str
    """A dash where nothing could be judged."""
    share: float
    tone: Literal["good", "warn", "plain"]
    parts: tuple[PartRow, ...]
    worst: tuple[WorstRow, ...]


@dataclass(frozen=True)
class RegionRow:
    texts: str
    share: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class CoveredView:
    """Representativeness."""

    tone: Literal["good", "warn"]
    sentence: str
    facts: tuple[Pair, ...]
    regions: tuple[RegionRow, ...]


@dataclass(frozen=True)
class CoverageRow:
    column: str
    value: str
    rows: str
    is_missing: bool


@dataclass(frozen=True)
class QualityView:
    criteria: tuple[CriterionView, ...]
    coverage: tuple[CoverageRow, ...]
    covered: CoveredView | None


def quality_view(quality: QualityReport, words: Words) -> QualityView:
    by_name = {
        "consistency": quality.consistency,
        "completeness": quality.completeness,
        "correctness": quality.correctness,
    }
    return QualityView(
        criteria=tuple(_criterion(name, criterion, words) for name, criterion in by_name.items()),
        coverage=tuple(
            CoverageRow(column, value, count(rows), rows == 0)
            for column, values in quality.coverage.items()
            for value, rows in values.items()
        ),
        covered=_covered(quality.representativeness, words) if quality.representativeness else None,
    )


def _criterion(name: str, criterion: Criterion, words: Words) -> CriterionView:
    score = criterion.score
    return CriterionView(
        name=words(f"data.quality.{name}"),
        about=words(f"data.quality.{name}.about"),
        score=ABSENT if score is None else figure(score),
        share=score or 0.0,
        tone="plain" if score is None else "warn" if score < LOW else "good",
        parts=tuple(
            PartRow(words(f"quality.part.{code}"), figure(part.score), count(part.judged), count(part.faulty))
            for code, part in criterion.parts.items()
        ),
        worst=tuple(_worst(row, words) for row in criterion.worst),
    )


def _worst(row: FaultyRow, words: Words) -> WorstRow:
    return WorstRow(words(f"quality.part.{row.part}"), row.place, row.detail, row.against or "")


def _covered(found: Representativeness, words: Words) -> CoveredView:
    covered, expected = percent(found.covered), percent(found.covered_if_alike)
    is_short = bool(found.regions) and found.covered < found.covered_if_alike
    facts = {
        "texts": count(found.texts),
        "rows": count(found.rows),
        "similarity": figure(found.similarity),
        "distance": figure(found.distance),
        "p_value": probability(found.p_value),
    }
    return CoveredView(
        tone="warn" if is_short else "good",
        sentence=words("data.quality.covered", file=found.expected, covered=covered, expected=expected),
        facts=tuple((words(f"data.quality.fact.{name}"), value) for name, value in facts.items()),
        regions=tuple(
            RegionRow(count(region.texts), percent(region.share), tuple(region.examples)) for region in found.regions
        ),
    )
