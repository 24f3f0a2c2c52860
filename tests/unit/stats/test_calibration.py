from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.calibration import _sigmoid_calibration, calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from tunesmith.stats.calibration import (
    Temperature,
    abstention,
    calibration,
    fit_isotonic,
    fit_platt,
    fit_temperature,
    held_out_half,
)


def answers(n: int, seed: int, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences and what was right: as often as stated to the power."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(4.0, 1.5, n)
    return confidence, rng.random(n) < confidence**power


@pytest.mark.parametrize("digits", [17, 1])
def test_bins_and_brier_are_scikit_learns(digits: int) -> None:
    confidence, is_right = answers(300, 1, power=2.0)
    confidence = confidence.round(digits)  # with one digit, many are equal
    found = calibration(confidence, is_right, seed=0)
    accuracy_B, stated_B = calibration_curve(is_right, confidence, n_bins=10, strategy="quantile")
    assert [one.accuracy for one in found.bins] == pytest.approx(accuracy_B.tolist())
    assert [one.confidence for one in found.bins] == pytest.approx(stated_B.tolist())
    gaps = [abs(one.accuracy - one.confidence) * one.n for one in found.bins]
    assert (sum(one.n for one in found.bins), found.ece) == (300, pytest.approx(sum(gaps) / 300))
    assert found.brier == pytest.approx(brier_score_loss(is_right, confidence))
    assert all(one.interval.low <= one.accuracy <= one.interval.high for one in found.bins)
    assert (found.accuracy, found.confidence) == (pytest.approx(is_right.mean()), pytest.approx(confidence.mean()))


def test_the_error_of_a_calibrated_model_is_the_mean_over_what_could_have_been_right() -> None:
    # three answers in bins of their own: all eight outcomes with their chances
    confidence = np.array([0.2, 0.6, 0.9])
    expected = 0.0
    for outcome in np.ndindex(2, 2, 2):
        chance = np.prod(np.where(outcome, confidence, 1 - confidence))
        expected += chance * np.abs(np.array(outcome) - confidence).mean()
    assert calibration(confidence, [0, 1, 1], seed=3).ece_of_calibrated == pytest.approx(expected, abs=0.02)
    # many in one bin: the mean distance of a normal from 0
    confidence = np.full(400, 0.7)
    found = calibration(confidence, np.repeat([0, 1], 200), seed=3)
    assert found.ece_of_calibrated == pytest.approx(math.sqrt(2 / math.pi * 0.7 * 0.3 / 400), rel=0.07)
    assert (found.ece, found.p_value) == (pytest.approx(0.2), 1 / 1000)
    assert len(found.bins) == 1


@pytest.mark.thorough
def test_the_debiased_error_leaves_nothing_of_chance_and_all_of_a_fault() -> None:
    calm = [calibration(*answers(400, seed), seed=seed) for seed in range(60)]
    assert abs(np.mean([one.excess for one in calm])) < 0.005
    assert np.mean([one.p_value <= 0.05 for one in calm]) <= 0.15
    bold = calibration(*answers(20_000, 5, power=2.0), seed=0)
    confidence = np.random.default_rng(6).beta(4.0, 1.5, 400_000)
    truth = np.sqrt(np.mean((confidence - confidence**2) ** 2))
    assert bold.rms_debiased == pytest.approx(truth, rel=0.06)
    # three bins by hand: 2 of 4 right, 1 of 4, 4 of 4, at 0.6, 0.7 and 0.8
    by_hand = calibration(np.repeat([0.6, 0.7, 0.8], 4), [1, 1, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1], seed=0, num_bins=3)
    squares = [0.1**2 - 0.25 / 3, 0.45**2 - 0.1875 / 3, 0.2**2]
    assert by_hand.rms_debiased == pytest.approx(math.sqrt(sum(squares) / 3))


def test_temperature_is_where_the_likelihood_is_greatest() -> None:
    rng = np.random.default_rng(7)
    logits = rng.normal(size=(800, 5)) * 2
    true = [int(rng.choice(5, p=row)) for row in special.softmax(logits, axis=1)]
    bold = special.softmax(3.0 * logits, axis=1)
    fitted = fit_temperature(bold, true)
    tried = optimize.minimize_scalar(
        lambda t: log_loss(true, special.softmax(np.log(bold) / t, axis=1)), bounds=(0.1, 20), method="bounded"
    )
    assert fitted.temperature == pytest.approx(tried.x, rel=1e-3)
    assert fitted.temperature == pytest.approx(3.0, rel=0.15)
    assert fitted(bold) == pytest.approx(special.softmax(np.log(bold) / fitted.temperature, axis=1))
    assert Temperature(1.0)(bold) == pytest.approx(bold)


def test_platt_is_scikit_learns_on_the_log_odds() -> None:
    confidence, is_right = answers(500, 8, power=3.0)
    fitted = fit_platt(confidence, is_right)
    a, b = _sigmoid_calibration(special.logit(confidence), is_right)
    assert (fitted.slope, fitted.intercept) == pytest.approx((-a, -b), rel=1e-3, abs=1e-3)
    assert fitted(confidence) == pytest.approx(
        special.expit(fitted.slope * special.logit(confidence) + fitted.intercept)
    )
    # answers that are told apart without a fault do not send the curve to infinity
    assert np.isfinite(fit_platt([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])([0.0, 1.0])).all()


def test_isotonic_is_the_rising_curve_of_least_squares() -> None:
    confidence, is_right = answers(300, 9, power=2.0)
    fitted = fit_isotonic(confidence, is_right)
    order = np.argsort(confidence)
    expected = optimize.isotonic_regression(is_right[order].astype(float)).x
    assert fitted(confidence[order]) == pytest.approx(expected)
    assert (fitted([0.0])[0], fitted([1.0])[0]) == pytest.approx((expected[0], expected[-1]))


def test_maps_mend_answers_that_they_were_not_fitted_on() -> None:
    confidence, is_right = answers(4_000, 10, power=3.0)
    fitted = held_out_half(4_000, seed=0)
    before = calibration(confidence[~fitted], is_right[~fitted], seed=0)
    for fit in (fit_platt, fit_isotonic):
        mended = fit(confidence[fitted], is_right[fitted])(confidence[~fitted])
        after = calibration(mended, is_right[~fitted], seed=0)
        assert after.excess < 0.2 * before.excess
        assert after.brier < before.brier


def test_half_of_the_groups_are_fitted_on_and_none_is_torn() -> None:
    groups = [f"document {i // 3}" for i in range(60)]
    fitted = held_out_half(60, seed=4, groups=groups)
    assert fitted.sum() == 30
    assert {g for g, f in zip(groups, fitted, strict=True) if f}.isdisjoint(
        g for g, f in zip(groups, fitted, strict=True) if not f
    )
    assert held_out_half(60, seed=4).sum() == 30
    assert (held_out_half(60, seed=5, groups=groups) != fitted).any()


def test_abstaining_from_the_least_sure_answers() -> None:
    # surest first: right, wrong, then two of equal confidence of which one is wrong, then wrong
    curve = abstention([0.5, 0.9, 0.8, 0.6, 0.6], [0, 1, 0, 1, 0])
    assert curve.risk_N == pytest.approx([0, 1 / 2, 1.5 / 3, 2 / 4, 3 / 5])
    assert curve.area == pytest.approx(np.mean([0, 1 / 2, 1 / 2, 1 / 2, 3 / 5]))
    assert [curve.risk_at(share) for share in (0.0, 0.2, 0.4, 1.0)] == pytest.approx([0.0, 0.0, 0.5, 0.6])
    confidence, is_right = answers(400, 11)
    order = np.argsort(-confidence)
    wrong = 1.0 - is_right[order]
    assert abstention(confidence, is_right).risk_N == pytest.approx([wrong[: k + 1].mean() for k in range(400)])


@pytest.mark.parametrize(
    ("confidence", "is_right"), [([], []), ([0.5], [1, 0]), ([1.2], [1]), ([float("nan")], [1]), ([0.5], [0.5])]
)
def test_what_is_no_confidence_or_no_answer_is_refused(confidence: list[float], is_right: list[float]) -> None:
    for judge in (lambda: calibration(confidence, is_right, seed=0), lambda: abstention(confidence, is_right)):
        with pytest.raises(ValueError, match=r"confidence"):
            judge()
