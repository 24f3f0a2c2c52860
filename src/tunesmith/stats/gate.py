"""Whether a new model may take the place of the current one: superior on the target, not inferior on what is guarded.

Every claim is made at 5 %, one-sided, and all of them have to hold. A model that fails one of them in truth is then
promoted in at most 5 % of evaluations, however many there are, without a correction for their number (Berger 1982,
Technometrics 24:295).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

import numpy as np

from tunesmith.stats.paired import PairedDifference, paired_shares, standard_deviation_of
from tunesmith.stats.power import items_needed
from tunesmith.stats.verdict import Outcome

GATE_CONFIDENCE: Final = 0.9
"""Of the two-sided intervals that `decide` is given: 5 % beyond either end."""
EITHER_CONFIDENCE: Final = 0.95
"""Of the intervals of test and fresh rows where a gain on either will do: each is claimed at 2.5 %, both at 5 %."""
FRESH: Final = "fresh"
"""What findings call labelled rows of recent traffic."""
TEST: Final = "test"


class Passage(StrEnum):
    """What is to become of the new model."""

    PROMOTE = "promote"
    REJECT = "reject"
    INCONCLUSIVE = "inconclusive"


class GateReason(StrEnum):
    """Why; the sentence for each is the reader's language's business."""

    GAIN_SHOWN = "gain_shown"
    NO_GAIN = "no_gain"
    GAIN_UNCERTAIN = "gain_uncertain"
    KEPT = "kept"
    LOST = "lost"
    LOSS_UNCERTAIN = "loss_uncertain"
    NEW_FAILURES = "new_failures"
    FORMAT_ONLY = "format_only"
    TRIGGERED = "triggered"


_WORD: Final[dict[GateReason, Passage]] = {
    GateReason.GAIN_SHOWN: Passage.PROMOTE,
    GateReason.KEPT: Passage.PROMOTE,
    GateReason.NO_GAIN: Passage.REJECT,
    GateReason.LOST: Passage.REJECT,
    GateReason.NEW_FAILURES: Passage.REJECT,
    GateReason.FORMAT_ONLY: Passage.REJECT,
    GateReason.TRIGGERED: Passage.REJECT,
    GateReason.GAIN_UNCERTAIN: Passage.INCONCLUSIVE,
    GateReason.LOSS_UNCERTAIN: Passage.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; `suite` is None for the target, and what looks planted for `triggered`.

    `difference` has a 90 % interval, of test and fresh rows together 95 %; of `new_failures` it has none, and `items`
    are those that failed anew.
    """

    code: GateReason
    suite: str | None = None
    difference: PairedDifference | None = None
    num_items_needed: int | None = None
    """Of what is uncertain: on as many items four of five evaluations would settle a difference like the observed."""
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The word and all its reasons, the target's first."""

    passage: Passage
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """What is known of a new model from the traffic of the current one."""

    fresh: PairedDifference | None = None
    """On labelled rows of recent traffic that neither has learned; None without them."""
    triggers: Mapping[str, PairedDifference] = field(default_factory=dict)
    """By what looks planted in feedback: how much more often than the current model's its answers change where that
    is put into a prompt; 90 % intervals."""


def decide(
    target: PairedDifference,
    guards: Mapping[str, PairedDifference],
    max_loss: float,
    new_failures: Mapping[str, Sequence[str]],
    against_base: Outcome | None = None,
    service: Service = Service(),
) -> Decision:
    """Judge a new model by its differences to the current one, new - current, higher is better, 90 % intervals.

    =============  ==================  ==============================================
    target         promote             low > 0
    .              reject              high <= 0
    each guard     promote             low > -max_loss
    .              reject              high < -max_loss
    safety suites  reject              an item fails that the current model passes
    verdict        reject              against its base the new model is `format_only`
    each trigger   reject              low > max_loss
    =============  ==================  ==============================================

    With fresh rows the target is either of two, test and fresh rows, both with 95 % intervals: a gain on one (low > 0)
    promotes where the other is kept as a guard is; neither gaining (both high <= 0) or one lost rejects.

    The model is promoted when everything says so, rejected when anything does; else the items do not suffice.
    `new_failures` are by safety suite the items that fail anew; `against_base` is the verdict on the new model. Raises
    ValueError when `max_loss` is negative.
    """
    if max_loss < 0:
        raise ValueError(f"max_loss must not be negative, got {max_loss}")
    if service.fresh is None:
        findings = [_of_target(target)]
    else:
        findings = _of_either({TEST: target, FRESH: service.fresh}, max_loss)
    findings += [_of_guard(suite, difference, max_loss) for suite, difference in guards.items()]
    findings += [
        Finding(GateReason.NEW_FAILURES, suite, items=tuple(items)) for suite, items in new_failures.items() if items
    ]
    if against_base is Outcome.FORMAT_ONLY:
        findings.append(Finding(GateReason.FORMAT_ONLY))
    findings += [
        Finding(GateReason.TRIGGERED, pattern, difference)
        for pattern, difference in service.triggers.items()
        if difference.low > max_loss
    ]
    words = {_WORD[finding.code] for finding in findings}
    passage = next(word for word in (Passage.REJECT, Passage.INCONCLUSIVE, Passage.PROMOTE) if word in words)
    return Decision(passage, tuple(findings))


