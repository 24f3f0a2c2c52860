"""The driver: walks the steps of a training, measures, validates, saves, and stops where it should."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch
from transformers import PreTrainedModel

from tunesmith.artifacts import Identity, Run
from tunesmith.artifacts.head import Head
from tunesmith.errors import Interrupted, RunFailed
from tunesmith.metrics.expert_load import most_uneven
from tunesmith.metrics.likelihood import bits_per_byte
from tunesmith.model.experts import counted_experts
from tunesmith.model.layout import MicroBatch
from tunesmith.records import Rendered
from tunesmith.runtime import Progress
from tunesmith.train.checkpoint import Progressed, save_checkpoint
from tunesmith.train.group import Group
from tunesmith.train.interrupt import StopRequest
from tunesmith.train.loss_scale import LEAST
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.random_state import packed_random_state, random_state, restore_random_state
from tunesmith.train.samples import Question, answers
from tunesmith.train.schedule import Schedule
from tunesmith.train.source import RowSource, half_of_largest
from tunesmith.train.step import LossSum, Objective, StepOutOfMemory, StepReport, is_out_of_memory, train_steps
from tunesmith.train.stopping import Reason, after_step, after_validation, after_window, reason_to_stop
from tunesmith.train.trackers import Feed
from tunesmith.train.training import Training

MAX_UNREAD_STEPS: Final = 10
"""Reading a report waits for the device, so that several are read at once: a bad step is found so many steps later."""
MAX_UNREAD_SECONDS: Final = 1.0
MAX_NAMED_ROWS: Final = 20
"""A step's rows named on the terminal; `events.jsonl` has them all."""


@dataclass
class Loop:
    """The parts of a training that the driver moves."""

    model: PreTrainedModel
    optimizer: FlatOptimizer
    source: RowSource
    objective: Objective
    measure: Objective
    """The objective as the validation rows are judged by: without smoothing, so that runs can be compared."""
    schedule: Schedule
    validation_rows: Sequence[Rendered]
    checkpoints: Path
    identity: Identity
    progressed: Progressed
    head: Head | None = None
    """None where the model stays a language model."""
    num_validation_bytes: int = 0
    """UTF-8 bytes of the validation rows where they are plain texts."""
    questions: Sequence[Question] = ()
    """Asked at every validation, to be watched."""


