"""The lifecycle: the stages called in order. Read this page first.

Each function takes a recipe and gives the artifact of its stage, made now or found whole from an earlier time: an
artifact's key is made of everything that decides its content, so that equal work is never done twice.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tunesmith.artifacts import (
    Dataset,
    Identity,
    Plan,
    Run,
    Scorecard,
    TunedModel,
    followed_run,
    is_whole,
    note_artifact,
    open_run,
    write_whole,
)
from tunesmith.artifacts.dataset import SplitProof
from tunesmith.artifacts.history import Taken, TimeEstimate, append_taken, read_history
from tunesmith.artifacts.prediction import Prediction, PredictionBody
from tunesmith.artifacts.scorecard import KIND as SCORECARD
from tunesmith.artifacts.tuned_model import KIND as MODEL
from tunesmith.chat import Chat
from tunesmith.chat.cache import rendered_rows
from tunesmith.chat.subset import nested_rows
from tunesmith.chat.taught import classes_of
from tunesmith.errors import ExitCode, TunesmithError
from tunesmith.evaluate.evaluation import Evaluation, check_metrics, task_of
from tunesmith.lifecycle.arms import check_arms, check_judge, other_models
from tunesmith.lifecycle.base_checks import check_base, check_device, teacher_of
from tunesmith.lifecycle.changed import changed_base
from tunesmith.lifecycle.measure import Measured, measured
from tunesmith.lifecycle.ratings import rated_of
from tunesmith.lifecycle.row_fits import chat_of, row_fits
from tunesmith.lifecycle.watch import refuse_unwatchable, tell_health
from tunesmith.model.base import Base, find_base
from tunesmith.model.fits import refuse_unfit
from tunesmith.model.start import refuse_other_classes, start_of
from tunesmith.plan.run import Planning, require_room, resolved
from tunesmith.plan.run import plan as plan_stage
from tunesmith.plan.run import predict as predict_stage
from tunesmith.prepare import Fits, key_of_secret
from tunesmith.prepare import changed_rows as changed_rows_stage
from tunesmith.prepare import identity as dataset_identity
from tunesmith.prepare import prepare as prepare_stage
from tunesmith.prepare import recheck as recheck_stage
from tunesmith.prepare.changes import Change
from tunesmith.recipe import (
    Auto,
    Classification,
    Method,
    Prefix,
    Prompt,
    Recipe,
    Regression,
    Train,
    dump_recipe,
)
from tunesmith.records import SPLITS
from tunesmith.report.data_card import CardFiles
from tunesmith.report.data_card import data_card as data_card_stage
from tunesmith.report.data_rows import Reader
from tunesmith.report.data_view import Card
from tunesmith.report.run import ReportFiles
from tunesmith.report.run import report as report_stage
from tunesmith.report.view import Products
from tunesmith.runtime import Progress, Runtime, Silent
from tunesmith.train.group import joined
from tunesmith.train.sampler import RowSampler
from tunesmith.train.training import Training

if TYPE_CHECKING:
    from tunesmith.evaluate.recheck import Recheck

TOLD_BY_THE_FIRST: Final = frozenset({"interrupted", "out-of-memory", "process-lost"})
"""Ends of a training that all of its processes come to; one that left with a failure could end the first too soon."""


@dataclass(frozen=True)
class Job:
    """A recipe on a machine: what every stage of one run is handed."""

    recipe: Recipe
    runtime: Runtime
    progress: Progress

    @cached_property
    def base(self) -> Base:
        return find_base(self.recipe.model.base, self.recipe.model.revision)

    @cached_property
    def trained_base(self) -> Base:
        """What training starts from: the base, or what the recipe changes of it, made once.

        Raises what `changed_base` raises.
        """
        return changed_base(self)

    @cached_property
    def chat(self) -> Chat:
        return chat_of(self.base, self.recipe.model.prompt_style)

    @cached_property
    def fits(self) -> Fits:
        return row_fits(self.chat, self.base, self.recipe.model.prompt_style)

    @property
    def language(self) -> Literal["en", "zh"]:
        """Of the pages: the recipe's word goes before the reader's own."""
        return self.recipe.report.language or self.runtime.language

    @property
    def run_folder(self) -> Path:
        """The same recipe gives the same folder: the same command continues what it began."""
        return self.runtime.workspace / "runs" / f"{self.recipe.name}-{self.recipe.fingerprint()[:8]}"

    def trainings(self) -> Mapping[str, Train]:
        """The ways to train, by the name of the arm that each becomes."""
        return {"tuned": self.recipe.train, **self.recipe.variants}

    def artifact(self, identity: Identity) -> Path:
        return self.runtime.workspace / "artifacts" / identity.kind / identity.key()


@dataclass(frozen=True)
class Outcome:
    """Everything a run made."""

    run_folder: Path
    dataset: Dataset
    plans: Mapping[str, Plan]
    models: Mapping[str, TunedModel]
    scorecard: Scorecard
    report: ReportFiles
    data_card: CardFiles


def run(job: Job) -> Outcome:
    """prepare, plan, train, evaluate, report."""
    with running(job) as record:
        dataset = prepare(job)
        card = data_card(job, dataset)
        plans = plan(job, dataset)
        models = train(job, dataset, plans, record)
        scorecard = evaluate(job, dataset, plans, models, record)
        files = report(job, dataset, plans, models, scorecard)
        return Outcome(record.folder, dataset, plans, models, scorecard, files, card)


def models_of(job: Job) -> dict[str, TunedModel]:
    """prepare, plan, train."""
    with running(job) as record:
        dataset = prepare(job)
        return train(job, dataset, plan(job, dataset), record)


def scorecard_of(job: Job, model: TunedModel | None = None) -> Scorecard:
    """prepare, plan, train, evaluate. A `model` that was made elsewhere is judged in place of those of the recipe."""
    with running(job) as record:
        dataset = prepare(job)
        plans = plan(job, dataset)
        models = train(job, dataset, plans, record) if model is None else {"tuned": model}
        return evaluate(job, dataset, plans, models, record)


def prepare(job: Job) -> Dataset:
    """Rows and their frozen split, each row checked against what the base can read."""
    section, seed = job.recipe.prepare, job.recipe.seed
    out = job.artifact(dataset_identity(section, seed, job.fits, key_of_secret(section, job.runtime)))
    if is_whole(out):
        return Dataset.open(out)
    return prepare_stage(section, seed=seed, runtime=job.runtime, progress=job.progress, out=out, fits=job.fits)


def data_card(job: Job, dataset: Dataset) -> CardFiles:
    """The page and the card of the data, in the run's folder."""
    reader = Reader(job.recipe.model.base, job.chat, job.base.max_tokens)
    card = Card(dataset, job.recipe.name, reader)
    return data_card_stage(card, language=job.language, out=job.run_folder)


