"""What stands behind an arm's figures: answers that are none, classes and what they are taken for, terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from tunesmith.artifacts.scorecard import ClassScores, Details, ScorecardBody, TermRecall
from tunesmith.metrics.faults import FAULTS
from tunesmith.metrics.wording import Words, count, figure, percent, signed
from tunesmith.report.facts import ABSENT
from tunesmith.report.heat_map import heat_map
from tunesmith.report.pairs import BASE, TEST

NUM_CONFUSED: Final = 10
"""Pairs of classes that are listed."""
MAX_OPEN: Final = 12
"""Rows of a table that stands unfolded."""
Confusion = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class FaultRow:
    """One arm: answers that are none by kind, and the verdict's metric as it is, with all of them wrong or right."""

    arm: str
    counts: tuple[str, ...]
    value: str
    all_wrong: str
    all_right: str


@dataclass(frozen=True)
class FaultTable:
    kinds: tuple[str, ...]
    rows: tuple[FaultRow, ...]


@dataclass(frozen=True)
class ClassRow:
    name: str
    num_items: str
    precision: str
    recall: str
    f1: str
    f1_before: str
    change: str


@dataclass(frozen=True)
class Confused:
    """Items of one class that were told to be another's; `share` is of the true class's items."""

    true: str
    told: str
    num_items: str
    share: str


@dataclass(frozen=True)
class ArmClasses:
    """Classes of one tuned arm, the worst first."""

    arm: str
    rows: tuple[ClassRow, ...]
    is_folded: bool
    heat_map: Markup
    without_row: str
    """Which columns belong to no row of the map; empty where each does."""
    confused: tuple[Confused, ...]


@dataclass(frozen=True)
class TermTable:
    """By term and arm: answers that hold it, of those that had to."""

    arms: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    is_folded: bool


@dataclass(frozen=True)
class DetailsView:
    faults: FaultTable | None
    failed: tuple[str, ...]
    """Sentences on metrics that could not be computed of every answer."""
    classes: tuple[ArmClasses, ...]
    terms: TermTable | None

    @property
    def is_empty(self) -> bool:
        return not (self.faults or self.failed or self.classes or self.terms)


def details_view(body: ScorecardBody, words: Words) -> DetailsView:
    found = {arm.name: arm.details for arm in body.arms if arm.details is not None}
    tuned = [verdict.arm for verdict in body.verdicts if verdict.arm in found and found[verdict.arm].classes]
    return DetailsView(
        faults=_faults(body, found, words),
        failed=tuple(
            words("report.details.failed", arm=words.arm(arm), metric=words.metric(metric), n=count(num))
            for arm, details in found.items()
            for metric, num in details.failed.items()
        ),
        classes=tuple(_classes(f"confusion{place}", arm, found, words) for place, arm in enumerate(tuned)),
        terms=_terms({arm: details.terms for arm, details in found.items() if details.terms}, words),
    )


def _faults(body: ScorecardBody, found: Mapping[str, Details], words: Words) -> FaultTable | None:
    faulty = {arm: details for arm, details in found.items() if details.faults or details.bounds}
    kinds = [kind for kind in FAULTS if any(kind in details.faults for details in faulty.values())]
    values = {arm.name: arm.metrics[TEST][body.metric].value for arm in body.arms if body.metric in arm.metrics[TEST]}
    rows = []
    for arm, details in faulty.items():
        ends = (details.bounds.all_wrong, details.bounds.all_right) if details.bounds else (None, None)
        value, wrong, right = (ABSENT if one is None else figure(one) for one in (values.get(arm), *ends))
        rows.append(
            FaultRow(words.arm(arm), tuple(count(details.faults.get(k, 0)) for k in kinds), value, wrong, right)
        )
    return FaultTable(tuple(words(f"fault.{kind}") for kind in kinds), tuple(rows)) if rows else None


def _classes(chart_id: str, arm: str, found: Mapping[str, Details], words: Words) -> ArmClasses:
    details = found[arm]
    before = found[BASE].classes if BASE in found else {}
    worst_first = sorted(details.classes, key=lambda name: (details.classes[name].f1, name))
    confused = _confused(details.confusion, details.classes, words)
    title = words("report.details.confusion", arm=words.arm(arm))
    described = "; ".join(f"{one.true} → {one.told}: {one.num_items}" for one in confused[:NUM_CONFUSED])
    names = {name: name for name in details.classes}
    if "" in details.confusion or any("" in told for told in details.confusion.values()):
        names[""] = words("report.details.no_label")
    absent = [f"{place} {name}" for place, (code, name) in enumerate(names.items(), 1) if code not in details.confusion]
    return ArmClasses(
        arm=words.arm(arm),
        rows=tuple(_class_row(name, details.classes[name], before.get(name)) for name in worst_first),
        is_folded=len(details.classes) > MAX_OPEN,
        heat_map=heat_map(
            chart_id, title, described or words("report.details.none_confused"), names, details.confusion
        ),
        without_row=words("report.details.without_row", names=words.listed(absent)) if absent else "",
        confused=tuple(confused[:NUM_CONFUSED]),
    )


def _class_row(name: str, scores: ClassScores, before: ClassScores | None) -> ClassRow:
    return ClassRow(
        name=name,
        num_items=count(scores.num_items),
        precision=figure(scores.precision),
        recall=figure(scores.recall),
        f1=figure(scores.f1),
        f1_before=ABSENT if before is None else figure(before.f1),
        change=ABSENT if before is None else signed(scores.f1 - before.f1),
    )


def _confused(confusion: Confusion, classes: Mapping[str, ClassScores], words: Words) -> list[Confused]:
    """Every pair of unlike classes that occurs, the most frequent first."""
    pairs = [(num, true, told) for true, row in confusion.items() for told, num in row.items() if true != told]
    return [
        Confused(
            true=true or words("report.details.no_label"),
            told=told or words("report.details.no_label"),
            num_items=count(num),
            share=percent(num / sum(confusion[true].values())),
        )
        for num, true, told in sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))
    ]


def _terms(by_arm: Mapping[str, Mapping[str, TermRecall]], words: Words) -> TermTable | None:
    """The terms that the tuned arms, which come last, most often leave out first."""
    if not by_arm:
        return None
    last = list(by_arm.values())[-1]
    names = sorted(
        {term for terms in by_arm.values() for term in terms}, key=lambda term: (_recall(last.get(term)), term)
    )
    rows = tuple((name, tuple(_found(terms.get(name)) for terms in by_arm.values())) for name in names)
    return TermTable(tuple(words.arm(arm) for arm in by_arm), rows, len(rows) > MAX_OPEN)


def _recall(term: TermRecall | None) -> float:
    return term.found / term.expected if term and term.expected else 1.0


def _found(term: TermRecall | None) -> str:
    if term is None or not term.expected:
        return ABSENT
    return f"{count(term.found)} / {count(term.expected)} ({percent(term.found / term.expected)})"
