"""What a recipe's rounds of improvement did to each other: every candidate on the recent rows of every round so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from tunesmith.artifacts import Scorecard, is_whole
from tunesmith.artifacts.scorecard import KIND
from tunesmith.evaluate.gate import ARM
from tunesmith.metrics.registry import LOWER_IS_BETTER
from tunesmith.stats.gate import TEST
from tunesmith.stats.transfer import Transfer, transfer
from tunesmith.store.cycles import Round

ON: Final = "fresh."
"""What the names of a round's scorecards on recent rows begin with; the id of the round that held them out follows."""


@dataclass(frozen=True)
class Rounds:
    """Rounds whose candidates were asked recent rows, in their order."""

    ids: tuple[str, ...]
    metric: str
    scores: tuple[tuple[float | None, ...], ...]
    """Row i is the candidate of round i, column j the rows of round j; None where it was not asked."""
    transfer: Transfer | None
    """Higher is better, whatever the metric; None for fewer than two rounds, or where one was not asked the others'."""


def transfer_of(rounds: Sequence[Round], workspace: Path) -> Rounds | None:
    """None where no round held rows out, or the rounds were judged by several metrics."""
    cards = {round.id: _cards(round, workspace) for round in rounds}
    ids = tuple(id for id, of_round in cards.items() if id in of_round)
    metrics = {card.body.metric for id in ids for card in cards[id].values()}
    if len(metrics) != 1:
        return None
    (metric,) = metrics
    scores = tuple(tuple(_score(cards[id].get(other), metric) for other in ids) for id in ids)
    table = np.array(scores, dtype=np.float64)  # None is NaN
    is_full = len(ids) > 1 and bool(np.isfinite(table[np.tril_indices(len(ids))]).all())
    sign = -1.0 if metric in LOWER_IS_BETTER else 1.0
    return Rounds(ids, metric, scores, transfer(sign * table) if is_full else None)


def _cards(round: Round, workspace: Path) -> dict[str, Scorecard]:
    """By the round that held the rows out."""
    folders = {
        name.removeprefix(ON): workspace / "artifacts" / KIND / key
        for name, key in round.products.items()
        if name.startswith(ON)
    }
    return {id: Scorecard.open(folder) for id, folder in folders.items() if is_whole(folder)}


def _score(card: Scorecard | None, metric: str) -> float | None:
    if card is None:
        return None
    return next(arm.metrics[TEST][metric].value for arm in card.body.arms if arm.name == ARM)
