from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from scipy import stats

from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.stats.gate import EITHER_CONFIDENCE, GateReason, Passage, Service, Suite, decide, operating_curve
from tunesmith.stats.paired import PairedDifference, paired_shares
from tunesmith.stats.power import mcnemar_power
from tunesmith.stats.verdict import Outcome


def difference(mean: float, low: float, high: float) -> PairedDifference:
    return PairedDifference(mean, low, high, 400, p_value=0.5)


GAIN = difference(0.10, 0.06, 0.14)
KEPT = difference(0.0, -0.03, 0.03)


@pytest.mark.parametrize(
    ("target", "guard", "failures", "passage", "codes"),
    [
        (GAIN, KEPT, (), "promote", ["gain_shown", "kept"]),
        # a small loss that is shown is within the limit all the same
        (GAIN, difference(-0.02, -0.03, -0.01), (), "promote", ["gain_shown", "kept"]),
        (GAIN, difference(-0.02, -0.05, 0.01), (), "inconclusive", ["gain_shown", "loss_uncertain"]),
        (GAIN, difference(-0.08, -0.12, -0.04), (), "inconclusive", ["gain_shown", "loss_uncertain"]),
        (GAIN, difference(-0.08, -0.10, -0.06), (), "reject", ["gain_shown", "lost"]),
        (difference(0.0, 0.0, 0.02), KEPT, (), "inconclusive", ["gain_uncertain", "kept"]),
        (difference(-0.02, -0.04, 0.0), KEPT, (), "reject", ["no_gain", "kept"]),
        (GAIN, KEPT, ("s3", "s9"), "reject", ["gain_shown", "kept", "new_failures"]),
    ],
)
def test_rule(
    target: PairedDifference, guard: PairedDifference, failures: tuple[str, ...], passage: str, codes: list[str]
) -> None:
    decision = decide(target, {"general_en": guard}, 0.05, {"safety_en": failures, "safety_zh": ()})
    assert (decision.passage, [finding.code for finding in decision.findings]) == (passage, codes)
    assert [finding.suite for finding in decision.findings[:2]] == [None, "general_en"]
    if failures:
        assert decision.findings[-1].items == failures


def test_what_is_uncertain_says_how_many_items_would_settle_it() -> None:
    decision = decide(difference(0.02, -0.02, 0.06), {"general_en": difference(-0.04, -0.08, 0.0)}, 0.05, {})
    target, guard = decision.findings
    deviation = 0.04 / stats.norm.ppf(0.95) * 20
    factor = stats.norm.ppf(0.95) + stats.norm.ppf(0.8)
    more = stats.norm.ppf(0.95) ** 2 / 2  # as Student's test needs them
    assert target.num_items_needed == pytest.approx((factor * deviation / 0.02) ** 2 + more, abs=1)
    assert guard.num_items_needed == pytest.approx((factor * deviation / 0.01) ** 2 + more, abs=1)
    at_limit = decide(GAIN, {"general_en": difference(-0.05, -0.08, 0.0)}, 0.05, {}).findings[1]
    assert (at_limit.code, at_limit.num_items_needed) == ("loss_uncertain", None)
    with pytest.raises(ValueError, match="negative"):
        decide(GAIN, {}, -0.1, {})


@pytest.mark.thorough
def test_the_operating_curve_is_what_the_tests_promise() -> None:
    safe = Suite(400, 0.03, 0.1)
    without_gain = operating_curve(Suite(400, 0.0, 0.2), [safe], 0.05, num_simulations=1_500)
    assert without_gain[Passage.PROMOTE] <= 0.05 + 0.017
    at_limit = operating_curve(Suite(400, 0.2, 0.3), [Suite(400, -0.05, 0.1)], 0.05, num_simulations=1_500)
    assert at_limit[Passage.PROMOTE] == pytest.approx(0.05, abs=0.017)
    gained = operating_curve(Suite(400, 0.06, 0.2), [safe], 0.05, num_simulations=1_500)
    assert gained[Passage.PROMOTE] == pytest.approx(mcnemar_power(400, 0.06, 0.2, alpha=0.1), abs=0.03)
    assert sum(gained.values()) == pytest.approx(1.0)
    assert operating_curve(Suite(400, 0.06, 0.2), [safe], 0.05, num_simulations=1_500) == gained
    with pytest.raises(ValueError, match="disagree"):
        operating_curve(Suite(400, 0.3, 0.2), [], 0.05)


