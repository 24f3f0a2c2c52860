"""Ratings in the report: means by arm, differences, preferences, and in sentences how far they may be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tunesmith.artifacts.rated import OfJudge, Rated
from tunesmith.artifacts.scorecard import Difference, Estimate
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.metrics.wording import Words, count, figure, percent, probability, signed
from tunesmith.report.cells import Cell, cell_of
from tunesmith.stats.agreement import Coefficient, Lean

FEW_JUDGEMENTS: Final = 100
ALPHA: Final = 0.05


@dataclass(frozen=True)
class GradeRow:
    arm: str
    cells: tuple[Cell | None, ...]
    """One for each dimension."""


@dataclass(frozen=True)
class GradeDifference:
    dimension: str
    pair: str
    value: str
    interval: str
    p_value: str


@dataclass(frozen=True)
class PreferenceRow:
    pair: str
    counts: tuple[str, ...]
    """Preferred, the other preferred, ties, neither."""
    value: str
    interval: str
    p_value: str


@dataclass(frozen=True)
class RatedView:
    title: str
    lead: str
    dimensions: tuple[str, ...]
    grades: tuple[GradeRow, ...]
    differences: tuple[GradeDifference, ...]
    preferences: tuple[PreferenceRow, ...]
    notes: tuple[str, ...]


def rated_view(rated: Rated, words: Words) -> RatedView:
    judge = rated.judge
    lead = {"items": count(rated.num_items), "raters": count(len(rated.raters))}
    if judge is not None:
        lead |= {"model": judge.head.model, "prompt": judge.head.prompt[:12]}
    arms = list(dict.fromkeys(arm for by_arm in rated.scores.values() for arm in by_arm))
    return RatedView(
        title=words("rated.people" if judge is None else "rated.judge"),
        lead=words("rated.lead.people" if judge is None else "rated.lead.judge", **lead),
        dimensions=tuple(dimension_name(name, words) for name in rated.scores),
        grades=tuple(_grade_row(arm, rated.scores, words) for arm in arms),
        differences=tuple(_grade_difference(difference, words) for difference in rated.differences),
        preferences=tuple(
            PreferenceRow(
                pair=_pair(one.difference, words),
                counts=tuple(count(number) for number in (one.won, one.lost, one.ties, one.both_bad)),
                value=signed(one.difference.mean),
                interval=words.interval_of_difference(one.difference),
                p_value=_p_value(one.difference),
            )
            for one in rated.preferences
        ),
        notes=_notes_on_people(rated, words) if judge is None else _notes_on_judge(rated, judge, words),
    )


def dimension_name(name: str, words: Words) -> str:
    """A dimension of a judge's own rubric keeps its name."""
    return words(f"rating.{name}") if f"rating.{name}" in CATALOGUE else name


def _grade_row(arm: str, scores: Mapping[str, Mapping[str, Estimate]], words: Words) -> GradeRow:
    found = [by_arm.get(arm) for by_arm in scores.values()]
    return GradeRow(words.arm(arm), tuple(None if one is None else cell_of(one, words) for one in found))


def _grade_difference(difference: Difference, words: Words) -> GradeDifference:
    return GradeDifference(
        dimension=dimension_name(difference.metric, words),
        pair=_pair(difference, words),
        value=signed(difference.mean),
        interval=words.interval_of_difference(difference),
        p_value=_p_value(difference),
    )


def _pair(difference: Difference, words: Words) -> str:
    return words("rated.against", arm=words.arm(difference.arm), against=words.arm(difference.against))


def _p_value(difference: Difference) -> str:
    return probability(difference.p_value if difference.p_adjusted is None else difference.p_adjusted)


def _notes_on_people(rated: Rated, words: Words) -> tuple[str, ...]:
    raters = words.listed([f"{name} {number}" for name, number in rated.raters.items()])
    notes = [words("rated.raters", raters=raters)]
    notes += [_alpha(name, alpha, words) for name, alpha in rated.agreement.items()]
    notes += [_lean("rated.left", rated.left, words), _lean("rated.longer", rated.longer, words)]
    if rated.not_told:
        notes.append(words("rated.not_told", count=count(rated.not_told)))
    return tuple(note for note in notes if note)


def _notes_on_judge(rated: Rated, judge: OfJudge, words: Words) -> tuple[str, ...]:
    notes = []
    if judge.head.same_family:
        arms = words.listed([words.arm(arm) for arm in judge.head.same_family])
        notes.append(words("rated.judge.family", arms=arms))
    if judge.unreadable:
        notes.append(words("rated.judge.unreadable", count=count(judge.unreadable)))
    if judge.pairs:
        notes.append(words("rated.judge.turned", turned=count(judge.turned), pairs=count(judge.pairs)))
    notes += [_lean("rated.judge.left", rated.left, words), _lean("rated.longer", rated.longer, words)]
    for name, kappa in judge.kappa.items():
        dimension = dimension_name(name, words)
        facts = {"value": _coefficient(kappa, words), "items": count(kappa.items)}
        notes.append(words("rated.judge.kappa", dimension=dimension, **facts))
        if kappa.items < FEW_JUDGEMENTS:
            notes.append(words("rated.judge.few_people", dimension=dimension))
    if not judge.kappa:
        notes.append(words("rated.judge.no_people"))
    return tuple(note for note in notes if note)


def _alpha(name: str, alpha: Coefficient, words: Words) -> str:
    dimension = dimension_name(name, words)
    if alpha.value is None:
        return words("rated.alpha.undefined", dimension=dimension)
    return words("rated.alpha", dimension=dimension, value=_coefficient(alpha, words), items=count(alpha.items))


def _coefficient(found: Coefficient, words: Words) -> str:
    if found.value is None:
        return "–"
    if found.low is None or found.high is None:
        return figure(found.value)
    interval = words.between(figure(found.low), figure(found.high))
    return words("rated.with_interval", value=figure(found.value), interval=interval)


def _lean(key: str, found: Lean | None, words: Words) -> str:
    if found is None:
        return ""
    p_value = probability(found.p_value)
    return words(
        f"{key}.found" if found.p_value < ALPHA else f"{key}.none",
        share=percent(found.share),
        n=count(found.n),
        interval=words.between(percent(found.low), percent(found.high)),
        p_value=p_value if p_value.startswith("<") else f"= {p_value}",
    )
