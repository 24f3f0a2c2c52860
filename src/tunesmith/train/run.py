"""The train stage: from rows and a base to a tuned model, resumable at any moment."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from transformers import PreTrainedModel

from tunesmith.artifacts import Event, Run, TunedModel, publish, read_metrics, read_samples
from tunesmith.artifacts.head import Head, read_head, write_head
from tunesmith.artifacts.pruned import has_held_zeros
from tunesmith.artifacts.tuned_model import ADAPTER, KIND, METRICS, SAMPLES, TRAINING, WEIGHTS, write_events
from tunesmith.chat.cache import rendered_rows
from tunesmith.chat.subset import nested_rows
from tunesmith.chat.taught import classes_of
from tunesmith.model.compile import compile_layers
from tunesmith.model.dropout import attach_dropout, set_attention_dropout
from tunesmith.model.kernels import describe_kernels
from tunesmith.model.load import compute_dtype, load_model
from tunesmith.model.method import AdapterMethod, begin_method, go_on_from, save_method
from tunesmith.model.score import begin_score, load_with_head
from tunesmith.model.virtual import virtual_ids
from tunesmith.recipe import Classification, Distill, DistillText, Freeze, Full, Text, is_four_bit
from tunesmith.records import Rendered, Split
from tunesmith.runtime import Progress, Runtime
from tunesmith.train.checkpoint import Progressed, load_best, newest_checkpoint, settings_of
from tunesmith.train.drive import Driver, Loop
from tunesmith.train.group import Group
from tunesmith.train.interrupt import deferred_signals
from tunesmith.train.objectives.chosen import Losses, head_of, losses
from tunesmith.train.optimizer import FlatOptimizer, Penalties
from tunesmith.train.random_state import seed_process
from tunesmith.train.sampler import RowSampler
from tunesmith.train.samples import questions_of
from tunesmith.train.schedule import make_schedule
from tunesmith.train.source import LayoutSettings, RowSource, TokenDropout, visits_of
from tunesmith.train.step import StepReport
from tunesmith.train.teacher_text import rows_of_teacher
from tunesmith.train.trackers import TRACKERS, Feed, Tracked
from tunesmith.train.training import Training

TEMPLATE: Final = "chat_template.jinja"
TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer_config.json", TEMPLATE, "generation_config.json")


def train(training: Training, *, runtime: Runtime, progress: Progress, run: Run, out: Path) -> TunedModel:
    """Train, from the newest checkpoint where one exists, and publish the best weights at `out`.

    Raises TunesmithError `resume-changed`; RunFailed `loss-not-finite` naming step and rows, `out-of-memory`,
    `checkpoint-damaged`; Interrupted `interrupted` after a signal, with a checkpoint saved.
    """
    return finish(training, build(training, runtime, progress, run), progress, run, out)


def finish(training: Training, loop: Loop, progress: Progress, run: Run, out: Path) -> TunedModel:
    """Take the steps that are left and publish the best weights at `out`. Raises what `train` does."""
    for _ in steps_left(training, loop, progress, run, out):
        pass
    return TunedModel.open(out)


def steps_left(training: Training, loop: Loop, progress: Progress, run: Run, out: Path) -> Iterator[StepReport]:
    """The steps of `finish`, each with its report once it is taken; after the last one, the model is published.

    Closed before that, it saves, and the same training goes on from there.
    """
    feeds = _feeds(training, loop, progress, run)
    try:
        with deferred_signals() as stop:
            yield from Driver(training, loop, stop, progress, run, feeds).reports()
    finally:
        for feed in feeds:
            feed.close()
    if loop.source.group.is_first:
        _publish(training, loop, run, out)
    loop.source.group.wait()


def _publish(training: Training, loop: Loop, run: Run, out: Path) -> None:
    if loop.progressed.best_step is not None:
        loop.optimizer.load_master(load_best(loop.checkpoints))
    with publish(out, loop.identity) as staging:
        events = [
            event
            for event in (*read_metrics(run.folder, "experts"), *read_samples(run.folder))
            if event.data["model"] == training.name and event.attempt >= loop.progressed.first_attempt
        ]
        write_model(training, loop, events, staging)
    shutil.rmtree(loop.checkpoints)
    run.record("artifact", kind=KIND, key=loop.identity.key(), name=training.name)


def write_model(training: Training, loop: Loop, events: Sequence[Event], staging: Path) -> None:
    """What a tuned model's folder holds: the weights as they are now, how they came to be, figures and answers."""
    _save_model(training, loop, staging)
    (staging / TRAINING).write_text(json.dumps(_summary(training, loop), indent=1), encoding="utf-8")
    for file, kinds in ((METRICS, ("metric", "experts")), (SAMPLES, ("sample",))):
        write_events(staging / file, [event for event in events if event.type in kinds])