def data_card_of(folder: Path, runtime: Runtime) -> CardFiles:
    """The page and the card of a dataset alone, without the model that it was prepared for."""
    dataset = Dataset.open(folder)
    name = f"dataset-{dataset.key[:8]}"
    out = runtime.workspace / "reports" / name
    return data_card_stage(Card(dataset, name, None), language=runtime.language, out=out)


def recheck(job: Job) -> SplitProof:
    """The proof of the split, made anew from the rows of a dataset that `prepare` made earlier."""
    section = job.recipe.prepare
    made = dataset_identity(section, job.recipe.seed, job.fits, key_of_secret(section, job.runtime))
    return recheck_stage(job.artifact(made), runtime=job.runtime)


def changed_rows(job: Job, dataset: Dataset, num_rows: int) -> dict[str, list[Change]]:
    """What each rule of `prepare` did to the first rows that it changed."""
    counts = dataset.report().changes
    return changed_rows_stage(job.recipe.prepare, counts, num_rows, runtime=job.runtime, fits=job.fits)


def plan(job: Job, dataset: Dataset) -> dict[str, Plan]:
    """What each training will do. Raises TunesmithError `too-little-memory` where one cannot fit."""
    check(job, dataset)
    plannings = plannings_of(job, dataset)
    plans = {}
    for name, planning in plannings.items():
        out = job.artifact(planning.identity())
        plans[name] = Plan.open(out) if is_whole(out) else _plan(job, planning, out)
        if not plans[name].body.num_supervised_tokens:
            raise TunesmithError("nothing-supervised")
        _refuse_no_room(job.base, resolved(planning.section, plans[name]).method, plans[name].body.longest_row_tokens)
    _predict(job, plannings, plans)
    return plans


