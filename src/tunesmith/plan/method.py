"""Which method suits a job: what is customary, corrected by what fits and by a short trial.

Customary is what a matrix of rows says, and for a small base full tuning: an adapter saves memory that nobody misses
there, and learns less. Neither knows the rows, so that methods that fit are tried: each takes the first steps of the
training as if there were no more of them, with its own rate, and the loss of the same validation rows decides.

What leads early need not lead at the end: an adapter's rate is ten times that of full tuning, and of 300 rows of
banking77 LoRA learned more in the first 60 steps, full tuning far more in 380 (docs/experiments.md). A method that can
learn more and leads already in a few steps is taken; one that can learn less only where the trial was the whole
training. Steps are counted and not seconds: the advice is the same on a slower machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.model.base import Base
from tunesmith.model.fits import PREFIX_TYPES
from tunesmith.plan.predict import Workload
from tunesmith.plan.steps import num_steps_of
from tunesmith.recipe import AUTO_METHODS, Classification, Distill, Method, Prefix, Regression, Train
from tunesmith.stats.paired import paired_difference

MATRIX: Final = ((100_000, "full"), (10_000, "lora"), (0, "prefix"))
"""Fewest training rows from which a method is the customary choice."""
STRENGTH: Final[tuple[str, ...]] = ("full", "lora", "prefix")
"""From the method that can learn most, and needs most memory and most rows, to the one that needs least."""
SMALL_BASE: Final = 100_000_000
"""Parameters up to which full tuning is customary whatever the rows: its weights, gradients and moments take 2 GB."""
TRIAL_STEPS: Final = 40
"""Of each method, where the training has as many."""
MIN_TRIAL_STEPS: Final = 8
"""Fewer tell nothing, unless the training has no more."""
MAX_TRIAL_SHARE: Final = 0.5
"""Most that all trials may cost, as a share of the training by the cheapest method."""
FREE_OPERATIONS: Final = 1e13
"""What trials may cost all the same: two minutes at 80 GFLOP/s, a small CPU."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a method is sought for."""

    work: Workload
    base: Base
    section: Train
    precision: str
    limit_bytes: int | None
    """Memory that is there; None where that is not known."""

    def by(self, method: Method) -> Train:
        return self.section.model_copy(update={"method": method})

    def peak_bytes(self, method: Method) -> int:
        return self.work.prediction(self.by(method), self.precision).train_bytes

    def fits(self, method: Method) -> bool:
        return self.limit_bytes is None or self.peak_bytes(method) <= self.limit_bytes


@dataclass(frozen=True, slots=True)
class Trial:
    """What a method reached in a few steps from the same start on the same rows."""

    method: str
    num_steps: int
    losses_V: NDArray[np.float64]
    """Of the same validation rows, each the mean over what it supervises."""
    seconds: float
    """Told, never decisive."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A method and why: `reason` is a catalogue key `plan.reason.method-*`."""

    method: Method
    reason: str
    parameters: dict[str, str | int | float]


def to_try(question: Question) -> tuple[list[Method], int]:
    """The methods worth a trial, strongest first, and the steps of each.

    None where there is nothing to choose, no validation row to judge by, or where trying costs too much. A method that
    is weaker than the customary one is tried in whole trainings alone.
    """
    work = question.work
    if not work.train or not any(row.num_supervised for row in work.validation):
        return [], 0
    methods = [method for method in _suited(question) if question.fits(method)]
    num_steps = num_trial_steps(question, methods)
    if num_steps < num_steps_of(work.train, question.section):
        customary = STRENGTH.index(_customary(question).method.name)
        methods = [method for method in methods if STRENGTH.index(method.name) <= customary]
        num_steps = num_trial_steps(question, methods)
    return (methods, num_steps) if num_steps and len(methods) > 1 else ([], 0)


