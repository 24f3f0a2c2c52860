"""Maps of confidence fitted and applied once more: by scikit-learn, by SciPy, or by a formula written out another way.

Nothing here shares code with `stats.maps`. Shapes: N answers, C classes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special
from sklearn import linear_model, metrics

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_TINY: Final = 1e-12
_LONGEST: Final = math.log(100.0)


@dataclass(frozen=True)
class Told:
    """What N answers said: their confidence, what was right, and where they are classes, all log-probabilities."""

    confidence_N: Floats
    is_right_N: Floats
    log_NC: Floats | None
    true_N: Ints | None

    def part(self, chosen_N: npt.NDArray[np.bool_]) -> Told:
        log_NC = None if self.log_NC is None else self.log_NC[chosen_N]
        true_N = None if self.true_N is None else self.true_N[chosen_N]
        return Told(self.confidence_N[chosen_N], self.is_right_N[chosen_N], log_NC, true_N)


Applied = Callable[[Told], Floats]


def log_odds(confidence_N: Floats) -> Floats:
    found: Floats = special.logit(np.clip(confidence_N, _TINY, 1 - _TINY))
    return found


def by_temperature(temperature: float) -> Applied:
    def apply(told: Told) -> Floats:
        if told.log_NC is None:
            halved: Floats = special.expit(log_odds(told.confidence_N) / temperature)
            return halved
        found: Floats = special.softmax(told.log_NC / temperature, axis=1).max(axis=1)
        return found

    return apply


def by_logistic(slope: float, intercept: float) -> Applied:
    def apply(told: Told) -> Floats:
        found: Floats = special.expit(slope * log_odds(told.confidence_N) + intercept)
        return found

    return apply


def by_steps(at: Floats, value: Floats) -> Applied:
    """Straight between points, level beyond the outermost."""

    def apply(told: Told) -> Floats:
        held_N = np.clip(told.confidence_N, at[0], at[-1])
        above_N = np.clip(np.searchsorted(at, held_N), 1, max(1, len(at) - 1))
        if len(at) == 1:
            return np.full(len(held_N), value[0])
        share_N = (held_N - at[above_N - 1]) / (at[above_N] - at[above_N - 1])
        found: Floats = value[above_N - 1] + share_N * (value[above_N] - value[above_N - 1])
        return found

    return apply


def temperature(told: Told) -> float:
    """Where the derivative of the true classes' likelihood by the temperature's logarithm is 0; within 0.01..100."""
    if told.log_NC is None or told.true_N is None:
        odds_N = log_odds(told.confidence_N)
        log_NC = np.stack((special.log_expit(-odds_N), special.log_expit(odds_N)), axis=1)
        true_N = told.is_right_N.astype(np.int64)
    else:
        log_NC, true_N = told.log_NC[told.true_N >= 0], told.true_N[told.true_N >= 0]
    rows_N = np.arange(len(true_N))

    def rise(log_temperature: float) -> float:
        scaled_NC = log_NC * math.exp(-log_temperature)
        shares_NC = special.softmax(scaled_NC, axis=1)
        return math.fsum((scaled_NC[rows_N, true_N] - (shares_NC * scaled_NC).sum(axis=1)).tolist()) / len(rows_N)

    ends = rise(-_LONGEST), rise(_LONGEST)
    if ends[0] * ends[1] >= 0:
        return math.exp(-_LONGEST if ends[0] >= 0 else _LONGEST)
    return math.exp(optimize.toms748(rise, -_LONGEST, _LONGEST, xtol=1e-15, rtol=1e-15))


def logistic(told: Told) -> tuple[float, float]:
    """Slope and intercept over the log-odds: each answer counted as right and as wrong, by Platt's softened targets."""
    num_right = int(told.is_right_N.sum())
    num_wrong = len(told.is_right_N) - num_right
    targets_N = np.where(told.is_right_N == 1, 1 - 1 / (num_right + 2), 1 / (num_wrong + 2))
    scores_N = log_odds(told.confidence_N)
    if scores_N.max() - scores_N.min() < 1e-6:
        return 0.0, float(special.logit(targets_N.mean()))
    model = linear_model.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-13, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it asks for a smaller step than there is
        model.fit(
            np.tile(scores_N, 2)[:, None],
            np.repeat([1, 0], len(scores_N)),
            sample_weight=np.concatenate((targets_N, 1 - targets_N)),
        )
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def steps(told: Told) -> tuple[Floats, Floats]:
    """The distinct confidences and the rising curve of least squares there, by pooling adjacent violators."""
    at, place_N = np.unique(np.round(told.confidence_N, 12), return_inverse=True)
    num_at = np.bincount(place_N)
    right_at = np.bincount(place_N, weights=told.is_right_N)
    blocks: list[tuple[float, float, int]] = []
    for right, num in zip(right_at.tolist(), num_at.tolist(), strict=True):
        block = (right, float(num), 1)
        while blocks and blocks[-1][0] * block[1] >= block[0] * blocks[-1][1]:
            last = blocks.pop()
            block = (last[0] + block[0], last[1] + block[1], last[2] + block[2])
        blocks.append(block)
    value = np.concatenate([np.full(width, right / num) for right, num, width in blocks])
    least = 1 / (len(told.is_right_N) + 2)
    return at, np.clip(value, least, 1 - least)


def fitted(method: str, told: Told) -> Applied:
    if method == "temperature":
        return by_temperature(temperature(told))
    return by_logistic(*logistic(told)) if method == "platt" else by_steps(*steps(told))


def log_loss(confidence_N: Floats, is_right_N: Floats) -> float:
    return float(metrics.log_loss(is_right_N, np.clip(confidence_N, _TINY, 1 - _TINY), labels=[0.0, 1.0]))
