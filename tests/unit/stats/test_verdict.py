import pytest

from tunesmith.stats.paired import PairedDifference
from tunesmith.stats.power import items_needed, items_to_decide
from tunesmith.stats.verdict import Outcome, ReasonCode, verdict


def difference(mean: float, low: float, high: float, n: int = 400) -> PairedDifference:
    return PairedDifference(mean, low, high, n, p_value=0.5)


GAIN = difference(0.10, 0.06, 0.14)
UNSURE = difference(0.02, -0.02, 0.06)
STEADY = difference(0.0, -0.03, 0.03)


@pytest.mark.parametrize(
    ("target", "guard", "expected", "finding"),
    [
        (GAIN, STEADY, Outcome.BETTER, None),
        (GAIN, difference(-0.08, -0.12, -0.04), Outcome.BETTER_WITH_LOSSES, ReasonCode.LOSS_BEYOND_LIMIT),
        (GAIN, difference(-0.02, -0.03, -0.01), Outcome.BETTER, ReasonCode.LOSS_WITHIN_LIMIT),
        (GAIN, difference(-0.05, -0.06, -0.04), Outcome.BETTER, ReasonCode.LOSS_WITHIN_LIMIT),
        (GAIN, difference(-0.08, -0.20, 0.04), Outcome.BETTER, ReasonCode.LOSS_UNCERTAIN),
        (GAIN, difference(-0.08, -0.16, 0.00), Outcome.BETTER, ReasonCode.LOSS_UNCERTAIN),
        (UNSURE, STEADY, Outcome.NOT_ENOUGH_EVIDENCE, None),
        (UNSURE, difference(-0.08, -0.12, -0.04), Outcome.NOT_ENOUGH_EVIDENCE, ReasonCode.LOSS_BEYOND_LIMIT),
        (difference(0.02, 0.0, 0.04), STEADY, Outcome.NOT_ENOUGH_EVIDENCE, None),
        (difference(-0.01, -0.05, 0.03), STEADY, Outcome.NOT_ENOUGH_EVIDENCE, None),
        (difference(-0.02, -0.04, 0.0), STEADY, Outcome.NOT_ENOUGH_EVIDENCE, None),
        (difference(-0.10, -0.14, -0.06), STEADY, Outcome.WORSE, None),
        (difference(-0.10, -0.14, -0.06), difference(-0.08, -0.12, -0.04), Outcome.WORSE, ReasonCode.LOSS_BEYOND_LIMIT),
        (difference(0.001, -0.018, 0.019), STEADY, Outcome.EQUIVALENT, None),
        (difference(0.001, -0.020, 0.019), STEADY, Outcome.NOT_ENOUGH_EVIDENCE, None),
        (difference(0.001, -0.018, 0.020), STEADY, Outcome.NOT_ENOUGH_EVIDENCE, None),
        # a loss that is shown is no equivalence, however small
        (difference(-0.01, -0.018, -0.002), STEADY, Outcome.WORSE, None),
    ],
)
def test_rule(target: PairedDifference, guard: PairedDifference, expected: Outcome, finding: ReasonCode | None) -> None:
    result = verdict(target, {"general": guard}, max_loss=0.05, margin=0.02)
    assert result.outcome is expected
    assert [(reason.code, reason.guard) for reason in result.reasons[1:]] == ([(finding, "general")] if finding else [])
    assert result.reasons[0].difference is target
    assert (result.num_items_needed is not None) == (expected is Outcome.NOT_ENOUGH_EVIDENCE)


def test_a_gain_that_is_shown_stays_shown_however_small() -> None:
    small = difference(0.004, 0.001, 0.009)
    assert [reason.code for reason in verdict(small, {}, 0.05, margin=0.01).reasons] == ["gain_shown", "gain_too_small"]
    assert [reason.code for reason in verdict(small, {}, 0.05, margin=0.009).reasons] == ["gain_shown"]


def test_without_a_margin_nothing_is_equivalent() -> None:
    assert verdict(difference(0.0, 0.0, 0.0), {}, 0.05).outcome is Outcome.NOT_ENOUGH_EVIDENCE
    assert verdict(difference(0.0, -0.01, 0.01), {}, 0.05).num_items_needed is None


def test_one_bad_guard_among_good_ones_is_named() -> None:
    guards = {"english": STEADY, "chinese": difference(-0.08, -0.12, -0.04), "style": GAIN}
    result = verdict(GAIN, guards, max_loss=0.05)
    assert result.outcome is Outcome.BETTER_WITH_LOSSES
    assert [reason.guard for reason in result.reasons] == [None, "chinese"]


def test_items_needed_follow_from_the_width() -> None:
    # Half-width 0.04 at n = 400 is a standard deviation of 0.04 / 1.96 * 20 per item.
    deviation = 0.04 / 1.959963984540054 * 20
    needed = verdict(UNSURE, {}, 0.05).num_items_needed
    assert needed == items_needed(0.02, deviation)
    # By the textbook: (2.8 / 1.96 * half-width / mean)^2 * n = 3,269, give or take the rounding of 2.8.
    assert needed == pytest.approx((2.8016 / 1.96 * 0.04 / 0.02) ** 2 * 400, rel=1e-3)
    assert verdict(UNSURE, {}, 0.05, margin=0.1).num_items_needed is None
    tiny = difference(0.001, -0.039, 0.041)
    assert verdict(tiny, {}, 0.05, margin=0.02).num_items_needed == items_to_decide(0.001, deviation, 0.02)


def test_negative_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        verdict(GAIN, {}, max_loss=-0.1)
    with pytest.raises(ValueError, match="negative"):
        verdict(GAIN, {}, max_loss=0.1, margin=-0.1)


@pytest.mark.parametrize(
    ("target", "free_form", "expected", "codes"),
    [
        (UNSURE, GAIN, Outcome.FORMAT_ONLY, ["gain_uncertain", "format_only"]),
        (STEADY, GAIN, Outcome.FORMAT_ONLY, ["no_gain", "format_only"]),
        (difference(0.001, -0.018, 0.019), GAIN, Outcome.FORMAT_ONLY, ["within_margin", "format_only"]),
        # a loss that is shown beside it stays a reason, and a gain that is shown is no matter of form
        (difference(-0.10, -0.14, -0.06), GAIN, Outcome.FORMAT_ONLY, ["loss_shown", "format_only"]),
        (GAIN, GAIN, Outcome.BETTER, ["gain_shown"]),
        (UNSURE, UNSURE, Outcome.NOT_ENOUGH_EVIDENCE, ["gain_uncertain"]),
        (UNSURE, difference(0.04, 0.0, 0.08), Outcome.NOT_ENOUGH_EVIDENCE, ["gain_uncertain"]),
        (UNSURE, difference(-0.10, -0.14, -0.06), Outcome.NOT_ENOUGH_EVIDENCE, ["gain_uncertain"]),
    ],
)
def test_who_gains_only_where_labels_are_written_learned_their_format(
    target: PairedDifference, free_form: PairedDifference, expected: Outcome, codes: list[str]
) -> None:
    lost = difference(-0.08, -0.12, -0.04)
    result = verdict(target, {"general": lost}, max_loss=0.1, margin=0.02, free_form=free_form)
    assert (result.outcome, [reason.code for reason in result.reasons]) == (expected, [*codes, "loss_within_limit"])
    assert (result.num_items_needed is not None) == (expected is Outcome.NOT_ENOUGH_EVIDENCE)
    if "format_only" in codes:
        assert result.reasons[1].difference is free_form
