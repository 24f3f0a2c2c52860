"""The train stage: from rows and a base to a tuned model, resumable at any moment."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from transformers import PreTrainedModel

from tunesmith.artifacts import Identity, Run, TunedModel, publish, read_metrics
from tunesmith.artifacts.tuned_model import ADAPTER, KIND, METRICS, TRAINING, WEIGHTS, write_metrics
from tunesmith.chat.cache import rendered_rows
from tunesmith.errors import Interrupted, RunFailed
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import compute_dtype, load_model
from tunesmith.model.lora import attach_lora, save_adapter
from tunesmith.recipe import Lora
from tunesmith.runtime import Progress, Runtime
from tunesmith.train.checkpoint import Progressed, load_best, newest_checkpoint, save_best, save_checkpoint
from tunesmith.train.interrupt import StopRequest, deferred_signals
from tunesmith.train.objectives import sft
from tunesmith.train.optimizer import AdamWSettings, FlatAdamW
from tunesmith.train.sampler import RowSampler
from tunesmith.train.schedule import Schedule, make_schedule
from tunesmith.train.source import LayoutSettings, RowSource, TokenDropout, micro_batches, visits_of
from tunesmith.train.step import Source, StepReport, train_steps
from tunesmith.train.training import Training

TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json")


@dataclass
class _Loop:
    """The parts of a training that the driver moves."""

    model: PreTrainedModel
    optimizer: FlatAdamW
    source: Source
    schedule: Schedule
    validation: list[MicroBatch]
    checkpoints: Path
    identity: Identity
    progressed: Progressed


def train(training: Training, *, runtime: Runtime, progress: Progress, run: Run, out: Path) -> TunedModel:
    """Train, from the newest checkpoint where one exists, and publish the best weights at `out`.

    Raises TunesmithError `resume-changed`; RunFailed `loss-not-finite` naming step and rows; Interrupted
    `interrupted` after a signal, with a checkpoint saved.
    """
    loop = _build(training, runtime, progress, run)
    with deferred_signals() as stop:
        _drive(training, loop, stop, progress, run)
    if loop.progressed.best_step is not None:
        loop.optimizer.load_master(load_best(loop.checkpoints))
    with publish(out, loop.identity) as staging:
        _save_model(training, loop.model, staging)
        (staging / TRAINING).write_text(json.dumps(_summary(training, loop), indent=1), encoding="utf-8")
        write_metrics(staging / METRICS, [e for e in read_metrics(run.folder) if e.data["model"] == training.name])
    shutil.rmtree(loop.checkpoints)
    run.record("artifact", kind=KIND, key=loop.identity.key(), name=training.name)
    return TunedModel.open(out)


def _build(training: Training, runtime: Runtime, progress: Progress, run: Run) -> _Loop:
    section, plan = training.section, training.plan.body
    rows, validation_rows = (
        rendered_rows(training.dataset, split, training.chat, section.prompt_weight, runtime.cache)
        for split in ("train", "validation")
    )
    model = load_model(training.base.folder, dtype=compute_dtype(plan.precision), device=runtime.device)
    if isinstance(section.method, Lora):
        attach_lora(model, section.method, training.seed)
    optimizer = FlatAdamW(
        model.parameters(),
        AdamWSettings(beta2=section.beta2, weight_decay=section.weight_decay, max_grad_norm=section.max_grad_norm),
    )
    layout = LayoutSettings(section.micro_batch_tokens, section.share_prefixes, runtime.device)
    visits = visits_of(rows)
    sampler = RowSampler(len(visits), section.batch_rows, training.seed)
    source = RowSource(visits, sampler, layout, _token_dropout(training))
    # an answer to unlearn supervises nothing, and its loss is no mean over anything
    teaching = [row for row in validation_rows if row.num_supervised]
    checkpoints = run.folder / "checkpoints" / training.name
    loop = _Loop(
        model=model,
        optimizer=optimizer,
        source=source,
        schedule=make_schedule(section.schedule, plan.learning_rate, plan.num_steps, section.warmup_share),
        validation=micro_batches(teaching, layout) if teaching else [],
        checkpoints=checkpoints,
        identity=training.identity(),
        progressed=Progressed(step=0, source=source.state(), rows_hash="", num_threads=runtime.num_threads),
    )
    _resume(loop, progress)
    torch.set_num_threads(loop.progressed.num_threads)
    return loop


def _token_dropout(training: Training) -> TokenDropout | None:
    if not training.section.token_dropout:
        return None
    chat = training.chat
    return TokenDropout(training.section.token_dropout, chat.filler_id, chat.control_ids, training.seed)


def _resume(loop: _Loop, progress: Progress) -> None:
    found, damaged = newest_checkpoint(loop.checkpoints, loop.identity)
    for path in damaged:
        progress.say("say.checkpoint-damaged", "warning", path=path)
    if found is None:
        if damaged:
            progress.say("say.started-over", "warning")
        return
    asked = loop.progressed.num_threads
    loop.progressed, tensors = found
    loop.optimizer.restore(tensors)
    loop.source.restore(dict(loop.progressed.source))
    progress.say("say.resumed", step=loop.progressed.step)
    if loop.progressed.num_threads != asked:
        progress.say("say.resumed-threads", "warning", threads=loop.progressed.num_threads, asked=asked)


def _drive(training: Training, loop: _Loop, stop: StopRequest, progress: Progress, run: Run) -> None:
    """Walk the steps: measure, validate, keep the best, save, until done, stopped or out of patience."""
    plan = training.plan.body
    trackers = _trackers(training, run)
    progress.begin("task.train", plan.num_steps)
    progress.advance(loop.progressed.step)
    started = time.perf_counter()
    steps = range(loop.progressed.step, 0 if _exhausted(training, loop) else plan.num_steps)
    objective = partial(sft.loss, label_smoothing=training.section.label_smoothing)
    for report in train_steps(loop.model, loop.source, objective, loop.optimizer, loop.schedule, steps):
        seconds = time.perf_counter() - started
        started = time.perf_counter()
        figures = _figures(report, seconds)
        loop.progressed = _advance(loop, report, seconds)
        due = report.step % plan.evaluate_every == 0 or report.step == plan.num_steps
        if due and loop.validation:
            figures |= _validate(training, loop)
        run.record("metric", step=report.step, model=training.name, **figures)
        for tracker in trackers:
            tracker.log(report.step, figures)
        progress.advance(1, **{"loss": figures["train/loss"], "tokens_per_second": figures["train/tokens_per_second"]})
        if due or stop.received or report.step % plan.checkpoint_every == 0:
            path = save_checkpoint(loop.checkpoints, loop.identity, loop.progressed, loop.optimizer.state())
            run.record("checkpoint", step=report.step, path=str(path.relative_to(run.folder)))
        if stop.received and report.step < plan.num_steps:
            raise Interrupted("interrupted", step=report.step)
        if _exhausted(training, loop):
            progress.say("say.early-stop", step=report.step, best=loop.progressed.best_step)
            break
        started = time.perf_counter()
    progress.end()
    for tracker in trackers:
        tracker.close()


def _exhausted(training: Training, loop: _Loop) -> bool:
    """Whether validation has not improved for as long as the recipe waits."""
    patience = training.section.patience
    return patience is not None and loop.progressed.num_without_gain >= patience


def _figures(report: StepReport, seconds: float) -> dict[str, float]:
    """The step's figures by the field's names; refuses to go on when they are not finite."""
    loss = report.loss_sum.item() / report.weight
    grad_norm = report.grad_norm.item()
    if not (abs(loss) < float("inf") and grad_norm < float("inf")):
        raise RunFailed("loss-not-finite", step=report.step, rows=", ".join(report.row_ids[:5]))
    return {
        "train/loss": loss,
        "train/learning_rate": report.learning_rate,
        "train/grad_norm": grad_norm,
        "train/mean_token_accuracy": report.metrics["correct"].item() / report.weight,
        "train/tokens_per_second": report.num_tokens / seconds,
        "train/computed_share": report.num_computed_tokens / report.num_tokens,
    }


def _advance(loop: _Loop, report: StepReport, seconds: float) -> Progressed:
    rows = hashlib.sha256((loop.progressed.rows_hash + "".join(sorted(report.row_ids))).encode()).hexdigest()
    return replace(
        loop.progressed,
        step=report.step,
        source=loop.source.state(),
        rows_hash=rows,
        num_tokens=loop.progressed.num_tokens + report.num_tokens,
        seconds=loop.progressed.seconds + seconds,
    )


def _validate(training: Training, loop: _Loop) -> dict[str, float]:
    """Mean loss over the validation rows; a new best is kept on disk."""
    loss, accuracy = validation_loss(loop.model, loop.validation)
    best = loop.progressed.best_loss
    if best is None or loss < best:
        save_best(loop.checkpoints, loop.identity, loop.progressed.step, loop.optimizer.master_N)
        loop.progressed = replace(loop.progressed, best_step=loop.progressed.step, best_loss=loss, num_without_gain=0)
    else:
        loop.progressed = replace(loop.progressed, num_without_gain=loop.progressed.num_without_gain + 1)
    return {"eval/loss": loss, "eval/mean_token_accuracy": accuracy}


@torch.no_grad()
def validation_loss(model: PreTrainedModel, batches: Sequence[MicroBatch]) -> tuple[float, float]:
    """Loss in nats per supervised token and share of tokens that were the argmax, over all rows."""
    model.eval()
    losses = [sft.loss(model, batch) for batch in batches]
    weight = sum(loss.weight for loss in losses)
    return (
        sum(loss.sum.item() for loss in losses) / weight,
        sum(loss.metrics["correct"].item() for loss in losses) / weight,
    )


def _trackers(training: Training, run: Run) -> list[Any]:
    if "tensorboard" not in training.section.trackers:
        return []
    from tunesmith.train.trackers import TensorBoard  # costs seconds to import

    return [TensorBoard(run.folder / "tensorboard" / training.name)]


def _save_model(training: Training, model: PreTrainedModel, staging: Path) -> None:
    method = training.section.method
    if isinstance(method, Lora):
        save_adapter(model, method, training.base.reference, staging / ADAPTER)
        return
    model.save_pretrained(staging / WEIGHTS)
    for name in TOKENIZER_FILES:
        source = training.base.folder / name
        if source.is_file():
            shutil.copy(source, staging / WEIGHTS / name)


def _summary(training: Training, loop: _Loop) -> Mapping[str, Any]:
    progressed = asdict(loop.progressed)
    del progressed["source"]
    return {
        **progressed,
        "name": training.name,
        "method": training.section.method.name,
        "tokens_per_second": loop.progressed.num_tokens / max(loop.progressed.seconds, 1e-9),
        "environment": {"python": platform.python_version(), "machine": platform.machine(), "torch": torch.__version__},
    }
