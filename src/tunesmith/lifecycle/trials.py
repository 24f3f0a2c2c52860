"""The methods that `auto` may choose from, tried on the rows of a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tunesmith.artifacts import Identity, Plan, is_whole
from tunesmith.plan.method import Trial
from tunesmith.plan.run import Planning, methods_to_try
from tunesmith.plan.run import plan as plan_stage
from tunesmith.recipe import Method
from tunesmith.runtime import Progress, Silent
from tunesmith.train.training import Training


def try_methods(planning: Planning, progress: Progress, artifact: Callable[[Identity], Path]) -> tuple[Trial, ...]:
    """A short training by each method that is worth one; none where the plan can tell without. Loads the base anew."""
    methods, num_steps = methods_to_try(planning)
    if methods:
        names = ", ".join(method.name for method in methods)
        progress.say("say.plan.trials", name=planning.name, methods=names, steps=num_steps)
    return tuple(_trial(planning, method, num_steps, artifact) for method in methods)


def _trial(planning: Planning, method: Method, num_steps: int, artifact: Callable[[Identity], Path]) -> Trial:
    from tunesmith.train.trial import trial_losses  # brings torch

    section = planning.section.model_copy(update={"method": method, "max_steps": num_steps})
    this = replace(planning, section=section)
    out = artifact(this.identity())
    plan = Plan.open(out) if is_whole(out) else plan_stage(this, progress=Silent(), out=out)
    losses_V, seconds = trial_losses(
        Training(this.name, this.dataset, this.base, this.chat, plan, section, this.seed, this.teacher),
        this.runtime,
    )
    return Trial(method.name, num_steps, losses_V, seconds)