def _plan(job: Job, planning: Planning, out: Path) -> Plan:
    if isinstance(planning.section.method, Auto):
        from tunesmith.lifecycle.trials import try_methods

        planning = replace(planning, trials=try_methods(planning, job.progress, job.artifact))
    return plan_stage(planning, progress=job.progress, out=out)


def _refuse_no_room(base: Base, method: Method, longest_row_tokens: int) -> None:
    virtual = method.virtual_tokens if isinstance(method, Prompt | Prefix) else 0
    room = base.max_tokens - virtual
    if longest_row_tokens > room:
        raise TunesmithError(
            "virtual-no-room", longest=longest_row_tokens, virtual=virtual, limit=base.max_tokens, room=room
        )


def predict(job: Job, dataset: Dataset, plans: Mapping[str, Plan]) -> dict[str, PredictionBody]:
    """What each training will need. Raises TunesmithError `too-little-memory` where one cannot fit."""
    return _predict(job, plannings_of(job, dataset), plans)


def _predict(job: Job, plannings: Mapping[str, Planning], plans: Mapping[str, Plan]) -> dict[str, PredictionBody]:
    predictions = {}
    for name, planning in plannings.items():
        out = job.artifact(planning.prediction_identity(plans[name]))
        found = Prediction.open(out) if is_whole(out) else predict_stage(planning, plans[name], out=out)
        predictions[name] = found.body
        if job.runtime.rank == 0:  # the others would see memory that is taken already
            require_room(planning, plans[name], predictions[name])
    return predictions


def plannings_of(job: Job, dataset: Dataset) -> dict[str, Planning]:
    """What is planned, by arm."""
    is_judged = not (job.recipe.model.changes.is_none or job.base.is_encoder)
    return {
        name: Planning(
            name=name,
            dataset=dataset,
            base=job.trained_base,
            chat=job.chat,
            section=section,
            evaluate=job.recipe.evaluate,
            make_sampler=RowSampler,
            seed=job.recipe.seed,
            runtime=job.runtime,
            teacher=teacher_of(job, section),
            untuned=job.base if is_judged else None,
        )
        for name, section in job.trainings().items()
    }


def train(job: Job, dataset: Dataset, plans: Mapping[str, Plan], record: Run) -> dict[str, TunedModel]:
    """The tuned model and its variants; where there are several processes, once all are here.

    What each took is put beside what was predicted, and kept.
    """
    with joined(job.runtime):
        return _train(job, dataset, plans, record)


def follow(runtime: Runtime, recipe: Callable[[], Recipe]) -> None:
    """The part of all processes but the first in a run: they wait for rows and plans, and take part in each training.

    The recipe is loaded once the first has found it sound. What the first tells is not raised here again.
    """
    try:
        with joined(runtime):
            job = Job(recipe(), runtime, Silent())
            dataset = prepare(job)
            plans = plan(job, dataset)
            with followed_run(job.run_folder, runtime.clock) as record:
                _train(job, dataset, plans, record)
    except TunesmithError as failure:
        if failure.code not in TOLD_BY_THE_FIRST:
            raise


