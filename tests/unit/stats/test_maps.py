"""Maps of confidence against formulas written out, other libraries, and simulations whose true map is known."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.calibration import _sigmoid_calibration
from sklearn.metrics import log_loss as sklearn_log_loss

from tunesmith.stats.calibration import calibration
from tunesmith.stats.maps import (
    METHODS,
    Isotonic,
    Platt,
    Stated,
    Temperature,
    calibrated,
    cross_validated,
    fit,
    fit_isotonic,
    fit_map,
    fit_platt,
    fit_temperature,
    folds,
    held_out_half,
    log_loss,
)

Floats = np.ndarray


def answers(n: int, seed: int, power: float = 1.0) -> Stated:
    """Confidences and what was right: as often as stated to the power."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(4.0, 1.5, n)
    return Stated(confidence, (rng.random(n) < confidence**power).astype(float))


def classes(n: int, seed: int, temperature: float, num_classes: int = 6) -> Stated:
    """Probabilities of classes that are too sure by the temperature, or too unsure."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, num_classes)) * 1.5
    true = (special.softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    told = special.softmax(logits * temperature, axis=1)
    return Stated(told.max(axis=1), (told.argmax(axis=1) == true).astype(float), told, true)


def written_out(confidence: Floats, is_right: Floats) -> float:
    total = 0.0
    for sure, right in zip(confidence.tolist(), is_right.tolist(), strict=True):
        total -= np.log(sure if right else 1 - sure)
    return total / len(confidence)


def test_log_loss_is_its_formula_and_scikit_learns() -> None:
    stated = answers(200, 1)
    found = log_loss(stated.confidence_N, stated.is_right_N)
    assert found == pytest.approx(written_out(stated.confidence_N, stated.is_right_N), rel=1e-12)
    assert found == pytest.approx(sklearn_log_loss(stated.is_right_N, stated.confidence_N), rel=1e-12)
    assert np.isfinite(log_loss([1.0, 0.0], [0, 1]))


@pytest.mark.parametrize("true_temperature", [0.5, 3.0])
def test_temperature_is_where_the_likelihood_is_greatest(true_temperature: float) -> None:
    stated = classes(1500, 7, true_temperature)
    told, true = stated.probabilities_NC, stated.true_N
    assert told is not None
    assert true is not None

    def loss(temperature: float) -> float:
        powers = told ** (1 / temperature)
        return -float(np.log((powers / powers.sum(axis=1, keepdims=True))[np.arange(len(true)), true]).mean())

    fitted = fit_temperature(told, true.tolist())
    tried = optimize.minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-10})
    assert fitted.temperature == pytest.approx(tried.x, rel=1e-6)
    assert loss(fitted.temperature) <= tried.fun + 1e-15
    assert fitted.temperature == pytest.approx(true_temperature, rel=0.1)
    assert fitted(told) == pytest.approx(special.softmax(np.log(told) / fitted.temperature, axis=1))
    assert (fitted(told).argmax(axis=1) == told.argmax(axis=1)).all()
    assert Temperature(1.0)(told) == pytest.approx(told)
    assert Temperature(2.0)([[0.0, 1.0]]).tolist() == [[pytest.approx(0.0), 1.0]]


def test_temperature_stays_within_its_range_where_all_or_none_is_right() -> None:
    sure = np.tile([0.7, 0.2, 0.1], (40, 1))
    assert fit_temperature(sure, [0] * 40).temperature == 0.01
    assert fit_temperature(sure, [2] * 40).temperature == 100.0


def test_without_classes_temperature_divides_the_log_odds() -> None:
    rng = np.random.default_rng(3)
    odds = rng.normal(1.0, 2.0, 4000)
    stated = Stated(special.expit(2.5 * odds), (rng.random(4000) < special.expit(odds)).astype(float))
    fitted = fit(stated, "temperature")
    assert isinstance(fitted, Platt)
    tried = optimize.minimize_scalar(
        lambda slope: written_out(special.expit(slope * special.logit(stated.confidence_N)), stated.is_right_N),
        bounds=(0.01, 5),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert (fitted.slope, fitted.intercept) == (pytest.approx(tried.x, abs=1e-6), 0.0)
    assert 1 / fitted.slope == pytest.approx(2.5, rel=0.1)


def test_platt_is_where_the_softened_likelihood_is_greatest_and_scikit_learns_on_the_log_odds() -> None:
    stated = answers(500, 8, power=3.0)
    fitted = fit_platt(stated.confidence_N, stated.is_right_N)
    a, b = _sigmoid_calibration(special.logit(stated.confidence_N), stated.is_right_N)
    assert (fitted.slope, fitted.intercept) == pytest.approx((-a, -b), rel=1e-3, abs=1e-3)
    num_right = stated.is_right_N.sum()
    targets = np.where(stated.is_right_N == 1, (num_right + 1) / (num_right + 2), 1 / (500 - num_right + 2))

    def loss(at: Floats) -> float:
        shares = special.expit(at[0] * special.logit(stated.confidence_N) + at[1])
        return -float((targets * np.log(shares) + (1 - targets) * np.log1p(-shares)).mean())

    tried = optimize.minimize(loss, [0.5, 0.5], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-15})
    assert (fitted.slope, fitted.intercept) == pytest.approx(tuple(tried.x), abs=1e-5)
    slopes = optimize.approx_fprime([fitted.slope, fitted.intercept], loss, 1e-6)
    assert slopes == pytest.approx([0.0, 0.0], abs=1e-6)
    assert fitted(stated.confidence_N) == pytest.approx(
        special.expit(fitted.slope * special.logit(stated.confidence_N) + fitted.intercept)
    )


def test_platt_stays_finite() -> None:
    # answers that are told apart without a fault
    assert np.isfinite(fit_platt([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])([0.0, 1.0])).all()
    # surely right and surely wrong, each of which was otherwise once
    assert np.isfinite(fit_platt([1.0] * 9 + [0.0] * 9, [1] * 8 + [0] * 9 + [1])([0.0, 0.5, 1.0])).all()
    # one confidence for all: the softened share of right ones
    flat = fit_platt([0.9] * 8, [1, 1, 1, 1, 1, 1, 0, 0])
    assert flat([0.9, 0.2]) == pytest.approx([(6 * 7 / 8 + 2 * 1 / 4) / 8] * 2)


def test_isotonic_is_the_rising_curve_of_least_squares() -> None:
    stated = answers(300, 9, power=2.0)
    fitted = fit_isotonic(stated.confidence_N, stated.is_right_N)
    order = np.argsort(stated.confidence_N)
    rising = optimize.isotonic_regression(stated.is_right_N[order]).x
    expected = np.clip(rising, 1 / 302, 301 / 302)
    assert fitted(stated.confidence_N[order]) == pytest.approx(expected)
    assert (fitted([0.0])[0], fitted([1.0])[0]) == pytest.approx((expected[0], expected[-1]))
    # by hand: 0.2 right, 0.4 wrong, pooled to a half; equal confidences are one point
    by_hand = fit_isotonic([0.2, 0.4, 0.6, 0.6, 0.6, 0.6], [1, 0, 1, 1, 1, 0])
    assert by_hand([0.1, 0.3, 0.4, 0.5, 0.6, 0.9]) == pytest.approx([0.5, 0.5, 0.5, 0.625, 0.75, 0.75])


@pytest.mark.parametrize(
    ("slope", "intercept"), [(0.4, 0.3), (1.8, -0.5)], ids=["too sure", "not sure enough and shifted"]
)
def test_a_known_curve_is_recovered(slope: float, intercept: float) -> None:
    rng = np.random.default_rng(21)
    confidence = special.expit(rng.normal(1.0, 1.5, 20_000))
    true = Platt(slope, intercept)(confidence)
    is_right = rng.random(20_000) < true
    fitted = fit_platt(confidence, is_right)
    assert (fitted.slope, fitted.intercept) == pytest.approx((slope, intercept), abs=0.06)
    inner = (confidence > 0.3) & (confidence < 0.95)
    assert np.abs(fit_isotonic(confidence, is_right)(confidence) - true)[inner].max() < 0.06


@pytest.mark.thorough
def test_what_is_calibrated_is_not_made_worse_beyond_noise() -> None:
    losses: dict[str, list[float]] = {method: [] for method in METHODS}
    chosen: list[float] = []
    for seed in range(8):
        for told in (answers(400, seed), classes(400, 100 + seed, 1.0)):
            fresh = answers(4000, 50 + seed) if told.true_N is None else classes(4000, 150 + seed, 1.0)
            before = log_loss(fresh.confidence_N, fresh.is_right_N)
            for method in METHODS:
                after = fresh.mended(fit(told, method))
                losses[method].append(log_loss(after.confidence_N, after.is_right_N) - before)
            after = fresh.mended(fit_map(told, "auto", seed=seed).map)
            chosen.append(log_loss(after.confidence_N, after.is_right_N) - before)
    # a fit of k parameters on n answers costs about k / 2n on others: 0.00125 and 0.0025 here
    assert 0.0 < np.mean(losses["temperature"]) < 0.004
    assert 0.0 < np.mean(losses["platt"]) < 0.006
    assert np.mean(losses["isotonic"]) < 0.05
    assert np.mean(chosen) < 0.006


def test_maps_mend_answers_that_they_were_not_fitted_on() -> None:
    stated = answers(4_000, 10, power=3.0)
    fitted = held_out_half(4_000, seed=0)
    judged = stated.at(~fitted)
    before = calibration(judged.confidence_N, judged.is_right_N, seed=0)
    for method in ("platt", "isotonic"):
        mended = judged.mended(fit(stated.at(fitted), method))
        after = calibration(mended.confidence_N, mended.is_right_N, seed=0)
        assert after.excess < 0.2 * before.excess
        assert after.brier < before.brier


def test_the_smallest_log_loss_of_answers_left_out_is_chosen() -> None:
    bold = classes(600, 30, 4.0)
    found = fit_map(bold, "auto", seed=1)
    assert found.reason == "best"
    assert found.log_losses == cross_validated(bold, 1)
    assert min(found.log_losses, key=lambda name: found.log_losses[name]) == found.method == "temperature"
    # left out by hand
    fold_N = folds(600, seed=1)
    told = []
    for fold in range(5):
        a, b = fit_platt(bold.confidence_N[fold_N != fold], bold.is_right_N[fold_N != fold]), fold_N == fold
        told += list(zip(a(bold.confidence_N[b]).tolist(), bold.is_right_N[b].tolist(), strict=True))
    sure, right = map(np.array, zip(*told, strict=True))
    assert found.log_losses["platt"] == pytest.approx(written_out(sure, right), rel=1e-9)
    assert found.log_losses["none"] == pytest.approx(written_out(bold.confidence_N, bold.is_right_N), rel=1e-9)
    # right in steps: neither one nor two parameters make such a curve
    rng = np.random.default_rng(31)
    sure = rng.uniform(0.5, 1.0, 3000)
    steps = Stated(sure, (rng.random(3000) < np.where(sure < 0.7, 0.15, 0.9)).astype(float))
    assert fit_map(steps, "auto", seed=1).method == "isotonic"
    assert fit_map(steps, "platt", seed=1).reason == "asked"


def test_too_few_answers_choose_nothing() -> None:
    bold = answers(400, 32, power=4.0)
    few = bold.at(np.arange(400) < 199)
    assert (fit_map(few, "auto", seed=0).method, fit_map(few, "auto", seed=0).reason) == ("temperature", "few")
    fewer = bold.at(np.arange(400) < 29)
    assert (fit_map(fewer, "auto", seed=0).map, fit_map(fewer, "platt", seed=0).reason) == (None, "too_few")
    right = replace(bold, is_right_N=(np.arange(400) >= 4).astype(float))
    assert (fit_map(right, "auto", seed=0).map, fit_map(right, "auto", seed=0).reason) == (None, "one_sided")
    one = replace(bold, groups=("one",) * 400)
    assert fit_map(one, "auto", seed=0).reason == "few"
    empty = bold.at(np.zeros(400, bool))
    assert fit_map(empty, "auto", seed=0).reason == "too_few"


def test_half_and_folds_tear_no_group() -> None:
    groups = [f"document {i // 3}" for i in range(60)]
    fitted = held_out_half(60, seed=4, groups=groups)
    assert fitted.sum() == 30
    assert {g for g, f in zip(groups, fitted, strict=True) if f}.isdisjoint(
        g for g, f in zip(groups, fitted, strict=True) if not f
    )
    assert held_out_half(60, seed=4).sum() == 30
    assert (held_out_half(60, seed=5, groups=groups) != fitted).any()
    fold_N = folds(60, seed=4, groups=groups)
    assert len({(group, fold) for group, fold in zip(groups, fold_N.tolist(), strict=True)}) == 20
    assert np.bincount(fold_N).tolist() == [12] * 5
    assert np.bincount(folds(17, seed=0)).tolist() == [4, 4, 3, 3, 3]


def test_one_function_applies_every_map() -> None:
    told = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert calibrated(told, Temperature(2.0)) == pytest.approx(special.softmax(np.log(told) / 2, axis=1).max(axis=1))
    for mend in (Platt(0.5, 0.1), Isotonic((0.2, 0.9), (0.3, 0.7))):
        assert calibrated(told, mend).tolist() == calibrated([0.5, 0.8], mend).tolist() == mend([0.5, 0.8]).tolist()
    with pytest.raises(ValueError, match="all classes"):
        calibrated([0.5, 0.8], Temperature(2.0))


@pytest.mark.thorough
def test_a_server_needs_numpy_alone() -> None:
    code = (
        "import sys; from tunesmith.stats.maps import Isotonic, Platt, Temperature, calibrated\n"
        "calibrated([0.5], Platt(1.0, 0.1)), calibrated([0.5], Isotonic((0.1,), (0.2,)))\n"
        "calibrated([[0.5, 0.5]], Temperature(2.0))\n"
        "print([name for name in ('torch', 'scipy', 'sklearn', 'transformers') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
