"""The rule that turns paired differences into a verdict on a tuned model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from tunesmith.stats.paired import PairedDifference, standard_deviation_of
from tunesmith.stats.power import items_to_decide


class Outcome(StrEnum):
    """What may be said of the tuned model against the one it is compared with."""

    BETTER = "better"
    BETTER_WITH_LOSSES = "better_with_losses"
    FORMAT_ONLY = "format_only"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"


class ReasonCode(StrEnum):
    """Why; the sentence for each is the reader's language's business."""

    GAIN_SHOWN = "gain_shown"
    GAIN_TOO_SMALL = "gain_too_small"
    LOSS_SHOWN = "loss_shown"
    WITHIN_MARGIN = "within_margin"
    NO_GAIN = "no_gain"
    GAIN_UNCERTAIN = "gain_uncertain"
    LOSS_BEYOND_LIMIT = "loss_beyond_limit"
    LOSS_WITHIN_LIMIT = "loss_within_limit"
    LOSS_UNCERTAIN = "loss_uncertain"
    FORMAT_ONLY = "format_only"


@dataclass(frozen=True)
class Reason:
    """One finding; `guard` names the guarded suite, or is None for the target."""

    code: ReasonCode
    difference: PairedDifference
    guard: str | None = None


@dataclass(frozen=True)
class Verdict:
    """The outcome with its reasons, the target's first.

    `num_items_needed` is set for `not_enough_evidence` only: on as many items like these, four of five evaluations
    would show a true difference of the size observed, or that it lies within the margin. None also there where no
    number would.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    num_items_needed: int | None = None


def verdict(
    target: PairedDifference,
    guards: Mapping[str, PairedDifference],
    max_loss: float,
    margin: float = 0.0,
    free_form: PairedDifference | None = None,
) -> Verdict:
    """Judge a tuned model by its gain on the target and its losses on guarded suites.

    All differences are tuned minus base, higher is better (turn bits per byte around first). What is smaller than
    `margin` does not matter. `free_form` is of answers written freely, where `target` is of labels chosen among those
    that are declared: who learned to write labels, not which of them is right, gains there alone. The first row that
    holds:

    ===================  =====================================================================
    better_with_losses   target.low > 0 and, for some guard, high < 0 and mean < -max_loss
    better               target.low > 0
    format_only          free_form.low > 0
    worse                target.high < 0
    equivalent           -margin < target.low and target.high < margin
    not_enough_evidence  anything else
    ===================  =====================================================================

    Everything is read off the one 95 % interval that is shown. For `equivalent` that makes two one-sided tests at
    2.5 % each (Schuirmann 1987, doi:10.1007/BF01068419), the level at which a gain is shown too; the 90 % interval,
    5 % each, is usual in bioequivalence and says `equivalent` sooner.

    Every guard with a finding adds a reason, whatever the outcome:

    =================  ===============================
    loss_beyond_limit  high < 0 and mean < -max_loss
    loss_within_limit  high < 0 and mean >= -max_loss
    loss_uncertain     high >= 0 and mean < -max_loss
    =================  ===============================

    Guards are not corrected for their number: with many of them a false alarm is likelier, a missed loss is not. Nor
    is the target: it is one comparison, chosen before.
    Raises ValueError when `max_loss` or `margin` is negative.
    """
    if max_loss < 0 or margin < 0:
        raise ValueError(f"max_loss and margin must not be negative, got {max_loss} and {margin}")
    losses = tuple(_losses(guards, max_loss))
    if target.low > 0:
        beyond = any(loss.code is ReasonCode.LOSS_BEYOND_LIMIT for loss in losses)
        outcome = Outcome.BETTER_WITH_LOSSES if beyond else Outcome.BETTER
        small = (Reason(ReasonCode.GAIN_TOO_SMALL, target),) if target.high < margin else ()
        return Verdict(outcome, (Reason(ReasonCode.GAIN_SHOWN, target), *small, *losses))
    outcome, code = _without_gain(target, margin)
    if free_form is not None and free_form.low > 0:
        reasons = (Reason(code, target), Reason(ReasonCode.FORMAT_ONLY, free_form), *losses)
        return Verdict(Outcome.FORMAT_ONLY, reasons)
    needed = None
    if outcome is Outcome.NOT_ENOUGH_EVIDENCE:
        needed = items_to_decide(target.mean, standard_deviation_of(target), margin)
    return Verdict(outcome, (Reason(code, target), *losses), needed)


def _without_gain(target: PairedDifference, margin: float) -> tuple[Outcome, ReasonCode]:
    """What is said of a target whose gain is not shown, and why."""
    if target.high < 0:
        return Outcome.WORSE, ReasonCode.LOSS_SHOWN
    if -margin < target.low and target.high < margin:
        return Outcome.EQUIVALENT, ReasonCode.WITHIN_MARGIN
    return Outcome.NOT_ENOUGH_EVIDENCE, ReasonCode.GAIN_UNCERTAIN if target.mean > 0 else ReasonCode.NO_GAIN


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
