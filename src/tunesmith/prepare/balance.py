"""Balance: rows of rare categories are visited more often or weigh more, or rows of frequent ones are left out.

Nothing is copied: a row says in its `repeats` how often an epoch visits it, so there is no copy that could reach
another split. With n_c training rows in category c, N in all and K categories:

=========  ===========================================================
`over`     max n_c visits of every category
`under`    min n_c rows of every category
`weight`   N / (K n_c) for each row of c; their mean over all rows is 1
=========  ===========================================================

each held within a factor of `limit` of what there was.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.dataset import Balanced, BalanceReport, emphasis_to_json
from tunesmith.prepare.categories import Categories
from tunesmith.prepare.index import Keys, Mask, Rows, Spool, key_of, lines_of
from tunesmith.recipe.balance import Balance
from tunesmith.text.shingles import mixed

# Shapes: T training rows, K categories.
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Emphasis:
    """What becomes of each training row."""

    repeats_T: Ints
    """0 for a row that is left out."""
    weights_T: Floats

    @property
    def is_cut_T(self) -> Mask:
        is_cut_T: Mask = self.repeats_T == 0
        return is_cut_T

    def of_kept(self) -> Emphasis:
        """That of the rows that stay."""
        return Emphasis(self.repeats_T[~self.is_cut_T], self.weights_T[~self.is_cut_T])

    @classmethod
    def none(cls, num_rows: int) -> Emphasis:
        return cls(np.ones(num_rows, dtype=np.int64), np.ones(num_rows))


def emphasise(categories: Categories, ids_T: Keys, section: Balance, seed: int) -> Emphasis:
    """Rows of no category stay as they are. Which of equal rows are favoured is drawn by their ids and the seed."""
    emphasis = Emphasis.none(len(ids_T))
    counts_K = np.bincount(categories.of_row_T[categories.of_row_T >= 0], minlength=len(categories.names))
    present = counts_K[counts_K > 0]
    rank_T = mixed(ids_T ^ np.uint64(key_of(f"balance:{seed}")))
    for category in np.flatnonzero(counts_K).tolist():
        rows = np.flatnonzero(categories.of_row_T == category)
        if section.method == "weight":
            weight = counts_K.sum() / (len(present) * len(rows))
            emphasis.weights_T[rows] = min(section.limit, max(1 / section.limit, weight))
            continue
        if section.method == "over":
            target = min(int(present.max()), int(section.limit * len(rows) + 1e-9))
        else:
            target = max(int(present.min()), math.ceil(len(rows) / section.limit - 1e-9))
        whole, rest = divmod(target, len(rows))
        emphasis.repeats_T[rows] = whole
        emphasis.repeats_T[rows[np.argsort(rank_T[rows], kind="stable")[:rest]]] += 1
    return emphasis


def write_rows(spool: Spool, rows_T: Rows, emphasis: Emphasis, file: Path) -> None:
    """Write the lines of rows, each with its repeats and weight at the end where it has any."""
    place = 0
    with file.open("wb") as stream:
        for part, span in spool.spans(rows_T):
            for line in lines_of(span):
                said = emphasis_to_json(int(emphasis.repeats_T[place]), float(emphasis.weights_T[place]))
                stream.write(line[:-1] + b", " + json.dumps(said)[1:].encode() + b"\n" if said else line + b"\n")
                place += 1
            assert part[-1] == rows_T[place - 1]


def balance_report(categories: Categories, emphasis: Emphasis, section: Balance) -> BalanceReport:
    """Each category before and after, the largest first."""
    found = {}
    for number, name in enumerate(categories.names):
        is_of_T = categories.of_row_T == number
        repeats = emphasis.repeats_T[is_of_T]
        if len(repeats):
            found[name] = Balanced(
                before=len(repeats),
                rows=int(np.count_nonzero(repeats)),
                visits=int(repeats.sum()),
                weight=float(emphasis.weights_T[is_of_T][0]),
            )
    ordered = dict(sorted(found.items(), key=lambda item: (-item[1].before, item[0])))
    return BalanceReport(by=section.column or section.by, method=section.method, categories=ordered)
