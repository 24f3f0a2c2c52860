"""`search` and `autopilot`: a study, then the chosen recipe's own run, whose test rows nobody has asked before."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tunesmith import lifecycle
from tunesmith.artifacts import Run, write_whole
from tunesmith.artifacts.figures import Estimate
from tunesmith.artifacts.study import Judged, Sought, StudyBody, write_study
from tunesmith.evaluate.evaluation import task_of
from tunesmith.lifecycle import Job, Outcome
from tunesmith.metrics.registry import standard
from tunesmith.recipe import Auto, Recipe, Regression
from tunesmith.recipe.metrics import metric_name
from tunesmith.report.search import study_page
from tunesmith.search.goal import Goal, read_goal
from tunesmith.search.ledger import Ledger
from tunesmith.search.study import Scene, Study, group_trainer, scene_of

GOALS: Final = "goals.json"
MANY_TRIALS: Final = 1000
"""Of an autopilot that has hours: time ends it."""


@dataclass(frozen=True)
class Searched:
    """A study and the run of the recipe that it chose."""

    folder: Path
    study: StudyBody
    recipe: Path
    """The best recipe, runnable."""
    page: Path
    outcome: Outcome


def search(job: Job) -> Searched:
    """Try the recipe's space, run the best recipe, write `study.json`, `best.yaml` and the page.

    Raises TunesmithError `search-no-validation`, and what `Study.run` and `lifecycle.run` raise.
    """
    scene = scene_of(job)
    with lifecycle.running(scene.searching) as record:
        study = _study(scene, record)
        return _concluded(study, study.run(lambda _: False), None)


def autopilot(job: Job, hours: float | None, until: str | None) -> Searched:
    """Let the plan choose the method, search until a bracket's best model reaches the goal or time is over.

    The goal is judged on the validation rows by what the model answers, and confirmed once on the test rows. Raises
    what `search` and `read_goal` raise.
    """
    job = replace(job, recipe=piloted(job.recipe, hours))
    goal = None if until is None else read_goal(until, _metrics(job))
    scene = scene_of(job)
    with lifecycle.running(scene.searching) as record:
        study = _study(scene, record)
        body = study.run(lambda so_far: goal is not None and _is_reached(so_far, goal))
        return _concluded(study, body, goal)


def _study(scene: Scene, record: Run) -> Study:
    ledger = Ledger(record.folder, higher_is_better=scene.higher_is_better)
    return Study(scene, record, group_trainer(scene.job), ledger)


def piloted(recipe: Recipe, hours: float | None) -> Recipe:
    """The method is the plan's to choose, unless the recipe searches over methods or what belongs to one."""
    search = recipe.search
    if hours is not None:
        # chance has one bracket, however long it takes
        num_trials = MANY_TRIALS if search.by == "tpe" else search.num_trials
        search = search.model_copy(update={"hours": hours, "num_trials": num_trials})
    train = recipe.train
    if not any(f"{key}.".startswith("train.method.") for key in search.space):
        train = train.model_copy(update={"method": Auto()})
    return recipe.model_copy(update={"search": search, "train": train})


def _metrics(job: Job) -> list[str]:
    """What the scorecard will hold."""
    predicts_numbers = isinstance(job.recipe.train.objective, Regression)
    task = task_of(lifecycle.prepare(job).report(), predicts_numbers=predicts_numbers)
    return list(dict.fromkeys([*standard(task), *map(metric_name, job.recipe.evaluate.metrics)]))


def _is_reached(study: Study, goal: Goal) -> bool:
    """Whether the best trial so far reaches the goal on the validation rows."""
    body = study.body(is_done=False)
    return bool(body.ranking) and goal.is_met(_on_validation(study, body, goal).value)


def _on_validation(study: Study, body: StudyBody, goal: Goal) -> Estimate:
    """The metric of the best trial's model; what was judged once is not judged again."""
    file = study.record.folder / GOALS
    told: dict[str, dict[str, object]] = json.loads(file.read_bytes()) if file.is_file() else {}
    name = f"{body.best.number}:{goal.metric}"
    if name not in told:
        figure = validation_figures(study.job_of(body))[goal.metric]
        told[name] = figure.model_dump(mode="json")
        write_whole(file, json.dumps(told).encode())
        value = f"{figure.value:.4g}"
        study.scene.job.progress.say("say.search.goal", metric=goal.metric, value=value, goal=goal)
    return Estimate.model_validate(told[name])


def validation_figures(job: Job) -> dict[str, Estimate]:
    """Train the model of a recipe, as its own run will, and judge it on the validation rows."""
    from tunesmith.evaluate.held_out import validation_figures as validation_stage  # brings torch

    with lifecycle.running(job) as record:
        dataset = lifecycle.prepare(job)
        plans = lifecycle.plan(job, dataset)
        models = lifecycle.train(job, dataset, plans, record)
        evaluation = lifecycle.evaluation_of(job, dataset, plans, models)
        return validation_stage(evaluation, runtime=job.runtime, progress=job.progress)


def _concluded(study: Study, body: StudyBody, goal: Goal | None) -> Searched:
    """Run the best recipe, and write what came of it."""
    folder, job = study.record.folder, study.job_of(body)
    validation = None if goal is None else _on_validation(study, body, goal)
    outcome = lifecycle.run(job)
    body = body.model_copy(update={"judged": _judged(outcome), "sought": _sought(goal, validation, outcome)})
    write_study(folder, body)
    page = study_page(body, language=job.language, out=folder)
    return Searched(folder, body, study.best_file, page, outcome)


def _judged(outcome: Outcome) -> Judged:
    card = outcome.scorecard.body
    arms = {arm.name: arm.metrics["test"] for arm in card.arms}
    return Judged(
        run=str(outcome.run_folder),
        report=str(outcome.report.html),
        word=card.verdicts[0].word,
        metric=card.metric,
        test=arms["tuned"][card.metric],
        base=arms.get("base", {}).get(card.metric),
    )


def _sought(goal: Goal | None, validation: Estimate | None, outcome: Outcome) -> Sought | None:
    if goal is None or validation is None:
        return None
    test = next(arm.metrics["test"][goal.metric] for arm in outcome.scorecard.body.arms if arm.name == "tuned")
    is_reached = goal.is_met(validation.value)
    return Sought(
        goal=str(goal),
        metric=goal.metric,
        validation=validation,
        test=test,
        is_reached=is_reached,
        confirmation=goal.confirmation(test) if is_reached else None,
    )