def _train(job: Job, dataset: Dataset, plans: Mapping[str, Plan], record: Run) -> dict[str, TunedModel]:
    models = {}
    for name, training in trainings_of(job, dataset, plans).items():
        out = job.artifact(training.identity())
        if is_whole(out):
            shutil.rmtree(training.checkpoints(record.folder), ignore_errors=True)  # left if it was killed at the end
            models[name] = TunedModel.open(out)
            note_artifact(record, MODEL, models[name].key, name=name)
            continue
        from tunesmith.train.run import train as train_stage  # brings torch, which finding a model does without

        with measured(job.runtime.device) as taken:
            models[name] = train_stage(training, runtime=job.runtime, progress=job.progress, run=record, out=out)
        if job.runtime.rank == 0:
            _keep(job, training, models[name], predict(job, dataset, plans)[name], taken)
            tell_health(models[name], name, job.progress)
    return models


def trainings_of(job: Job, dataset: Dataset, plans: Mapping[str, Plan]) -> dict[str, Training]:
    """What is trained on what, by arm, with the methods that the plans chose."""
    found = {}
    for name, section in job.trainings().items():
        chosen, teacher = resolved(section, plans[name]), teacher_of(job, section)
        more = (plans[name], chosen, job.recipe.seed, teacher, start_of(chosen, job.trained_base))
        found[name] = Training(name, dataset, job.trained_base, job.chat, *more)
    return found


def _keep(job: Job, training: Training, model: TunedModel, prediction: PredictionBody, taken: Measured) -> None:
    """Tell and write down what a training took against what was predicted."""
    body, told = training.plan.body, model.training()
    found = probe_file(job, training)
    entry = Taken(
        time=job.runtime.clock().isoformat(),
        run=job.run_folder.name,
        name=training.name,
        base=job.recipe.model.base,
        method=body.method,
        precision=body.precision,
        device=job.runtime.device,
        num_steps=told["step"],
        num_tokens=told["num_tokens"],
        predicted_bytes=prediction.train_bytes,
        measured_bytes=taken.peak_bytes,
        predicted_seconds=TimeEstimate.read(found).total_seconds if found.is_file() else None,
        # a training that was resumed took part of its time in another process
        measured_seconds=taken.seconds if told["seconds"] <= taken.seconds else None,
    )
    append_taken(job.runtime.workspace, entry)
    if entry.measured_bytes is not None:
        job.progress.say(
            "say.predicted-memory",
            name=entry.name,
            predicted=f"{entry.predicted_bytes / 1e9:.2f}",
            measured=f"{entry.measured_bytes / 1e9:.2f}",
        )
    if entry.predicted_seconds is not None and entry.measured_seconds is not None:
        job.progress.say(
            "say.predicted-time",
            name=entry.name,
            predicted=f"{entry.predicted_seconds:.0f}",
            measured=f"{entry.measured_seconds:.0f}",
        )


def probe_file(job: Job, training: Training) -> Path:
    """Where the probe of a planned training on this machine is kept."""
    threads = f"{job.runtime.device}-{job.runtime.num_threads}"
    return job.runtime.workspace / "probes" / f"{training.plan.key}-{threads}.json"


def probe(job: Job, dataset: Dataset, plans: Mapping[str, Plan]) -> dict[str, TimeEstimate]:
    """How long each training will take, from at most three of its steps on a copy of the model; kept for later."""
    estimates, plannings = {}, plannings_of(job, dataset)
    for name, training in trainings_of(job, dataset, plans).items():
        file = probe_file(job, training)
        if not file.is_file():
            from tunesmith.lifecycle.probe import probe as take

            estimate = take(training, plannings[name].work, job.runtime)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, estimate.model_dump_json().encode())
        estimates[name] = TimeEstimate.read(file)
    return estimates


def evaluate(
    job: Job, dataset: Dataset, plans: Mapping[str, Plan], models: Mapping[str, TunedModel], record: Run
) -> Scorecard:
    """All arms in one table, and the verdict. Raises TunesmithError `arm-model` for a model of another base."""
    evaluation = evaluation_of(job, dataset, plans, models)
    out = job.artifact(evaluation.identity())
    if is_whole(out):
        found = Scorecard.open(out)
        note_artifact(record, SCORECARD, found.key)
        return found
    from tunesmith.evaluate.run import evaluate as evaluate_stage  # brings torch

    return evaluate_stage(evaluation, runtime=job.runtime, progress=job.progress, run=record, out=out)


