"""Maps that mend stated confidences: fitted on answers that are not judged with them, applied to any others.

Applying one takes NumPy alone, so that a server can. Shapes: N answers, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from tunesmith.stats.calibration import pairs
from tunesmith.stats.intervals import Floats, Ints

Method = Literal["temperature", "platt", "isotonic"]
Reason = Literal["asked", "best", "few", "as_stated", "too_few", "one_sided"]
"""Why a method was chosen, or (`as_stated`, `too_few`, `one_sided`) why none."""

MIN_TO_FIT: Final = 30
MIN_OF_EACH: Final = 5
"""Right and wrong answers, without which no map is fitted."""
MIN_TO_CHOOSE: Final = 200
MIN_OF_EACH_TO_CHOOSE: Final = 20
"""With fewer the methods cannot be told apart, and temperature, which has one parameter, is taken."""
NUM_FOLDS: Final = 5
# the logarithm of 0 is not finite, and next to 1 there are few doubles
_LEAST: Final = 1e-300
_TINY: Final = 1e-12
_DIGITS: Final = 12
_SAME: Final = 1e-6
_SOFTEST, _SHARPEST = 0.01, 100.0


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
        return _share(self.slope * _log_odds(confidence_N) + self.intercept)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising curve through `value` at the confidences `at`, straight between them and level beyond."""

    at: tuple[float, ...]
    value: tuple[float, ...]

    def __call__(self, confidence_N: npt.ArrayLike) -> Floats:
        return np.interp(np.asarray(confidence_N, np.float64), self.at, self.value)


Map = Temperature | Platt | Isotonic


