"""What was forgotten, in the report: each suite before and after, by the kind of question, and the items lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from tunesmith.artifacts.scorecard import Difference, Forgetting
from tunesmith.metrics.wording import Words, count, probability
from tunesmith.report.cells import Cell, DifferenceView, cell_of, difference_view
from tunesmith.report.pairs import Judged, LostItem, lost_items

LossCode = Literal["within", "uncertain", "beyond"]
_NAMED: Final = frozenset({"language", "arithmetic", "reasoning", "format", "refusal"})
"""Kinds of the shipped suites; a user's own keeps its name."""


@dataclass(frozen=True)
class KindRow:
    """The questions of one kind."""

    name: str
    before: Cell
    after: Cell
    difference: DifferenceView
    p_adjusted: str
    num_items: str


@dataclass(frozen=True)
class ForgettingView:
    suite: str
    arm: str
    before: Cell
    after: Cell
    difference: DifferenceView
    loss: LossCode
    num_items: str
    num_lost: int
    num_won: int
    cut: str
    """How many answers had no room to end, in words; empty where all ended."""
    kinds: tuple[KindRow, ...]
    lost: tuple[LostItem, ...]
    lost_ids: tuple[str, ...]
    """Items lost of which no samples are kept."""


def forgetting_view(
    forgetting: Forgetting, judged: Mapping[tuple[str, str, str], Judged], max_loss: float, words: Words
) -> ForgettingView:
    lost = lost_items(judged, forgetting.arm, forgetting.suite, forgetting.lost, words)
    return ForgettingView(
        suite=words.suite(forgetting.suite),
        arm=words.arm(forgetting.arm),
        before=cell_of(forgetting.before, words),
        after=cell_of(forgetting.after, words),
        difference=difference_view(forgetting.difference, words),
        loss=_loss(forgetting.difference, max_loss),
        num_items=count(forgetting.difference.n),
        num_lost=len(forgetting.lost),
        num_won=len(forgetting.won),
        cut=_cut(forgetting, words),
        kinds=_kinds(forgetting, words),
        lost=lost,
        lost_ids=() if lost else tuple(forgetting.lost),
    )


def _loss(difference: Difference, max_loss: float) -> LossCode:
    """As in the verdict: a loss counts as beyond the limit when it is shown, its whole interval below zero."""
    if difference.mean >= -max_loss:
        return "within"
    return "beyond" if difference.high < 0 else "uncertain"


def _cut(forgetting: Forgetting, words: Words) -> str:
    before, after = forgetting.num_cut_before, forgetting.num_cut_after
    if not before and not after:
        return ""
    names = {"suite": words.suite(forgetting.suite), "arm": words.arm(forgetting.arm)}
    return words("report.forgetting.cut", before=count(before), after=count(after), **names)


def _kinds(forgetting: Forgetting, words: Words) -> tuple[KindRow, ...]:
    return tuple(
        KindRow(
            name=words(f"kind.{one.kind}") if one.kind in _NAMED else one.kind,
            before=cell_of(one.before, words),
            after=cell_of(one.after, words),
            difference=difference_view(one.difference, words),
            p_adjusted="" if one.difference.p_adjusted is None else probability(one.difference.p_adjusted),
            num_items=count(one.difference.n),
        )
        for one in forgetting.kinds
    )
