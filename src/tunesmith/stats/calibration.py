"""Whether a stated confidence is the share of answers that are right, maps that mend it, and what abstaining buys.

Shapes: N answers, B bins, C classes, R simulated evaluations.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from tunesmith.stats.intervals import ROUNDING, Floats, Interval, chunks, wilson

NUM_BINS: Final = 10
NUM_SIMULATED: Final = 999
# the logarithm of 0 is not finite, and next to 1 there are few doubles
_LEAST: Final = 1e-300
_TINY: Final = 1e-12
_LOG_TEMPERATURE: Final = math.log(100.0)


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
    confidence_N: npt.ArrayLike, is_right_N: npt.ArrayLike, *, seed: int, num_bins: int = NUM_BINS
) -> Calibration:
    """Compare stated confidences in 0..1 with what was right (0 or 1).

    Bins hold equally many answers, those of equal confidence together, as scikit-learn's `quantile` strategy cuts
    them. ECE is the mean over answers of their bin's |accuracy - confidence|. The calibrated model is simulated: each
    answer is right with its stated confidence, `NUM_SIMULATED` times; the p-value is (k + 1) / (R + 1), so that a
    test at 5 % rejects 5 % of calibrated models at any N (Bröcker and Smith 2007, doi:10.1175/WAF993.1, resample
    likewise). `rms_debiased` is Kumar, Liang and Ma 2019, arXiv:1909.10155.
    Raises ValueError for no or unequal answers, confidences outside 0..1 or what is neither right nor wrong.
    """
    confidence, is_right = _pairs(confidence_N, is_right_N)
    bin_of_N, num_in_B = np.unique(_bin_numbers(confidence, num_bins), return_inverse=True, return_counts=True)[1:]
    confidence_B = np.bincount(bin_of_N, weights=confidence) / num_in_B
    accuracy_B = np.bincount(bin_of_N, weights=is_right) / num_in_B
    weights_B = num_in_B / len(confidence)
    gaps_B = np.abs(accuracy_B - confidence_B)
    ece = float(weights_B @ gaps_B)
    simulated_R = _ece_of_calibrated(confidence, bin_of_N, confidence_B, seed)
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
            Bin(int(n), float(stated), float(found), wilson(round(found * n), int(n)))
            for n, stated, found in zip(num_in_B, confidence_B, accuracy_B, strict=True)
        ),
    )


def _bin_numbers(confidence_N: Floats, num_bins: int) -> npt.NDArray[np.int64]:
    edges = np.quantile(confidence_N, np.linspace(0, 1, num_bins + 1))
    return np.searchsorted(edges[1:-1], confidence_N)


def _ece_of_calibrated(
    confidence_N: Floats, bin_of_N: npt.NDArray[np.int64], confidence_B: Floats, seed: int
) -> Floats:
    """(R,) the ECE of evaluations of a model whose every answer is right with its stated confidence."""
    order = np.argsort(bin_of_N, kind="stable")
    stated_N, starts_B = confidence_N[order], np.flatnonzero(np.diff(bin_of_N[order], prepend=-1))
    expected_B = confidence_B * np.bincount(bin_of_N)
    rng = np.random.default_rng(seed)
    found = []
    for num_rows in chunks(NUM_SIMULATED, len(confidence_N)):
        is_right = rng.random((num_rows, len(stated_N))) < stated_N
        right_B = np.add.reduceat(is_right, starts_B, axis=1, dtype=np.int64)
        found.append(np.abs(right_B - expected_B).sum(axis=1) / len(confidence_N))
    return np.concatenate(found)


@dataclass(frozen=True, slots=True)
class Temperature:
    """Divides the log-probabilities of all classes; above 1 it lowers confidence."""

    temperature: float

    def __call__(self, probabilities_NC: npt.ArrayLike) -> Floats:
        log_NC = np.log(np.maximum(np.asarray(probabilities_NC, np.float64), _LEAST)) / self.temperature
        powers_NC = np.exp(log_NC - log_NC.max(axis=1, keepdims=True))
        shares_NC: Floats = powers_NC / powers_NC.sum(axis=1, keepdims=True)
        return shares_NC


@dataclass(frozen=True, slots=True)
class Platt:
    """A logistic curve over the log-odds of a stated confidence."""

    slope: float
    intercept: float

    def __call__(self, confidence_N: npt.ArrayLike) -> Floats:
        from scipy.special import expit

        mended_N: Floats = expit(self.slope * _log_odds(confidence_N) + self.intercept)
        return mended_N


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising curve through `value` at the confidences `at`, straight between them and level beyond."""

    at: tuple[float, ...]
    value: tuple[float, ...]

    def __call__(self, confidence_N: npt.ArrayLike) -> Floats:
        return np.interp(np.asarray(confidence_N, np.float64), self.at, self.value)