@dataclass(frozen=True, slots=True)
class Stated:
    """How sure a model was of N answers, and which of them are right (1) or wrong (0)."""

    confidence_N: Floats
    is_right_N: Floats
    probabilities_NC: Floats | None = None
    """Of all classes, where the answers are classes; the answer is the likeliest."""
    true_N: Ints | None = None
    """The number of the true class, -1 where it is none of them."""
    groups: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.confidence_N)

    def at(self, chosen_N: npt.NDArray[np.bool_]) -> Stated:
        """The chosen answers."""
        return Stated(
            self.confidence_N[chosen_N],
            self.is_right_N[chosen_N],
            None if self.probabilities_NC is None else self.probabilities_NC[chosen_N],
            None if self.true_N is None else self.true_N[chosen_N],
            None if self.groups is None else tuple(np.array(self.groups, object)[chosen_N].tolist()),
        )

    def mended(self, by: Map | None) -> Stated:
        """The same answers with the confidences that a map gives them; None gives those that were stated."""
        if by is None:
            return self
        read = self.probabilities_NC if isinstance(by, Temperature) else self.confidence_N
        assert read is not None
        # answers apart by rounding alone are of one confidence, whichever way they were computed
        return replace(self, confidence_N=np.round(calibrated(read, by), _DIGITS), probabilities_NC=None, true_N=None)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A map, why it is this one, and the log loss of each method on answers left out; none of a map that is None."""

    map: Map | None
    method: Method | None
    reason: Reason
    log_losses: Mapping[str, float] = field(default_factory=dict)
    """Where methods were compared; `none` is that of the confidences as they were stated."""


def calibrated(confidence: npt.ArrayLike, by: Map) -> Floats:
    """Return (N,) the mended confidence in each of N answers.

    `confidence` is (N,) what was stated of each, or (N, C) the probabilities of all classes, of which the likeliest is
    the answer. Raises ValueError where a temperature, which divides log-probabilities of all classes, is given (N,).
    """
    stated = np.asarray(confidence, np.float64)
    if isinstance(by, Temperature):
        if stated.ndim != 2:
            raise ValueError("a temperature needs the probabilities of all classes, (N, C)")
        top_N: Floats = by(stated).max(axis=1)
        return top_N
    return by(stated.max(axis=1) if stated.ndim == 2 else stated)


def log_loss(confidence_N: npt.ArrayLike, is_right_N: npt.ArrayLike) -> float:
    """Mean of -log(confidence) over what was right and of -log(1 - confidence) over what was wrong, in nats."""
    held_N = np.clip(np.asarray(confidence_N, np.float64), _TINY, 1 - _TINY)
    return -float(np.where(np.asarray(is_right_N, np.float64) == 1, np.log(held_N), np.log1p(-held_N)).mean())


def fit_map(stated: Stated, wanted: Method | Literal["auto"], *, seed: int) -> Fitted:
    """Fit the wanted map, or the one of the smallest log loss on answers left out, on answers not judged with it.

    `auto` compares all methods, and leaving confidences as they are, by `NUM_FOLDS`-fold cross-validation; of fewer
    answers than `MIN_TO_CHOOSE` temperature is taken, of fewer than `MIN_TO_FIT` nothing.
    """
    least = min(int(stated.is_right_N.sum()), int((1 - stated.is_right_N).sum()))
    if len(stated) < MIN_TO_FIT:
        return Fitted(None, None, "too_few")
    if least < MIN_OF_EACH:
        return Fitted(None, None, "one_sided")
    if wanted != "auto":
        return Fitted(fit(stated, wanted), wanted, "asked")
    num_units = len(stated) if stated.groups is None else len(set(stated.groups))
    if len(stated) < MIN_TO_CHOOSE or least < MIN_OF_EACH_TO_CHOOSE or num_units < NUM_FOLDS:
        return Fitted(fit(stated, "temperature"), "temperature", "few")
    losses = cross_validated(stated, seed)
    best: Method | None = None
    for method in METHODS:
        if losses[method] < losses[best or "none"]:
            best = method
    if best is None:
        return Fitted(None, None, "as_stated", losses)
    return Fitted(fit(stated, best), best, "best", losses)


def cross_validated(stated: Stated, seed: int) -> dict[str, float]:
    """Log loss by method of answers left out while the map was fitted; `none` is without a map."""
    fold_N = folds(len(stated), seed=seed, groups=stated.groups)
    left_out = [(stated.at(fold_N != fold), stated.at(fold_N == fold)) for fold in range(NUM_FOLDS)]
    found = {"none": log_loss(stated.confidence_N, stated.is_right_N)}
    for method in METHODS:
        mended = [others.mended(fit(part, method)) for part, others in left_out]
        told_N = np.concatenate([one.confidence_N for one in mended])
        found[method] = log_loss(told_N, np.concatenate([one.is_right_N for one in mended]))
    return found


def folds(num_items: int, *, seed: int, groups: Sequence[object] | None = None) -> Ints:
    """Return (N,) the fold that each answer is left out in, 0 to `NUM_FOLDS` - 1. Groups stay whole."""
    units = list(dict.fromkeys(range(num_items) if groups is None else groups))
    order = np.random.default_rng(seed).permutation(len(units)).tolist()
    fold_of = {units[unit]: place % NUM_FOLDS for place, unit in enumerate(order)}
    return np.array([fold_of[unit] for unit in (range(num_items) if groups is None else groups)], np.int64)


def fit(stated: Stated, method: Method) -> Map:
    """Fit one map. Without probabilities of classes, temperature divides the log-odds of the answer."""
    if method == "platt":
        return fit_platt(stated.confidence_N, stated.is_right_N)
    if method == "isotonic":
        return fit_isotonic(stated.confidence_N, stated.is_right_N)
    if stated.probabilities_NC is None or stated.true_N is None:
        log_odds_N = _log_odds(stated.confidence_N)
        log_NC = np.stack((np.zeros_like(log_odds_N), log_odds_N), axis=1)
        return Platt(_power(log_NC, stated.is_right_N.astype(np.int64)), 0.0)
    # a true class that the model cannot name says nothing of how to divide those that it can
    can_N = stated.true_N >= 0
    return fit_temperature(stated.probabilities_NC[can_N], stated.true_N[can_N].tolist())


def fit_temperature(probabilities_NC: npt.ArrayLike, true_N: Sequence[int]) -> Temperature:
    """Return the temperature, within 0.01..100, at which the true classes are likeliest (Guo et al. 2017).

    `true_N` are class numbers. Fit it on answers that are not judged with it (`held_out_half`).
    """
    log_NC = np.log(np.maximum(np.asarray(probabilities_NC, np.float64), _LEAST))
    return Temperature(1 / _power(log_NC, np.asarray(true_N, np.int64)))


def _power(log_NC: Floats, true_N: Ints) -> float:
    """What to multiply log-odds by so that the true classes are likeliest: where the slope of the loss, which is
    convex, is 0; found to the last digit, which a minimum itself is not."""
    from scipy.optimize import brentq

    true_log_N = np.take_along_axis(log_NC, true_N[:, None], axis=1)[:, 0]

    def slope(power: float) -> float:
        shares_NC = np.exp(power * (log_NC - log_NC.max(axis=1, keepdims=True)))
        means_N = (shares_NC * log_NC).sum(axis=1) / shares_NC.sum(axis=1)
        return float((means_N - true_log_N).mean())

    if slope(_SOFTEST) >= 0:
        return _SOFTEST
    if slope(_SHARPEST) <= 0:
        return _SHARPEST
    return float(brentq(slope, _SOFTEST, _SHARPEST, xtol=1e-15))


def fit_platt(confidence_N: npt.ArrayLike, is_right_N: npt.ArrayLike) -> Platt:
    """Return the logistic curve of greatest likelihood, with Platt's (1999) softened targets for few answers.

    Fit it on answers that are not judged with it (`held_out_half`). Raises ValueError as `pairs` does.
    """
    from scipy.optimize import minimize

    confidence, is_right = pairs(confidence_N, is_right_N)
    num_right, num_wrong = int(is_right.sum()), int((1 - is_right).sum())
    targets_N = np.where(is_right == 1, (num_right + 1) / (num_right + 2), 1 / (num_wrong + 2))
    features_N2 = np.stack((_log_odds(confidence), np.ones(len(confidence))), axis=1)
    if np.ptp(features_N2[:, 0]) < _SAME:  # one confidence for all answers: only their share of right ones can be told
        mean = float(targets_N.mean())
        return Platt(0.0, math.log(mean / (1 - mean)))

    def loss(at: Floats) -> float:
        scores_N = features_N2 @ at
        return float((np.logaddexp(0.0, scores_N) - targets_N * scores_N).mean())

    def slopes(at: Floats) -> Floats:
        found: Floats = (_share(features_N2 @ at) - targets_N) @ features_N2 / len(targets_N)
        return found

    def curvature(at: Floats) -> Floats:
        shares_N = _share(features_N2 @ at)
        found: Floats = (features_N2 * (shares_N * (1 - shares_N))[:, None]).T @ features_N2 / len(targets_N)
        return found

    start = np.array([1.0, 0.0])
    at = minimize(loss, start, jac=slopes, hess=curvature, method="trust-exact", options={"gtol": 1e-7}).x
    for _ in range(3):  # the minimum is flat: only its slopes tell the last digits
        at = at - np.linalg.solve(curvature(at), slopes(at))
    return Platt(float(at[0]), float(at[1]))


def fit_isotonic(confidence_N: npt.ArrayLike, is_right_N: npt.ArrayLike) -> Isotonic:
    """Return the rising curve of least squares (Zadrozny and Elkan 2002); it wants some hundred answers.

    Of n answers no share is known to be 0 or 1: the curve stays within 1 / (n + 2) of them. Fit it on answers that are
    not judged with it (`held_out_half`). Raises ValueError as `pairs` does.
    """
    from sklearn.isotonic import IsotonicRegression

    confidence, is_right = pairs(confidence_N, is_right_N)
    least = 1 / (len(confidence) + 2)
    curve = IsotonicRegression(y_min=least, y_max=1 - least, out_of_bounds="clip")
    curve.fit(np.round(confidence, _DIGITS), is_right)
    return Isotonic(tuple(curve.X_thresholds_.tolist()), tuple(curve.y_thresholds_.tolist()))


def held_out_half(num_items: int, *, seed: int, groups: Sequence[object] | None = None) -> npt.NDArray[np.bool_]:
    """Return (N,) which answers to fit a map on; it is judged on the others. Groups stay whole."""
    units = list(dict.fromkeys(range(num_items) if groups is None else groups))
    chosen = np.random.default_rng(seed).permutation(len(units))[: len(units) // 2]
    fitted = {units[place] for place in chosen.tolist()}
    return np.array([unit in fitted for unit in (range(num_items) if groups is None else groups)], np.bool_)


def _log_odds(confidence_N: npt.ArrayLike) -> Floats:
    held_N = np.clip(np.asarray(confidence_N, np.float64), _TINY, 1 - _TINY)
    log_odds_N: Floats = np.log(held_N) - np.log1p(-held_N)
    return log_odds_N


def _share(log_odds_N: Floats) -> Floats:
    share_N: Floats = 0.5 * (1 + np.tanh(log_odds_N / 2))
    return share_N


METHODS: Final[tuple[Method, ...]] = ("temperature", "platt", "isotonic")
"""The simplest first: of equal losses it is taken."""
