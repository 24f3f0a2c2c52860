"""What a run left: found, and never made. A part that is not there, or is another version's, is told."""

from __future__ import annotations

from pathlib import Path

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset, Identity, Plan, Scorecard, TunedModel, is_whole
from tunesmith.errors import Phrase, Place, TunesmithError
from tunesmith.lifecycle import Job, Outcome
from tunesmith.prepare import identity as dataset_identity
from tunesmith.prepare import key_of_secret
from tunesmith.train.training import Training


def report_again(job: Job) -> Outcome:
    """The pages of a run that is over, written once more, whatever machine it ran on.

    Raises TunesmithError `run-unmade`.
    """
    dataset = made_dataset(job)
    plannings = lifecycle.plannings_of(job, dataset)
    plans = {name: Plan.open(_made(job, planning.identity())) for name, planning in plannings.items()}
    models = {name: made_model(job, training) for name, training in lifecycle.trainings_of(job, dataset, plans).items()}
    judged = lifecycle.evaluation_of(job, dataset, plans, models)
    scorecard = Scorecard.open(_made(job, judged.identity()))
    card = lifecycle.data_card(job, dataset)
    files = lifecycle.report(job, dataset, plans, models, scorecard)
    return Outcome(job.run_folder, dataset, plans, models, scorecard, files, card)


def made_dataset(job: Job) -> Dataset:
    """Raises TunesmithError `run-unmade`."""
    section = job.recipe.prepare
    identity = dataset_identity(section, job.recipe.seed, job.fits, key_of_secret(section, job.runtime))
    return Dataset.open(_made(job, identity))


def made_model(job: Job, training: Training) -> TunedModel:
    """Raises TunesmithError `run-unmade`."""
    return TunedModel.open(_made(job, training.identity()))


def _made(job: Job, identity: Identity) -> Path:
    out = job.artifact(identity)
    if not is_whole(out):
        raise TunesmithError("run-unmade", place=Place(str(job.run_folder)), kind=Phrase(f"run-unmade.{identity.kind}"))
    return out
