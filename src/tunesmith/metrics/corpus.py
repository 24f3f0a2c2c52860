"""Figures of all items together: each is a function of the items that count, so that it can be drawn anew.

Shapes: N items.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.metrics.labels import Average, Codes, Score, averaged, matthews
from tunesmith.metrics.numbers import r2, rmse

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Statistic = Callable[[Ints], float]
"""The figure of the items at these places, one of which may stand there several times or not at all."""

_AVERAGED: Final[Mapping[str, tuple[Average, Score]]] = {
    "macro_precision": ("macro", "precision"),
    "macro_recall": ("macro", "recall"),
    "macro_f1": ("macro", "f1"),
    "micro_precision": ("micro", "precision"),
    "micro_recall": ("micro", "recall"),
    "micro_f1": ("micro", "f1"),
    "weighted_precision": ("weighted", "precision"),
    "weighted_recall": ("weighted", "recall"),
    "weighted_f1": ("weighted", "f1"),
}


def label_statistics(true_N: Codes, told_N: Codes, num_classes: int) -> dict[str, Statistic]:
    """Every figure of labels, by name, of class numbers as `encode` gives them."""

    def of(average: Average, score: Score) -> Statistic:
        return lambda places: averaged(true_N[places], told_N[places], num_classes, average, score)

    found = {name: of(average, score) for name, (average, score) in _AVERAGED.items()}
    return {**found, "mcc": lambda places: matthews(true_N[places], told_N[places], num_classes)}


def number_statistics(squared_errors_N: Floats, targets_N: Floats) -> dict[str, Statistic]:
    """RMSE and R2."""
    return {
        "rmse": lambda places: rmse(squared_errors_N[places]),
        "r2": lambda places: r2(squared_errors_N[places], targets_N[places]),
    }


def perplexity_statistic(bits_N: Floats, tokens_N: Floats) -> Statistic:
    """2 to the bits of a token, over all items: it compares models of one tokenizer, unlike bits per byte."""
    return lambda places: float(2.0 ** (bits_N[places].sum() / tokens_N[places].sum()))


def ratio_statistic(tops_N: Floats, bottoms_N: Floats) -> Statistic:
    """The quotient of two sums; 0.0 where nothing was drawn that counts below the line."""

    def ratio(places: Ints) -> float:
        bottom = float(bottoms_N[places].sum())
        return float(tops_N[places].sum()) / bottom if not math.isclose(bottom, 0.0) else 0.0

    return ratio
