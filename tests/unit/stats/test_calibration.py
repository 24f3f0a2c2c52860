from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from tunesmith.stats.calibration import abstention, calibration, thresholds


def answers(n: int, seed: int, power: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences and what was right: as often as stated to the power."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(4.0, 1.5, n)
    return confidence, rng.random(n) < confidence**power


@pytest.mark.thorough
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


def test_a_curve_begins_with_a_twentieth_and_gives_equal_confidences_together() -> None:
    confidence = np.random.default_rng(12).permutation(100) / 100
    found = thresholds(confidence)
    assert [int((confidence >= one).sum()) for one in found] == list(range(5, 101, 5))
    # of seven answers a twentieth is one; the three of 0.6 come together
    assert thresholds([0.6, 0.9, 0.6, 0.2, 0.6, 0.7, 0.1]).tolist() == [0.9, 0.7, 0.6, 0.2, 0.1]
    assert thresholds([0.5] * 9).tolist() == [0.5]


@pytest.mark.parametrize(
    ("confidence", "is_right"), [([], []), ([0.5], [1, 0]), ([1.2], [1]), ([float("nan")], [1]), ([0.5], [0.5])]
)
def test_what_is_no_confidence_or_no_answer_is_refused(confidence: list[float], is_right: list[float]) -> None:
    for judge in (lambda: calibration(confidence, is_right, seed=0), lambda: abstention(confidence, is_right)):
        with pytest.raises(ValueError, match=r"confidence"):
            judge()


@pytest.mark.thorough
@pytest.mark.parametrize("is_of_group", [False, True])
def test_of_calibrated_answers_that_go_right_in_groups_one_of_twenty_is_rejected(is_of_group: bool) -> None:
    """30 groups of 8; a normal of the group and one of the answer decide. Confidences differ within, or not."""
    groups = np.repeat(np.arange(30), 8)
    rejected = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        confidence = np.repeat(rng.beta(4.0, 1.5, 30), 8) if is_of_group else rng.beta(4.0, 1.5, 240)
        deciding = (rng.normal(size=30)[groups] + rng.normal(size=240)) / math.sqrt(2)
        is_right = deciding < norm.ppf(confidence)
        found = calibration(confidence, is_right, seed=seed, groups=groups.tolist())
        rejected.append(found.p_value <= 0.05)
    assert np.mean(rejected) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)


def test_groups_of_one_answer_change_nothing_and_a_fault_shows_through_groups() -> None:
    confidence, is_right = answers(300, 1, power=2.0)
    alone = calibration(confidence, is_right, seed=4)
    of_one = calibration(confidence, is_right, seed=4, groups=range(300))
    assert (of_one.p_value, of_one.ece_of_calibrated) == (alone.p_value, alone.ece_of_calibrated)
    in_pairs = calibration(confidence, is_right, seed=4, groups=[n // 2 for n in range(300)])
    assert in_pairs.ece == alone.ece
    assert in_pairs.p_value < 0.01
    # wrong together, so drawn together: with a chance of 0.7 all are right, 0.3 from what was stated, else 0.7 from it
    together = calibration(np.full(40, 0.7), np.zeros(40), seed=4, groups=["one"] * 40)
    assert together.ece_of_calibrated == pytest.approx(0.7 * 0.3 + 0.3 * 0.7, abs=0.02)
    assert together.p_value == pytest.approx(0.3, abs=0.05)


def test_the_share_right_of_a_bin_has_the_interval_of_whole_groups() -> None:
    """40 groups of 5 that are right or wrong together: as uncertain as 40 answers, not as 200."""
    of_group = np.random.default_rng(9).random(40) < 0.7
    found = calibration(np.full(200, 0.7), np.repeat(of_group, 5), seed=0, groups=np.repeat(np.arange(40), 5).tolist())
    (only,) = found.bins
    share = of_group.mean()
    assert only.accuracy == pytest.approx(share)
    half = 1.96 * math.sqrt(share * (1 - share) / 40)
    assert only.interval.high - only.interval.low == pytest.approx(2 * half, rel=0.1)
    alike = calibration(np.full(200, 0.7), np.ones(200), seed=0, groups=np.repeat(np.arange(40), 5).tolist())
    # Wilson's low end where all of n are right: n / (n + z²)
    assert alike.bins[0].interval.low == pytest.approx(40 / (40 + 1.96**2), abs=1e-4)
