"""Whether a stated confidence is the share of answers that are right, and what abstaining buys.

Shapes: N answers, G groups, B bins, R simulated evaluations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tunesmith.stats.intervals import ROUNDING, Floats, Interval, Ints, bootstrap_bca, chunks, unit_numbers, wilson

NUM_BINS: Final = 10
NUM_SIMULATED: Final = 999
NUM_STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of like confidence: how many, their mean confidence, and the share that is right with its interval."""

    n: int
    confidence: float
    accuracy: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidence and accuracy are apart on N answers.

    `ece` is never 0, not even for a perfectly calibrated model: `ece_of_calibrated` is what such a model shows on
    average at these confidences, and `p_value` how often it shows as much.
    """

    n: int
    accuracy: float
    confidence: float
    ece: float
    ece_of_calibrated: float
    p_value: float
    rms_debiased: float
    """Root of the squared calibration error less its bias: 0 where nothing is left of it."""
    brier: float
    bins: tuple[Bin, ...]

    @property
    def excess(self) -> float:
        """What chance does not explain of `ece`; around 0 for a calibrated model, so below 0 as often as above."""
        return self.ece - self.ece_of_calibrated


def calibration(
    confidence_N: npt.ArrayLike,
    is_right_N: npt.ArrayLike,
    *,
    seed: int,
    num_bins: int = NUM_BINS,
    groups: Sequence[object] | None = None,
) -> Calibration:
    """Compare stated confidences in 0..1 with what was right (0 or 1).

    Bins hold equally many answers, those of equal confidence together, as scikit-learn's `quantile` strategy cuts
    them. ECE is the mean over answers of their bin's |accuracy - confidence|. The calibrated model is simulated: each
    answer is right with its stated confidence, `NUM_SIMULATED` times; the p-value is (k + 1) / (R + 1), so that a
    test at 5 % rejects 5 % of calibrated models at any N (Bröcker and Smith 2007, doi:10.1175/WAF993.1, resample
    likewise). With `groups` (one id an answer) the answers of a group are simulated to be right together as far as they
    are found to be, and intervals are of whole groups. `rms_debiased` is Kumar, Liang and Ma 2019, arXiv:1909.10155.
    Raises ValueError for no or unequal answers, confidences outside 0..1 or what is neither right nor wrong.
    """
    confidence, is_right = pairs(confidence_N, is_right_N)
    bin_of_N, num_in_B = np.unique(_bin_numbers(confidence, num_bins), return_inverse=True, return_counts=True)[1:]
    confidence_B = np.bincount(bin_of_N, weights=confidence) / num_in_B
    accuracy_B = np.bincount(bin_of_N, weights=is_right) / num_in_B
    weights_B = num_in_B / len(confidence)
    gaps_B = np.abs(accuracy_B - confidence_B)
    ece = float(weights_B @ gaps_B)
    group_of_N = None if groups is None else unit_numbers(groups, len(confidence))
    simulated_R = _ece_of_calibrated((confidence, is_right, group_of_N), bin_of_N, confidence_B, seed)
    noise_B = accuracy_B * (1 - accuracy_B) / np.maximum(num_in_B - 1, 1)
    return Calibration(
        n=len(confidence),
        accuracy=float(is_right.mean()),
        confidence=float(confidence.mean()),
        ece=ece,
        ece_of_calibrated=float(simulated_R.mean()),
        p_value=(int((simulated_R >= ece - ROUNDING).sum()) + 1) / (len(simulated_R) + 1),
        rms_debiased=math.sqrt(max(0.0, float(weights_B @ (gaps_B**2 - noise_B)))),
        brier=float(((confidence - is_right) ** 2).mean()),
        bins=tuple(
            Bin(
                int(n),
                float(stated),
                float(found),
                _interval(is_right, np.flatnonzero(bin_of_N == place), groups, seed),
            )
            for place, (n, stated, found) in enumerate(zip(num_in_B, confidence_B, accuracy_B, strict=True))
        ),
    )


def _interval(is_right_N: Floats, places: Ints, groups: Sequence[object] | None, seed: int) -> Interval:
    """Of the share that is right at some places; groups that are all alike tell as much as so many answers."""
    right = is_right_N[places]
    if groups is None:
        return wilson(float(right.sum()), len(right))
    own = [groups[place] for place in places.tolist()]
    drawn = bootstrap_bca(right, seed=seed, groups=own)
    return drawn if drawn.has_width else wilson(float(right.mean()) * len(set(own)), len(set(own)))


def _bin_numbers(confidence_N: Floats, num_bins: int) -> npt.NDArray[np.int64]:
    edges = np.quantile(confidence_N, np.linspace(0, 1, num_bins + 1))
    return np.searchsorted(edges[1:-1], confidence_N)


def _ece_of_calibrated(
    answers: tuple[Floats, Floats, Ints | None], bin_of_N: Ints, confidence_B: Floats, seed: int
) -> Floats:
    """(R,) the ECE of evaluations of a model whose every answer is right with its stated confidence.

    `answers` are confidences, what was right, and the group of each. An answer is right where a number drawn from 0..1
    is below its confidence; the answers of a group share theirs with a chance whose square is their correlation (Lunn
    and Davies 1998, Biometrika 85:487), so that each is still right with its confidence.
    """
    confidence_N, is_right_N, group_of_N = answers
    order = np.argsort(bin_of_N, kind="stable")
    stated_N, starts_B = confidence_N[order], np.flatnonzero(np.diff(bin_of_N[order], prepend=-1))
    expected_B = confidence_B * np.bincount(bin_of_N)
    together = 0.0 if group_of_N is None else math.sqrt(_correlation(confidence_N, is_right_N, group_of_N))
    rng = np.random.default_rng(seed)
    found = []
    for num_rows in chunks(NUM_SIMULATED, len(confidence_N)):
        drawn = rng.random((num_rows, len(stated_N)))
        if group_of_N is not None and together:
            is_shared = rng.random(drawn.shape) < together
            of_group_RG = rng.random((num_rows, int(group_of_N.max()) + 1))
            drawn = np.where(is_shared, of_group_RG[:, group_of_N[order]], drawn)
        right_B = np.add.reduceat(drawn < stated_N, starts_B, axis=1, dtype=np.int64)
        found.append(np.abs(right_B - expected_B).sum(axis=1) / len(confidence_N))
    return np.concatenate(found)


def _correlation(confidence_N: Floats, is_right_N: Floats, group_of_N: Ints) -> float:
    """How alike the answers of a group turn out beyond their confidences, over all pairs of them: 0..1.

    Of a calibrated model, whose answers are off by 0 on average: one that is not has more of it.
    """
    off_N, spread_N = is_right_N - confidence_N, np.sqrt(confidence_N * (1 - confidence_N))
    pairs, most = (
        float((np.bincount(group_of_N, weights=each_N) ** 2).sum() - (each_N**2).sum()) for each_N in (off_N, spread_N)
    )
    return min(1.0, max(0.0, pairs / most)) if most > ROUNDING else 0.0


@dataclass(frozen=True, slots=True)
class Abstention:
    """What is wrong among the most confident answers, when the others are withheld.

    `risk_N[k]` is the share wrong of the k + 1 most confident; `area` their mean, 0 at best (AURC).
    """

    risk_N: Floats
    area: float

    def risk_at(self, coverage: float) -> float:
        """The share wrong when so many answers, as a share, are given: the most confident ones, at least one."""
        return float(self.risk_N[max(1, round(coverage * len(self.risk_N))) - 1])


def abstention(confidence_N: npt.ArrayLike, is_right_N: npt.ArrayLike) -> Abstention:
    """Return the risk at every coverage (Geifman and El-Yaniv 2017, arXiv:1705.08500).

    Of answers of equal confidence each is as wrong as their mean: no order among them is better than another.
    """
    confidence, is_right = pairs(confidence_N, is_right_N)
    _, level_of_N, num_at_L = np.unique(-confidence, return_inverse=True, return_counts=True)
    wrong_L = np.bincount(level_of_N, weights=1 - is_right)
    wrong_N = np.cumsum(np.repeat(wrong_L / num_at_L, num_at_L))
    risk_N = wrong_N / np.arange(1, len(confidence) + 1)
    return Abstention(risk_N, float(risk_N.mean()))


def thresholds(confidence_N: npt.ArrayLike, num_steps: int = NUM_STEPS) -> Floats:
    """Return (T,), falling: the confidences from which on 1, 2, ... of `num_steps` equal parts of answers are given.

    Answers of equal confidence are given together, so that there may be fewer than `num_steps`.
    """
    falling_N = np.sort(np.asarray(confidence_N, np.float64))[::-1]
    places = [-(-step * len(falling_N) // num_steps) - 1 for step in range(1, num_steps + 1)]
    found: Floats = np.unique(falling_N[places])[::-1]
    return found


def pairs(confidence_N: npt.ArrayLike, is_right_N: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return both as (N,) floats.

    Raises ValueError for no or unequal answers, confidences outside 0..1 or what is neither right (1) nor wrong (0).
    """
    confidence, is_right = np.asarray(confidence_N, np.float64), np.asarray(is_right_N, np.float64)
    if confidence.ndim != 1 or confidence.shape != is_right.shape or len(confidence) == 0:
        raise ValueError("need as many confidences as answers, at least one")
    if not ((confidence >= 0) & (confidence <= 1)).all() or not np.isin(is_right, (0.0, 1.0)).all():
        raise ValueError("a confidence lies in 0..1 and an answer is 0 or 1")
    return confidence, is_right