@dataclass
class Driver:
    """One walk over the steps that are left, to the last one or until a rule of `train.stop` ends it.

    Every process of the source's group drives, and decides alike. What the others record and say goes nowhere.
    """

    training: Training
    loop: Loop
    stop: StopRequest
    progress: Progress
    run: Run
    feeds: Sequence[Feed]
    _unread: list[StepReport] = field(default_factory=list)
    _unread_since: float = 0.0
    _validation: list[MicroBatch] = field(default_factory=list)
    _expert_counts: dict[str, list[int]] = field(default_factory=dict)
    """Tokens of this process's validation rows that each routed expert got, by layer."""

    def drive(self) -> None:
        """Take the steps. Raises RunFailed `loss-not-finite`, `out-of-memory`; Interrupted `interrupted`, saved."""
        for _ in self.reports():
            pass

    def reports(self) -> Iterator[StepReport]:
        """Take the steps and give the report of each. Closed on the way, save. Raises what `drive` does."""
        plan, loop = self.training.plan.body, self.loop
        self._lay_out_validation()
        self.progress.begin("task.train", plan.num_steps)
        self.progress.advance(loop.progressed.step)
        if loop.progressed.step == 0:
            self._ask()
        steps = self._steps()
        self._unread_since = time.perf_counter()
        while loop.progressed.step < plan.num_steps and self._reason_to_stop() is None:
            before = random_state()
            try:
                report = next(steps)
            except StepOutOfMemory:
                report = None  # only once this block is left are the step's tensors free
            if report is None:
                self._halve_step(before)
                steps = self._steps()
                continue
            loop.progressed = advanced(loop.progressed, report, loop.source)
            self._after(report)
            handed = time.perf_counter()
            try:
                yield report
            except GeneratorExit:
                self._leave()
                raise
            self._unread_since += time.perf_counter() - handed  # the caller's time is no part of a step's
        self._tell_why_stopped()
        self.progress.end()

    def _leave(self) -> None:
        """Save where the caller stops walking."""
        if self._unread:
            self._read(validate=False)
        self._save()
        self.progress.end()

    def _steps(self) -> Iterator[StepReport]:
        loop = self.loop
        steps = range(loop.progressed.step, self.training.plan.body.num_steps)
        return train_steps(loop.model, loop.source, loop.objective, loop.optimizer, loop.schedule, steps)

    def _after(self, report: StepReport) -> None:
        """Read, validate and save where it is time to; stop when asked to."""
        plan = self.training.plan.body
        stopping = any(self._group.gather(self.stop.received))
        due = report.step % plan.evaluate_every == 0 or report.step == plan.num_steps
        saving = due or stopping or report.step % plan.checkpoint_every == 0
        self._unread.append(report)
        waited = time.perf_counter() - self._unread_since
        if saving or len(self._unread) >= MAX_UNREAD_STEPS or waited >= MAX_UNREAD_SECONDS:
            self._read(validate=due and bool(self.loop.validation_rows))
        if due:
            self.loop.progressed = after_window(self.loop.progressed)
            self._ask()
        if saving:
            self._save()
        if stopping and report.step < plan.num_steps:
            raise Interrupted("interrupted", step=report.step)
        if not self._unread:  # validating and saving is no part of a step's time
            self._unread_since = time.perf_counter()

    def _read(self, *, validate: bool) -> None:
        """Record the figures of all steps since the last reading; the newest one's include the validation's."""
        loop, reports, self._unread = self.loop, self._unread, []
        figures = [self._figures(report) for report in reports]
        seconds = time.perf_counter() - self._unread_since
        loop.progressed = replace(loop.progressed, seconds=loop.progressed.seconds + seconds)
        num_new = sum(report.num_tokens for report in reports)
        speed, num_tokens = num_new / seconds, loop.progressed.num_tokens - num_new
        for report, told in zip(reports, figures, strict=True):
            # the first process reads when it likes: were another one to end before it, its word would be lost
            if self._group.is_first and not all(map(math.isfinite, told.values())):
                raise self._not_finite(report)
            num_tokens += report.num_tokens
            told |= {"train/num_tokens": num_tokens, "train/tokens_per_second_per_gpu": speed / self._group.size}
            loop.progressed = after_step(loop.progressed, told["train/loss"], report.weight)
            if validate and report is reports[-1]:
                told |= self._validate()
            self.run.record("metric", step=report.step, model=self.training.name, **told)
            for feed in self.feeds:
                feed.log(report.step, told)
            self.progress.advance(1, loss=told["train/loss"], tokens_per_second=speed)

    def _not_finite(self, report: StepReport) -> RunFailed:
        code, rows = "loss-not-finite", report.row_ids
        self.run.record("message", step=report.step, level="error", code=code, rows=list(rows))
        named = ", ".join(rows[:MAX_NAMED_ROWS])
        return RunFailed(code, step=report.step, rows=named if len(rows) <= MAX_NAMED_ROWS else f"{named}, ...")

    def _validate(self) -> dict[str, float]:
        """What the validation rows show; the driver waits for better as long as the recipe's patience."""
        parts = self._group.gather(self._validation_sums())
        while None in parts:
            self._halve(self._validation)
            parts = self._group.gather(self._validation_sums())
        sums = [part for part in parts if part is not None]
        figures = figures_of(sums, self.loop.num_validation_bytes) | self._expert_load()
        told = {f"eval/{name}": value for name, value in figures.items()}
        self.loop.progressed = after_validation(self.loop.progressed, told, self.training.section.stop)
        return told

    def _expert_load(self) -> dict[str, float]:
        """Record how many tokens of the validation rows each routed expert got; two figures of that load."""
        first, *others = self._group.gather(self._expert_counts)
        if not first:
            return {}
        layers = {
            layer: [sum(counts) for counts in zip(counts_E, *(other[layer] for other in others), strict=True)]
            for layer, counts_E in first.items()
        }
        self.run.record("experts", step=self.loop.progressed.step, model=self.training.name, layers=layers)
        return most_uneven(layers)

    def _lay_out_validation(self) -> None:
        self._validation = self.loop.source.lay_out(self.loop.validation_rows)

    def _validation_sums(self) -> dict[str, float] | None:
        """Over this process's part of the rows; None where memory ran out."""
        try:
            with counted_experts(self.loop.model, self._validation) as counts:
                sums = validation_sums(self.loop.model, self.loop.measure, self._validation)
        except (MemoryError, RuntimeError) as failure:
            if not is_out_of_memory(failure):
                raise
            return None
        self._expert_counts = {layer: counts_E.tolist() for layer, counts_E in counts.items()}
        return sums

    def _reason_to_stop(self) -> Reason | None:
        return reason_to_stop(self.loop.progressed, self.training.section.stop)

    def _tell_why_stopped(self) -> None:
        reason, progressed, stop = self._reason_to_stop(), self.loop.progressed, self.training.section.stop
        if reason is None or progressed.step == self.training.plan.body.num_steps:
            return
        told: dict[str, Any] = {"best": progressed.best_step, "metric": stop.metric, "times": progressed.num_rising}
        self.run.record("message", step=progressed.step, level="info", code=reason, model=self.training.name, **told)
        self.progress.say(f"say.{reason}", step=progressed.step, **told)

    def _ask(self) -> None:
        """Record what the model in training answers; where there is no memory for it, nobody asks again."""
        if not self.loop.questions or not self._group.is_first:
            return
        step = self.loop.progressed.step
        try:
            found = answers(self.loop.model, self.training, self.loop.questions)
        except (MemoryError, RuntimeError) as failure:
            if not is_out_of_memory(failure):
                raise
            found, self.loop.questions = [], ()
            self.run.record("message", step=step, level="warning", code="samples-no-memory")
            self.progress.say("say.samples-no-memory", "warning", step=step)
        for answer in found:
            self.run.record("sample", step=step, **answer)

    def _halve_step(self, random_before: dict[str, torch.Tensor]) -> None:
        """Go back to before the step that found no memory, with smaller micro-batches; saved, so that they stay."""
        loop = self.loop
        loop.optimizer.discard()
        restore_random_state(random_before)
        loop.source.restore(dict(loop.progressed.source))
        if self._unread:
            self._read(validate=False)
        self._halve(loop.source.next_step())
        self._save()
        self._unread_since = time.perf_counter()

    def _halve(self, batches: Sequence[MicroBatch]) -> None:
        """Lower the budget of a micro-batch until these fall apart. Raises RunFailed `out-of-memory` if they cannot."""
        loop, step = self.loop, self.loop.progressed.step + 1
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            torch.cuda.empty_cache()
        own = half_of_largest(batches), max((batch.num_tokens for batch in batches), default=0)
        halves, largest = zip(*self._group.gather(own), strict=True)
        tokens = max((half for half in halves if half is not None), default=None)
        if tokens is None:
            raise RunFailed("out-of-memory", step=step, tokens=max(largest))
        loop.source.limit(tokens)
        loop.progressed = replace(loop.progressed, source=loop.source.state())
        self._lay_out_validation()
        code = "micro-batch-halved"
        self.run.record("message", step=step, level="warning", code=code, micro_batch_tokens=tokens)
        self.progress.say(f"say.{code}", "warning", step=step, tokens=tokens)

    def _save(self) -> None:
        loop, step = self.loop, self.loop.progressed.step
        others = self._group.gather_bytes(packed_random_state())[1:]
        if self._group.is_first:
            path = save_checkpoint(loop.checkpoints, loop.identity, loop.progressed, loop.optimizer.state(), others)
            self.run.record("checkpoint", step=step, path=str(path.relative_to(self.run.folder)))
        self._group.wait()  # were another process to end while this one saves, torchrun would end this one too

    def _figures(self, report: StepReport) -> dict[str, float]:
        """The step's figures by the field's names; waits until the device has them."""
        norm, scale = report.grad_norm.item(), None if report.loss_scale is None else report.loss_scale.item()
        scaled: dict[str, float] = {}
        if scale is not None:
            # an overflow is no fault: it updated nothing, and the next scale is half of this one
            is_skipped = scale > LEAST and not math.isfinite(norm)
            norm = 0.0 if is_skipped else norm
            scaled = {"train/loss_scale": scale, "train/update_skipped": float(is_skipped)}
        return {
            "train/loss": report.loss_sum.item() / report.weight,
            "train/learning_rate": report.learning_rate,
            "train/grad_norm": norm,
            "train/grad_clipped": float(norm > self.training.section.max_grad_norm),
            **{f"train/{name}": total.item() / report.weight for name, total in report.metrics.items()},
            "train/epoch": report.step / self.loop.source.steps_per_epoch,
            "train/global_step": report.step,
            "train/computed_share": report.num_computed_tokens / report.num_tokens,
            **scaled,
            **_memory(),
        }

    @property
    def _group(self) -> Group:
        return self.loop.source.group


