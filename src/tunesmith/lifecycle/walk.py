"""A training walked from Python: the recipe's own loop step by step, or a session for a loop of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tunesmith import lifecycle
from tunesmith.artifacts import is_whole
from tunesmith.lifecycle import Job
from tunesmith.train.training import Training

if TYPE_CHECKING:
    from tunesmith.train.session import Session
    from tunesmith.train.step import StepReport


def train_steps(job: Job) -> Iterator[StepReport]:
    """The steps that `train` has left to take for the arm `tuned`; after the last one its model is published.

    The run's folder is held until then. Closed before, the state is saved, and this or `train` goes on from there.
    Gives nothing where the model is there already.
    """
    with lifecycle.running(job) as record:
        training = _training(job)
        out = job.artifact(training.identity())
        if is_whole(out):
            return
        from tunesmith.train.run import build, steps_left  # brings torch, which finding a model does without

        loop = build(training, job.runtime, job.progress, record)
        yield from steps_left(training, loop, job.progress, record, out)


def open_training(job: Job) -> Session:
    """The training of the arm `tuned` before its first step, for a loop of one's own."""
    from tunesmith.train.session import open_session

    return open_session(_training(job), job.run_folder, job.runtime, job.progress)


def _training(job: Job) -> Training:
    dataset = lifecycle.prepare(job)
    return lifecycle.trainings_of(job, dataset, lifecycle.plan(job, dataset))["tuned"]
