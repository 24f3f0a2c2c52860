"""Parts of the test items in the report: those that the recipe names, and those in which the tuned model is weak."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tunesmith.artifacts.scorecard import Estimate, ScorecardBody, WeakSlice
from tunesmith.metrics.wording import Words, count, probability
from tunesmith.report.cells import Cell, cell_of

NAMED: Final = ("language", "label", "length", "source", "phrase")


@dataclass(frozen=True)
class SliceTable:
    name: str
    arms: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]


@dataclass(frozen=True)
class WeakSliceView:
    name: str
    inside: Cell
    outside: Cell
    num_items: str
    p_value: str
    advice: str
    remedies: tuple[tuple[str, str], ...]
    """What may be done, and what to add to the command for it, quoted for a shell."""


def slice_tables(body: ScorecardBody, words: Words) -> tuple[SliceTable, ...]:
    return tuple(
        _slice_table(name, by_value, [arm.name for arm in body.arms], words)
        for name, by_value in body.slices.items()
        if by_value
    )


def _slice_table(
    name: str, by_value: Mapping[str, Mapping[str, Estimate]], arm_names: Sequence[str], words: Words
) -> SliceTable:
    arms = [arm for arm in arm_names if any(arm in estimates for estimates in by_value.values())]
    rows = []
    everything = [estimate for estimates in by_value.values() for estimate in estimates.values()]
    scale = max([1.0, *(end for estimate in everything for end in (estimate.value, estimate.high or 0.0))])
    for value, estimates in by_value.items():
        size = max(estimate.n for estimate in estimates.values())
        title = words("report.slice.value", value=words.slice_value(name, value), n=count(size))
        rows.append((title, tuple(cell_of(estimates[arm], words, scale) if arm in estimates else None for arm in arms)))
    return SliceTable(words.slice(name), tuple(words.arm(arm) for arm in arms), tuple(rows))


def weak_slice_views(body: ScorecardBody, words: Words) -> tuple[WeakSliceView, ...]:
    return tuple(_weak_slice(slice, words) for slice in body.weak_slices)


def _weak_slice(slice: WeakSlice, words: Words) -> WeakSliceView:
    value = words.slice_value(slice.kind, slice.value)
    known = slice.kind in NAMED
    name = words(f"report.weak.{slice.kind}" if known else "report.weak.column", column=slice.kind, value=value)
    advice = words(
        f"report.weak.wanted.{slice.wanted_by}", n=count(slice.num_wanted_rows), rows=count(slice.num_train_rows)
    )
    return WeakSliceView(
        name=name,
        inside=cell_of(slice.inside, words),
        outside=cell_of(slice.outside, words),
        num_items=count(slice.inside.n),
        p_value=probability(slice.p_value),
        advice=advice,
        remedies=tuple((words(f"report.weak.{one.action}"), shlex.quote(one.override)) for one in slice.remedies),
    )