def build(training: Training, runtime: Runtime, progress: Progress, run: Run) -> Loop:
    """Model, optimiser, rows and schedule, in the state of the newest checkpoint. Raises `resume-changed`."""
    loop = assemble(training, runtime, progress, run.folder)
    loop.progressed = replace(loop.progressed, first_attempt=run.attempt)
    group = loop.source.group
    seed_process(training.seed, group.rank)
    with group.first_goes_first():  # it sets damaged checkpoints aside
        resume(loop, loop.checkpoints, progress)
    if torch.get_num_threads() != loop.progressed.num_threads:  # in a forked process torch may fail to set them
        torch.set_num_threads(loop.progressed.num_threads)
    return loop


def assemble(training: Training, runtime: Runtime, progress: Progress, run: Path) -> Loop:
    """Model, optimiser, rows and schedule before the first step; `run` is the folder that checkpoints will lie in."""
    material = material_of(training, runtime, progress)
    objective = losses(training.section, material.head, _teacher(training, runtime))
    return loop_of(training, material, _model(training, material.head, runtime), objective, run)


@dataclass(frozen=True, slots=True)
class Material:
    """What a training learns from and is measured by, without any weights."""

    rows: Sequence[Rendered]
    validation_rows: Sequence[Rendered]
    head: Head | None
    runtime: Runtime
    kernels: str


def material_of(training: Training, runtime: Runtime, progress: Progress) -> Material:
    """Rows as tokens, rendered now or found."""
    section = training.section
    with Group(runtime.rank, runtime.world_size).first_goes_first():  # the others find rows and kernels made
        rows, validation_rows = _rows(training, runtime, progress)
        kernels = describe_kernels(runtime.device)
    rows = nested_rows(rows, section.max_rows, training.seed)
    classes = classes_of(training.dataset) if isinstance(section.objective, Classification) else ()
    # an answer to unlearn supervises nothing, and its loss is no mean over anything
    teaching = [row for row in validation_rows if row.num_supervised]
    began = None if training.start is None else read_head(training.start.folder)
    return Material(rows, teaching, head_of(section, rows, classes, began), runtime, kernels)


def loop_of(training: Training, material: Material, model: PreTrainedModel, objective: Losses, run: Path) -> Loop:
    """A training before its first step, of a model whose trained parameters want a gradient."""
    section, plan, runtime = training.section, training.plan.body, material.runtime
    group = Group(runtime.rank, runtime.world_size)
    optimizer = _optimizer(training, model)
    layout = LayoutSettings(
        plan.micro_batch_tokens,
        section.shares_prefixes,
        runtime.device,
        virtual_ids(model),
        is_causal=not training.base.is_encoder,
    )
    visits = visits_of(material.rows)
    sampler = RowSampler(len(visits), section.batch_rows, training.seed)
    source = RowSource(visits, sampler, layout, _token_dropout(training), group)
    return Loop(
        model=model,
        optimizer=optimizer,
        source=source,
        objective=objective.train,
        measure=objective.validate,
        schedule=make_schedule(
            section.schedule, plan.learning_rate, plan.num_steps, section.warmup, sampler.steps_per_epoch
        ),
        validation_rows=material.validation_rows,
        checkpoints=training.checkpoints(run),
        identity=training.identity(),
        progressed=Progressed(
            step=0,
            source=source.state(),
            rows_hash="",
            num_threads=runtime.num_threads,
            kernels=material.kernels,
        ),
        head=material.head,
        num_validation_bytes=_num_text_bytes(training),
        questions=questions_of(training) if group.is_first else (),
    )


def _rows(training: Training, runtime: Runtime, progress: Progress) -> tuple[list[Rendered], list[Rendered]]:
    """Of training and of validation; no teacher answers for the latter, against which all trainings are measured."""
    objective, teacher = training.section.objective, training.teacher

    def of(split: Split) -> list[Rendered]:
        return rendered_rows(training.dataset, split, training.chat, objective, runtime.cache)

    if isinstance(objective, DistillText) and teacher is not None:
        return rows_of_teacher(training, objective, teacher, runtime, progress), of("validation")
    return of("train"), of("validation")


def _model(training: Training, head: Head | None, runtime: Runtime) -> PreTrainedModel:
    """The base, its trained parameters those of the method and of the head, as what is started from has them."""
    dtype, section, start = compute_dtype(training.plan.body.precision), training.section, training.start
    folder = training.base.folder if start is None or start.is_adapter else start.folder
    four_bit = is_four_bit(section.method)
    if head is None:
        model = load_model(folder, dtype=dtype, device=runtime.device, four_bit=four_bit)
    else:
        model = load_with_head(folder, head, dtype=dtype, device=runtime.device, four_bit=four_bit)
    begin_method(model, section.method, training.seed)
    if head is not None:
        begin_score(model, training.chat.pad_id, training.seed)
    if start is not None and start.is_adapter:
        go_on_from(model, section.method, start.folder)
    if section.attention_dropout:
        set_attention_dropout(model, section.attention_dropout)
    if section.dropout:
        attach_dropout(model, section.dropout)
    if section.compile:
        compile_layers(model)
    if section.dropout or section.attention_dropout:
        model.train()
    return model