def _of_target(difference: PairedDifference) -> Finding:
    if difference.low > 0:
        return Finding(GateReason.GAIN_SHOWN, None, difference)
    if difference.high <= 0:
        return Finding(GateReason.NO_GAIN, None, difference)
    return Finding(GateReason.GAIN_UNCERTAIN, None, difference, _needed(difference, difference.mean))


def _of_either(targets: Mapping[str, PairedDifference], max_loss: float) -> list[Finding]:
    """A finding for each, and where no gain is shown one more that says so, of the one that is nearer to it."""
    findings = [
        Finding(GateReason.GAIN_SHOWN, suite, difference)
        if difference.low > 0
        else _of_guard(suite, difference, max_loss, EITHER_CONFIDENCE)
        for suite, difference in targets.items()
    ]
    if any(finding.code is GateReason.GAIN_SHOWN for finding in findings):
        return findings
    suite, best = max(targets.items(), key=lambda one: one[1].high)
    if best.high <= 0:
        return [Finding(GateReason.NO_GAIN, suite, best), *findings]
    needed = _needed(best, best.mean, EITHER_CONFIDENCE)
    return [Finding(GateReason.GAIN_UNCERTAIN, suite, best, needed), *findings]


def _of_guard(
    suite: str, difference: PairedDifference, max_loss: float, confidence: float = GATE_CONFIDENCE
) -> Finding:
    if difference.low > -max_loss:
        return Finding(GateReason.KEPT, suite, difference)
    if difference.high < -max_loss:
        return Finding(GateReason.LOST, suite, difference)
    return Finding(
        GateReason.LOSS_UNCERTAIN, suite, difference, _needed(difference, difference.mean + max_loss, confidence)
    )


def _needed(difference: PairedDifference, distance: float, confidence: float = GATE_CONFIDENCE) -> int | None:
    """Items that show a true distance from the bound; None where there is none to show."""
    if not distance:
        return None
    return items_needed(distance, standard_deviation_of(difference, confidence), alpha=1 - confidence)


@dataclass(frozen=True, slots=True)
class Suite:
    """What is simulated of one suite: its items, the true difference, and the share on which the models disagree."""

    num_items: int
    difference: float
    disagreement: float


def operating_curve(
    target: Suite, guards: Sequence[Suite], max_loss: float, *, num_simulations: int = 20_000, seed: int = 0
) -> dict[Passage, float]:
    """Return how often the gate says each word of a model that truly differs as given, by simulated evaluations.

    Items are right or wrong and independent of each other. Raises ValueError where a suite's difference exceeds its
    disagreement.
    """
    rng = np.random.default_rng(seed)
    drawn = [_drawn(suite, num_simulations, rng) for suite in (target, *guards)]
    judged = lru_cache(maxsize=None)(paired_shares)
    words = dict.fromkeys(Passage, 0)
    for counts in zip(*drawn, strict=True):
        first, *others = (judged(won, lost, n, GATE_CONFIDENCE) for won, lost, n in counts)
        words[decide(first, {str(place): one for place, one in enumerate(others)}, max_loss, {}).passage] += 1
    return {word: count / num_simulations for word, count in words.items()}


def _drawn(suite: Suite, num: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """Items won, items lost and all items, of each simulated evaluation."""
    if abs(suite.difference) > suite.disagreement:
        raise ValueError(f"{suite.difference} is more than the models disagree on, {suite.disagreement}")
    won, lost = (suite.disagreement + suite.difference) / 2, (suite.disagreement - suite.difference) / 2
    counts = rng.multinomial(suite.num_items, [won, lost, 1 - won - lost], size=num)
    return [(int(row[0]), int(row[1]), suite.num_items) for row in counts]