def evaluation_of(
    job: Job, dataset: Dataset, plans: Mapping[str, Plan], models: Mapping[str, TunedModel]
) -> Evaluation:
    """What `evaluate` judges on what. Raises TunesmithError `arm-model`."""
    judged = {**models, **other_models(job)}
    precision = plans["tuned"].body.precision
    return Evaluation(
        dataset, job.base, job.chat, judged, job.recipe.evaluate, precision, job.recipe.seed, job.trained_base
    )


def recheck_scorecard(folder: Path) -> Recheck:
    """Every figure of a scorecard, computed once more from its samples by other means."""
    from tunesmith.evaluate.recheck import recheck as recheck_stage  # brings scipy and scikit-learn

    return recheck_stage(folder)


def report(
    job: Job, dataset: Dataset, plans: Mapping[str, Plan], models: Mapping[str, TunedModel], scorecard: Scorecard
) -> ReportFiles:
    """The page and the card, in the run's folder."""
    history = read_history(job.runtime.workspace)
    rated = rated_of(scorecard, job.runtime.workspace)
    products = Products(job.run_folder, job.recipe, dataset, plans["tuned"], models, scorecard, history, rated)
    return report_stage(products, language=job.language, out=job.run_folder)


def check(job: Job, dataset: Dataset) -> None:
    """Refuse before any weight is loaded what cannot be trained: a method that does not fit the base or leaves no room
    for the rows, rows or a teacher that do not fit an objective; and an arm of the comparison that is not to be had, or
    a metric that does not fit the rows.

    Raises TunesmithError `virtual-no-room`, `objective-rows`, `one-class`, and what `refuse_unfit`,
    `refuse_unwatchable`, `refuse_other_classes`, `teacher_of`, `check_base`, `check_device`, `check_arms`,
    `check_judge` and `check_metrics` raise.
    """
    check_base(job)
    check_device(job)
    check_arms(job, dataset)
    for section in job.trainings().values():
        refuse_unfit(job.trained_base, section.method)
        refuse_unwatchable(section, dataset, job.chat)
        teacher_of(job, section)
        if isinstance(section.objective, Classification):
            refuse_other_classes(start_of(section, job.trained_base), classes_of(dataset))
        rows, validation, test = (
            rendered_rows(dataset, split, job.chat, section.objective, job.runtime.cache) for split in SPLITS
        )
        used = [*nested_rows(rows, section.max_rows, job.recipe.seed), *validation, *test]
        _refuse_no_room(job.base, section.method, max((len(row.ids_T) for row in used), default=0))
    report = dataset.report()
    predicts_numbers = any(isinstance(section.objective, Regression) for section in job.trainings().values())
    task = task_of(report, predicts_numbers=predicts_numbers)
    check_judge(job, task)
    check_metrics(job.recipe.evaluate, task, report)


@contextmanager
def running(job: Job) -> Iterator[Run]:
    """The run's folder, locked, its state kept: failed when a stage fails, paused when a signal stops it."""
    with open_run(job.run_folder, dump_recipe(job.recipe), job.runtime.clock) as record:
        record.set_state("running")
        try:
            yield record
        except TunesmithError as failure:
            record.set_state("paused" if failure.exit_code is ExitCode.INTERRUPTED else "failed")
            record.record("message", level="error", code=failure.code, text=str(failure))
            raise
        except (KeyboardInterrupt, GeneratorExit):  # the latter: who walked the steps walked no further
            record.set_state("paused")
            raise
        except Exception as failure:
            record.set_state("failed")
            record.record("message", level="error", code="internal", text=f"{type(failure).__name__}: {failure}")
            raise
        record.set_state("succeeded")