def _optimizer(training: Training, model: PreTrainedModel) -> FlatOptimizer:
    """Raises TunesmithError `layer-rates-no-layers`, `muon-no-matrices`."""
    section = training.section
    holds_zeros = isinstance(section.method, Full | Freeze) and has_held_zeros(training.base.folder)
    penalties = Penalties(section.max_grad_norm, section.l1, section.layer_rate_decay, holds_zeros)
    return FlatOptimizer(model.named_parameters(), section.optimizer, penalties)


def _teacher(training: Training, runtime: Runtime) -> PreTrainedModel | None:
    """The teacher of probabilities, frozen."""
    if training.teacher is None or not isinstance(training.section.objective, Distill):
        return None
    dtype = compute_dtype(training.plan.body.precision)
    return load_model(training.teacher.folder, dtype=dtype, device=runtime.device).requires_grad_(False)


def _num_text_bytes(training: Training) -> int:
    if not isinstance(training.section.objective, Text):
        return 0
    rows = training.dataset.rows("validation")
    return sum(len(row.messages[0].content[row.text.num_context :].encode()) for row in rows if row.text is not None)


def _token_dropout(training: Training) -> TokenDropout | None:
    if not training.section.token_dropout:
        return None
    chat = training.chat
    return TokenDropout(training.section.token_dropout, chat.filler_id, chat.control_ids, training.seed)


def resume(loop: Loop, folder: Path, progress: Progress) -> None:
    """Put the loop where the newest whole checkpoint in `folder` has it, if there is one. Raises `resume-changed`."""
    found, damaged = newest_checkpoint(folder, loop.identity, loop.source.group)
    for path in damaged:
        progress.say("say.checkpoint-damaged", "warning", path=path)
    if found is None:
        if damaged:
            progress.say("say.started-over", "warning")
        return
    asked, kernels = loop.progressed.num_threads, loop.progressed.kernels
    loop.progressed, tensors = found
    loop.optimizer.restore(tensors)
    loop.source.restore(dict(loop.progressed.source))
    progress.say("say.resumed", step=loop.progressed.step)
    if loop.progressed.num_threads != asked:
        progress.say("say.resumed-threads", "warning", threads=loop.progressed.num_threads, asked=asked)
    if loop.progressed.kernels != kernels:
        progress.say("say.resumed-kernels", "warning", began=loop.progressed.kernels, now=kernels)


def _feeds(training: Training, loop: Loop, progress: Progress, run: Run) -> list[Feed]:
    """The trackers of the recipe, fed by the first process alone."""
    if not loop.source.group.is_first:
        return []
    tracked = Tracked(
        folder=run.folder,
        run=run.id,
        name=training.name,
        key=loop.identity.key(),
        settings=settings_of(loop.identity),
        step=loop.progressed.step,
    )

    def on_drop(tracker: str, problem: str) -> None:
        run.record("message", level="warning", code="tracker-dropped", tracker=tracker, text=problem)
        progress.say("say.tracker-dropped", "warning", tracker=tracker, problem=problem)

    return [Feed(name, partial(TRACKERS[name], tracked), on_drop) for name in training.section.trackers]


def _save_model(training: Training, loop: Loop, staging: Path) -> None:
    method = training.section.method
    folder = staging / (ADAPTER if isinstance(method, AdapterMethod) else WEIGHTS)
    if isinstance(method, AdapterMethod):
        save_method(loop.model, method, training.base.reference, folder)
    else:
        loop.model.save_pretrained(folder)
        for name in TOKENIZER_FILES:
            source = training.base.folder / name
            if source.is_file():
                shutil.copy(source, folder / name)
    if training.chat.is_styled:  # the base has no template to serve it with
        (folder / TEMPLATE).write_text(training.chat.source, encoding="utf-8")
    if loop.head is not None:
        write_head(folder, loop.head)


def _summary(training: Training, loop: Loop) -> Mapping[str, Any]:
    progressed = asdict(loop.progressed)
    source = progressed.pop("source")
    return {
        **progressed,
        "micro_batch_tokens": source["micro_batch_tokens"],
        "name": training.name,
        "metric": training.section.stop.metric,
        "method": training.section.method.name,
        "num_processes": loop.source.group.size,
        "tokens_per_second": loop.progressed.num_tokens / max(loop.progressed.seconds, 1e-9),
        "environment": {"python": platform.python_version(), "machine": platform.machine(), "torch": torch.__version__},
    }