def fit_temperature(probabilities_NC: npt.ArrayLike, true_N: Sequence[int]) -> Temperature:
    """Return the temperature, within 0.01..100, at which the true classes are likeliest (Guo et al. 2017).

    `true_N` are class numbers. Fit it on answers that are not judged with it (`held_out_half`).
    """
    from scipy.optimize import minimize_scalar

    true = np.asarray(true_N, np.int64)
    log_NC = np.log(np.maximum(np.asarray(probabilities_NC, np.float64), _LEAST))

    def loss(log_temperature: float) -> float:
        scaled_NC = log_NC / math.exp(log_temperature)
        scaled_NC = scaled_NC - scaled_NC.max(axis=1, keepdims=True)
        return float((np.log(np.exp(scaled_NC).sum(axis=1)) - scaled_NC[np.arange(len(true)), true]).mean())

    bounds = (-_LOG_TEMPERATURE, _LOG_TEMPERATURE)
    return Temperature(math.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-9}).x))


def fit_platt(confidence_N: npt.ArrayLike, is_right_N: npt.ArrayLike) -> Platt:
    """Return the logistic curve of greatest likelihood, with Platt's (1999) softened targets for few answers.

    Fit it on answers that are not judged with it (`held_out_half`).
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    confidence, is_right = _pairs(confidence_N, is_right_N)
    log_odds_N = _log_odds(confidence)
    num_right = float(is_right.sum())
    targets_N = np.where(is_right > 0, (num_right + 1) / (num_right + 2), 1 / (len(is_right) - num_right + 2))

    def loss(curve: Floats) -> tuple[float, Floats]:
        scores_N = curve[0] * log_odds_N + curve[1]
        errors_N = expit(scores_N) - targets_N
        slopes = np.array([(errors_N * log_odds_N).mean(), errors_N.mean()])
        return float((np.logaddexp(0.0, scores_N) - targets_N * scores_N).mean()), slopes

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return Platt(float(slope), float(intercept))


def fit_isotonic(confidence_N: npt.ArrayLike, is_right_N: npt.ArrayLike) -> Isotonic:
    """Return the rising curve of least squares (Zadrozny and Elkan 2002); it wants some hundred answers.

    Fit it on answers that are not judged with it (`held_out_half`).
    """
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(*_pairs(confidence_N, is_right_N))
    return Isotonic(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist()))


def held_out_half(num_items: int, *, seed: int, groups: Sequence[object] | None = None) -> npt.NDArray[np.bool_]:
    """Return (N,) which answers to fit a map on; it is judged on the others. Groups stay whole."""
    units = list(dict.fromkeys(range(num_items) if groups is None else groups))
    chosen = np.random.default_rng(seed).permutation(len(units))[: len(units) // 2]
    fitted = {units[place] for place in chosen.tolist()}
    return np.array([unit in fitted for unit in (range(num_items) if groups is None else groups)], np.bool_)


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
    confidence, is_right = _pairs(confidence_N, is_right_N)
    _, level_of_N, num_at_L = np.unique(-confidence, return_inverse=True, return_counts=True)
    wrong_L = np.bincount(level_of_N, weights=1 - is_right)
    wrong_N = np.cumsum(np.repeat(wrong_L / num_at_L, num_at_L))
    risk_N = wrong_N / np.arange(1, len(confidence) + 1)
    return Abstention(risk_N, float(risk_N.mean()))


def _log_odds(confidence_N: npt.ArrayLike) -> Floats:
    held_N = np.clip(np.asarray(confidence_N, np.float64), _TINY, 1 - _TINY)
    log_odds_N: Floats = np.log(held_N) - np.log1p(-held_N)
    return log_odds_N


def _pairs(confidence_N: npt.ArrayLike, is_right_N: npt.ArrayLike) -> tuple[Floats, Floats]:
    confidence, is_right = np.asarray(confidence_N, np.float64), np.asarray(is_right_N, np.float64)
    if confidence.ndim != 1 or confidence.shape != is_right.shape or len(confidence) == 0:
        raise ValueError("need as many confidences as answers, at least one")
    if not ((confidence >= 0) & (confidence <= 1)).all() or not np.isin(is_right, (0.0, 1.0)).all():
        raise ValueError("a confidence lies in 0..1 and an answer is 0 or 1")
    return confidence, is_right
