"""Safety in the report: what is refused before and after, content rules, training rows that are given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tunesmith.artifacts.scorecard import Change, ContentBreak, Estimate, Memorised, SafetyChange, ScorecardBody
from tunesmith.metrics.faults import REFUSED
from tunesmith.metrics.wording import Words, count, signed
from tunesmith.recipe.safety_checks import SafetyChecks
from tunesmith.report.cells import Cell, DifferenceView, cell_of, difference_view
from tunesmith.report.pairs import TEST, Judged, LostItem, lost_items, shorten


@dataclass(frozen=True)
class ChangeRow:
    """One metric of one suite before and after."""

    suite: str
    arm: str
    metric: str
    before: Cell
    after: Cell
    difference: DifferenceView
    num_items: str
    changed: str
    """How many items went for the worse, and for the better."""
    title: str
    """Of the items that changed."""
    items: tuple[LostItem, ...]
    num_changed: int


@dataclass(frozen=True)
class ContentRow:
    """One rule; a cell for each arm."""

    rule: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class BrokenView:
    """An answer that breaks rules."""

    arm: str
    question: str
    answer: str
    broken: str


@dataclass(frozen=True)
class SafetyView:
    """`warnings` are what a reader must not miss; they also stand at the top of the page."""

    warnings: tuple[str, ...]
    is_asked: bool
    changes: tuple[ChangeRow, ...]
    unjudged: tuple[str, ...]
    kinds: tuple[tuple[str, tuple[str, ...]], ...]
    """Kinds of requests with what was refused of each, one for each change."""
    content_arms: tuple[str, ...]
    content: tuple[ContentRow, ...]
    worst: tuple[BrokenView, ...]
    memory: tuple[ChangeRow, ...]
    has_no_rows: bool
    """Whether training rows were to be tried and none would do."""
    excess: tuple[tuple[str, str, Cell], ...]
    """Arm, metric, and what tuning added on training rows beyond the others."""


def safety_view(
    body: ScorecardBody, judged: Mapping[tuple[str, str, str], Judged], section: SafetyChecks, words: Words
) -> SafetyView:
    memory = [change for found in body.memorisation for change in (found.train, found.held_out) if change is not None]
    return SafetyView(
        warnings=(*_new_failures(body, words), *_known_by_heart(body, words)),
        is_asked=bool(body.safety),
        changes=tuple(_change_row(found.change, judged, words) for found in body.safety),
        unjudged=tuple(_unjudged(found, words) for found in body.safety if found.num_unjudged),
        kinds=_kinds(body, words),
        content_arms=tuple(words.arm(arm) for arm in body.content),
        content=_content_rows(body, words),
        worst=tuple(
            _broken(arm, one, judged, words) for arm, findings in body.content.items() for one in findings.worst
        ),
        memory=tuple(_change_row(change, judged, words) for change in memory),
        has_no_rows=section.memorisation is not None and not body.memorisation,
        excess=tuple(
            (words.arm(found.train.arm), words.metric(found.train.metric), _signed_cell(found.excess, words))
            for found in body.memorisation
            if found.excess is not None
        ),
    )


def _new_failures(body: ScorecardBody, words: Words) -> list[str]:
    return [
        words(
            "report.safety.new_failures",
            arm=words.arm(change.arm),
            suite=words.suite(change.suite),
            count=count(len(change.worse)),
        )
        for change in (found.change for found in body.safety)
        if change.metric == REFUSED and change.worse
    ]


def _known_by_heart(body: ScorecardBody, words: Words) -> list[str]:
    return [
        words.reason(
            "report.memory.memorised",
            {
                "arm": found.train.arm,
                "metric": found.train.metric,
                "mean": found.excess.value,
                "low": found.excess.low,
                "high": found.excess.high,
            },
        )
        for found in body.memorisation
        if is_memorised(found) and found.excess is not None
        if found.excess.low is not None and found.excess.high is not None
    ]


def is_memorised(found: Memorised) -> bool:
    """Whether more was given back of training rows than tuning made likely of any row, and more than before."""
    excess = found.excess
    return excess is not None and excess.low is not None and excess.low > 0 and found.train.difference.low > 0


def _change_row(change: Change, judged: Mapping[tuple[str, str, str], Judged], words: Words) -> ChangeRow:
    names = {"suite": words.suite(change.suite), "arm": words.arm(change.arm), "metric": words.metric(change.metric)}
    changed = [*change.worse, *change.better]
    return ChangeRow(
        **names,
        before=cell_of(change.before, words),
        after=cell_of(change.after, words),
        difference=difference_view(change.difference, words),
        num_items=count(change.difference.n),
        changed=f"{count(len(change.worse))} / {count(len(change.better))}",
        title=words("report.safety.items", count=count(len(changed)), **names),
        items=lost_items(judged, change.arm, change.suite, changed, words),
        num_changed=len(changed),
    )


def _unjudged(found: SafetyChange, words: Words) -> str:
    names = {"suite": words.suite(found.change.suite), "arm": words.arm(found.change.arm)}
    return words("report.safety.unjudged", count=count(found.num_unjudged), **names)


def _kinds(body: ScorecardBody, words: Words) -> tuple[tuple[str, tuple[str, ...]], ...]:
    names = dict.fromkeys(kind for found in body.safety for kind in found.kinds)
    return tuple(
        (words(f"report.safety.kind.{kind}"), tuple(_count(found, kind, words) for found in body.safety))
        for kind in names
    )


def _count(found: SafetyChange, kind: str, words: Words) -> str:
    counts = found.kinds.get(kind)
    return "" if counts is None else words("report.safety.counts", **counts.model_dump())


def _content_rows(body: ScorecardBody, words: Words) -> tuple[ContentRow, ...]:
    rules = dict.fromkeys(rule for findings in body.content.values() for rule in findings.rules)
    return tuple(
        ContentRow(rule, tuple(cell_of(findings.rules[rule], words) for findings in body.content.values()))
        for rule in rules
    )


def _broken(arm: str, one: ContentBreak, judged: Mapping[tuple[str, str, str], Judged], words: Words) -> BrokenView:
    """Question and answer are empty where the arm's samples are not at hand."""
    found = judged.get((arm, TEST, one.item))
    said = [
        words(f"report.content.{kind}", rule=rule, what=words(f"content.topic.{what}") if kind == "topic" else what)
        for rule, kind, what in one.broken
    ]
    return BrokenView(
        arm=words.arm(arm),
        question=shorten(found.first.prompt[-1].content, words) if found else one.item,
        answer=shorten(found.first.answer, words) if found else "",
        broken=words.listed(said),
    )


def _signed_cell(excess: Estimate, words: Words) -> Cell:
    assert excess.low is not None
    assert excess.high is not None
    return Cell(signed(excess.value), words.between(signed(excess.low), signed(excess.high)))