def _memory() -> dict[str, float]:
    """The most that torch has allocated on the GPU, by its own count, which waits for no device."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return {}
    return {"memory/max_allocated_gib": torch.cuda.max_memory_allocated() / 2**30}


def advanced(progressed: Progressed, report: StepReport, source: RowSource) -> Progressed:
    """Where a training is after one more step."""
    rows = hashlib.sha256((progressed.rows_hash + "".join(sorted(report.row_ids))).encode()).hexdigest()
    return replace(
        progressed,
        step=report.step,
        source=source.state(),
        rows_hash=rows,
        num_tokens=progressed.num_tokens + report.num_tokens,
    )


@torch.no_grad()
def validation_sums(model: PreTrainedModel, measure: Objective, batches: Sequence[MicroBatch]) -> dict[str, float]:
    """Sums of `weight`, `loss` and the objective's metrics over the rows; without rows there are no metrics."""
    is_training = model.training
    model.eval()
    found = [measure(model, batch) for batch in batches]
    model.train(is_training)
    return sums_of(found)


def sums_of(losses: Sequence[LossSum]) -> dict[str, float]:
    """The same of losses that are there."""
    sums = {"weight": sum(loss.weight for loss in losses), "loss": sum(loss.sum.item() for loss in losses)}
    names = losses[0].metrics if losses else ()
    return sums | {name: sum(loss.metrics[name].item() for loss in losses) for name in names}


def validation_figures(model: PreTrainedModel, measure: Objective, batches: Sequence[MicroBatch]) -> dict[str, float]:
    """The mean `loss` over all rows, and the means of the objective's metrics."""
    return figures_of([validation_sums(model, measure, batches)])


def figures_of(parts: Sequence[Mapping[str, float]], num_bytes: int = 0) -> dict[str, float]:
    """Means of the sums of several parts of the rows; `bits_per_byte` too where these are texts of so many bytes."""
    names = max(parts, key=len)
    totals = {name: sum(part.get(name, 0.0) for part in parts) for name in names}
    means = {name: total / totals["weight"] for name, total in totals.items() if name != "weight"}
    return means | ({"bits_per_byte": bits_per_byte(totals["loss"], num_bytes)} if num_bytes else {})