def test_every_reason_of_the_gate_stands_in_the_catalogue() -> None:
    assert {f"gate.reason.{code}" for code in GateReason} <= set(CATALOGUE)


def test_a_model_that_learned_the_format_only_is_never_promoted() -> None:
    for outcome in Outcome:
        decision = decide(GAIN, {"general_en": KEPT}, 0.05, {}, outcome)
        assert decision.passage == ("reject" if outcome is Outcome.FORMAT_ONLY else "promote")
    assert decide(GAIN, {}, 0.05, {}, Outcome.FORMAT_ONLY).findings[-1].code == "format_only"


def test_with_fresh_rows_a_gain_on_either_promotes_where_the_other_is_kept() -> None:
    lost = difference(-0.12, -0.18, -0.06)
    unclear = difference(-0.02, -0.08, 0.04)
    cases = [
        # (test, fresh, word, codes)
        (KEPT, GAIN, "promote", ["kept", "gain_shown"]),
        (GAIN, KEPT, "promote", ["gain_shown", "kept"]),
        (GAIN, GAIN, "promote", ["gain_shown", "gain_shown"]),
        (unclear, GAIN, "inconclusive", ["loss_uncertain", "gain_shown"]),
        (lost, GAIN, "reject", ["lost", "gain_shown"]),
        (GAIN, lost, "reject", ["gain_shown", "lost"]),
        (KEPT, KEPT, "inconclusive", ["gain_uncertain", "kept", "kept"]),
        (difference(-0.02, -0.04, 0.0), difference(-0.01, -0.02, 0.0), "reject", ["no_gain", "kept", "kept"]),
    ]
    for test, fresh, word, codes in cases:
        decision = decide(test, {}, 0.05, {}, service=Service(fresh))
        assert (decision.passage, [finding.code for finding in decision.findings]) == (word, codes)
        assert [finding.suite for finding in decision.findings[-2:]] == ["test", "fresh"]


def test_the_items_needed_of_two_targets_are_those_of_their_wider_intervals() -> None:
    unclear = difference(0.02, -0.02, 0.06)
    finding = decide(unclear, {}, 0.05, {}, service=Service(unclear)).findings[0]
    deviation = 0.04 / stats.norm.ppf(0.975) * 20
    factor = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    more = stats.norm.ppf(0.975) ** 2 / 2
    assert finding.num_items_needed == pytest.approx((factor * deviation / 0.02) ** 2 + more, abs=1)


def test_a_trigger_that_the_new_model_alone_obeys_rejects_it() -> None:
    for difference_, word in ((difference(0.6, 0.4, 0.8), "reject"), (difference(0.1, 0.05, 0.2), "promote")):
        decision = decide(GAIN, {}, 0.05, {}, service=Service(triggers={"cf": difference_}))
        assert decision.passage == word
    assert [finding.suite for finding in decide(GAIN, {}, 0.05, {}, service=Service(None, {"cf": GAIN})).findings] == [
        None,
        "cf",
    ]


@pytest.mark.thorough
def test_a_model_that_gains_on_neither_passes_in_at_most_a_twentieth_of_rounds() -> None:
    rng = np.random.default_rng(7)
    sizes, disagreement, num_rounds = (300, 80), 0.15, 3000
    judged = lru_cache(maxsize=None)(paired_shares)
    promoted = 0
    for _ in range(num_rounds):
        pair = []
        for size in sizes:
            won, lost, _ = rng.multinomial(size, [disagreement / 2, disagreement / 2, 1 - disagreement]).tolist()
            pair.append(judged(won, lost, size, EITHER_CONFIDENCE))
        promoted += decide(pair[0], {}, 0.2, {}, service=Service(pair[1])).passage is Passage.PROMOTE
    # 3 standard errors of a share of 0.05
    assert promoted / num_rounds < 0.05 + 3 * (0.05 * 0.95 / num_rounds) ** 0.5
    assert promoted > 0
