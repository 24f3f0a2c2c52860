"""The rule that turns paired differences into a verdict on a tuned model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tunesmith.stats.intervals import PairedDifference, items_needed, standard_deviation_of


class Outcome(StrEnum):
    """What may be said of the tuned model against the one it is compared with."""

    BETTER = "better"
    BETTER_WITH_LOSSES = "better_with_losses"
    NOT_BETTER = "not_better"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"


class ReasonCode(StrEnum):
    """Why; the sentence for each is the reader's language's business."""

    GAIN_SHOWN = "gain_shown"
    NO_GAIN = "no_gain"
    GAIN_TOO_SMALL = "gain_too_small"
    GAIN_UNCERTAIN = "gain_uncertain"
    LOSS_BEYOND_LIMIT = "loss_beyond_limit"
    LOSS_WITHIN_LIMIT = "loss_within_limit"
    LOSS_UNCERTAIN = "loss_uncertain"


@dataclass(frozen=True)
class Reason:
    """One finding; `guard` names the guarded suite, or is None for the target."""

    code: ReasonCode
    difference: PairedDifference
    guard: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The outcome with its reasons, the target's first.

    `num_items_needed` is set for `not_enough_evidence` only: as many items like these show a true gain of the size
    observed in four of five evaluations.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    num_items_needed: int | None = None


def verdict(
    target: PairedDifference, guards: Mapping[str, PairedDifference], max_loss: float, min_gain: float = 0.0
) -> Verdict:
    """Judge a tuned model by its gain on the target and its losses on guarded suites.

    All differences are tuned minus base, higher is better (turn bits per byte around first). The first row that holds:

    ===================  =====================================================================
    better_with_losses   target.low > 0 and, for some guard, high < 0 and mean < -max_loss
    better               target.low > 0
    not_better           target.mean <= 0 or target.high <= min_gain
    not_enough_evidence  anything else
    ===================  =====================================================================

    Every guard with a finding adds a reason, whatever the outcome:

    =================  ===============================
    loss_beyond_limit  high < 0 and mean < -max_loss
    loss_within_limit  high < 0 and mean >= -max_loss
    loss_uncertain     high >= 0 and mean < -max_loss
    =================  ===============================

    Guards are not corrected for their number: with many of them a false alarm is likelier, a missed loss is not.
    Raises ValueError when `max_loss` or `min_gain` is negative.
    """
    if max_loss < 0 or min_gain < 0:
        raise ValueError(f"max_loss and min_gain must not be negative, got {max_loss} and {min_gain}")
    losses = tuple(_losses(guards, max_loss))
    if target.low > 0:
        beyond = any(loss.code is ReasonCode.LOSS_BEYOND_LIMIT for loss in losses)
        outcome = Outcome.BETTER_WITH_LOSSES if beyond else Outcome.BETTER
        return Verdict(outcome, (Reason(ReasonCode.GAIN_SHOWN, target), *losses))
    if target.mean <= 0 or target.high <= min_gain:
        code = ReasonCode.NO_GAIN if target.mean <= 0 else ReasonCode.GAIN_TOO_SMALL
        return Verdict(Outcome.NOT_BETTER, (Reason(code, target), *losses))
    needed = items_needed(target.mean, standard_deviation_of(target))
    return Verdict(Outcome.NOT_ENOUGH_EVIDENCE, (Reason(ReasonCode.GAIN_UNCERTAIN, target), *losses), needed)


def _losses(guards: Mapping[str, PairedDifference], max_loss: float) -> list[Reason]:
    found = []
    for name, difference in guards.items():
        beyond = difference.mean < -max_loss
        if difference.high < 0:
            code = ReasonCode.LOSS_BEYOND_LIMIT if beyond else ReasonCode.LOSS_WITHIN_LIMIT
            found.append(Reason(code, difference, name))
        elif beyond:
            found.append(Reason(ReasonCode.LOSS_UNCERTAIN, difference, name))
    return found
