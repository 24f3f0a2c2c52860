"""From a judged model to its bundle: nothing is trained and nothing judged here, only found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset, Identity, Plan, Scorecard, TunedModel, is_whole
from tunesmith.artifacts.bundle import KIND, Bundle, Objection
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.export.exporting import Exporting, objections_to
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.lineage import newest_in
from tunesmith.prepare import identity as dataset_identity
from tunesmith.prepare import key_of_secret

REFUSING: Final = ("verdict", "safety")
"""Objections that keep a model from being shipped, unless it is asked for all the same."""


@dataclass(frozen=True)
class Judged:
    """What a run left: its models, what they were judged on, and the scorecard."""

    evaluation: Evaluation
    models: Mapping[str, TunedModel]
    """Those of the recipe, by arm."""
    scorecard: Scorecard


def export(job: Job, *, anyway: bool = False) -> Bundle:
    """Ship the model that the run judged, or find it shipped.

    A model whose scorecard speaks against it is shipped only where `anyway` says so, and its bundle tells it then.

    Raises TunesmithError `export-arm`, `export-untrained` or `export-unjudged` where the run did not come so far,
    RunFailed `export-refused`, what `objections_to` and `Exporting.forms` raise, and RunFailed `certificate-failed`
    where a form does not answer like the judged model.
    """
    arm = job.recipe.export.arm
    if arm not in job.trainings():
        place = Place("recipe", field="export.arm")
        raise TunesmithError("export-arm", place=place, arm=arm, known=", ".join(job.trainings()))
    judged = judged_of(job)
    objections = objections_to(judged.scorecard, arm)
    refusing = [each for each in objections if each.code in REFUSING]
    if refusing and not anyway:
        codes = ", ".join(f"{each.code} ({each.suite})" for each in refusing)
        raise RunFailed("export-refused", place=Place(str(judged.scorecard.folder)), arm=arm, objections=codes)
    exporting = exporting_of(job, judged, objections)
    exporting.forms()
    out = job.artifact(exporting.identity())
    if not is_whole(out):
        return _export(job, judged, exporting, out)
    bundle = Bundle.open(out)
    if newest_in(job.run_folder, KIND) != bundle.key:  # the last that was exported is served
        with lifecycle.running(job) as record:
            record.record("artifact", kind=KIND, key=bundle.key)
    return bundle


def _export(job: Job, judged: Judged, exporting: Exporting, out: Path) -> Bundle:
    from tunesmith.export.run import export as export_stage  # brings torch
    from tunesmith.lifecycle.certificate import Certifying, certify

    arm = job.recipe.export.arm
    certifying = Certifying(judged.evaluation, arm, judged.scorecard, job.recipe, job.runtime, job.progress)
    with lifecycle.running(job) as record:
        bundle = export_stage(
            exporting,
            runtime=job.runtime,
            progress=job.progress,
            out=out,
            certify=partial(certify, certifying),
        )
        record.record("artifact", kind=KIND, key=bundle.key)
    return bundle


def exporting_of(job: Job, judged: Judged, objections: tuple[Objection, ...]) -> Exporting:
    """What is shipped, and how."""
    body = judged.scorecard.body
    return Exporting(
        model=judged.models[job.recipe.export.arm],
        base=job.trained_base,
        chat=job.chat,
        dataset=judged.evaluation.dataset,
        scorecard=judged.scorecard,
        recipe=job.recipe,
        precision=judged.evaluation.precision,
        task=body.task,
        labels=tuple(body.labels) if body.task == "labels" else (),
        objections=objections,
    )


def judged_of(job: Job) -> Judged:
    """Find what the run made. Raises TunesmithError `export-untrained`, `export-unjudged` where it is not there."""
    section = job.recipe.prepare
    found = _found(job, dataset_identity(section, job.recipe.seed, job.fits, key_of_secret(section, job.runtime)))
    dataset = Dataset.open(found)
    plannings = lifecycle.plannings_of(job, dataset)
    plans = {name: Plan.open(_found(job, planning.identity())) for name, planning in plannings.items()}
    trainings = lifecycle.trainings_of(job, dataset, plans)
    models = {name: TunedModel.open(_found(job, training.identity())) for name, training in trainings.items()}
    evaluation = lifecycle.evaluation_of(job, dataset, plans, models)
    scorecard = _found(job, evaluation.identity(), "export-unjudged")
    return Judged(evaluation, models, Scorecard.open(scorecard))


def _found(job: Job, identity: Identity, code: str = "export-untrained") -> Path:
    folder = job.artifact(identity)
    if not is_whole(folder):
        raise TunesmithError(code, place=Place(str(job.run_folder)))
    return folder