def num_trial_steps(question: Question, methods: Sequence[Method]) -> int:
    """Steps that each of the methods is tried for, by the floating-point operations that they cost; 0 for none."""
    if not methods:
        return 0
    costs = [question.work.costs(question.by(method), question.precision).step_mean for method in methods]
    num_steps = num_steps_of(question.work.train, question.section)
    allowed = max(FREE_OPERATIONS, MAX_TRIAL_SHARE * min(costs) * num_steps)
    tried = min(TRIAL_STEPS, num_steps, int(allowed / sum(costs)))
    return tried if tried >= min(MIN_TRIAL_STEPS, num_steps) else 0


def advise(question: Question, trials: Sequence[Trial] = ()) -> Advice:
    """The customary method, or where it is unsuited or does not fit the nearest that is suited and does; or, of those
    that were tried, the one with the lowest loss, where the customary one is shown to be worse (95 %, paired).

    Raises nothing where none fits: the least demanding one is named, and `require_room` refuses it.
    """
    customary = _customary(question)
    tried = {trial.method: trial for trial in trials if np.isfinite(trial.losses_V).all()}
    if len(tried) < 2:
        return customary
    best = min(tried.values(), key=lambda trial: (float(trial.losses_V.mean()), STRENGTH.index(trial.method)))
    kept = tried.get(customary.method.name)
    if kept is not None and kept is not best:
        difference = paired_difference(kept.losses_V, best.losses_V, seed=question.work.seed)
        best = best if difference.high < 0 else kept
    figures = ", ".join(
        f"{trial.method} {trial.losses_V.mean():.4f} ({trial.seconds:.0f} s)" for trial in tried.values()
    )
    told: dict[str, str | int | float] = {
        "steps": best.num_steps,
        "rows": len(best.losses_V),
        "losses": figures,
        "customary": customary.method.name,
    }
    reason = "confirmed" if best is kept else "tried"
    return Advice(AUTO_METHODS[best.method](), f"plan.reason.method-{reason}", told)


def _customary(question: Question) -> Advice:
    """By rows and by the size of the base, moved to what is suited and fits."""
    work = question.work
    num_rows, num_parameters = len(work.train), work.geometry.num_parameters
    if num_parameters <= SMALL_BASE:
        named, reason = "full", "small"
    else:
        named, reason = next(name for least, name in MATRIX if num_rows >= least), "rows"
    suited = _suited(question)
    names = [str(method.name) for method in suited]
    wanted = _nearest(named, names)
    told: dict[str, str | int | float] = {"rows": num_rows, "named": named, "parameters": f"{num_parameters:,}"}
    if wanted != named:
        reason = "absent"
    for method in suited[names.index(wanted) :]:
        peak = question.peak_bytes(method)
        if question.limit_bytes is None or peak <= question.limit_bytes or method is suited[-1]:
            return Advice(method, f"plan.reason.method-{reason}", told)
        reason = "memory"
        told |= {"needed": f"{peak / 1e9:.1f}", "there": f"{question.limit_bytes / 1e9:.1f}", "heavier": method.name}
    raise AssertionError("the last method is always taken")


def _suited(question: Question) -> list[Method]:
    """The methods that go with base, objective and the room that the longest row leaves, strongest first."""
    methods: list[Method] = [AUTO_METHODS[name]() for name in STRENGTH]
    return [method for method in methods if not isinstance(method, Prefix) or _takes_prefix(question, method)]


def _takes_prefix(question: Question, method: Prefix) -> bool:
    base, objective = question.base, question.section.objective
    longest = max((len(row.ids_T) for row in question.work.train), default=0)
    return (
        base.model_type in PREFIX_TYPES
        and not isinstance(objective, Classification | Regression | Distill)
        and longest + method.virtual_tokens <= base.max_tokens
    )


def _nearest(named: str, there: Sequence[str]) -> str:
    """Of the methods that are there, the one nearest in strength, the stronger of two."""
    place = STRENGTH.index(named)
    return min(there, key=lambda name: (abs(STRENGTH.index(name) - place), STRENGTH.index(name)))
