"""Several LoRA trainings over one frozen base, in one pass over it: each ends where it would have ended by itself.

A step's rows lie in the flat buffer once for each member, whose tokens take its own adapter. The base's products are
shared by all of them; loss, gradients, optimiser, rate and clipping are each member's own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import torch
from safetensors.torch import load_file, save_file

from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.folder import read_manifest
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.model.base import MIXTURE_TYPES
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import compute_dtype, head_weight, load_model
from tunesmith.model.members import Members
from tunesmith.recipe import DistillText, Lora, Sft, Text, is_four_bit
from tunesmith.runtime import Progress, Runtime
from tunesmith.train.checkpoint import Progressed
from tunesmith.train.drive import Loop, advanced, figures_of, sums_of, validation_sums
from tunesmith.train.group import ALONE
from tunesmith.train.objectives import sft
from tunesmith.train.objectives.chosen import losses
from tunesmith.train.random_state import random_state, restore_random_state, seed_process
from tunesmith.train.run import assemble, loop_of, material_of
from tunesmith.train.step import (
    LossSum,
    StepOutOfMemory,
    StepReport,
    finish_step,
    is_out_of_memory,
    part_of_step,
    train_steps,
)
from tunesmith.train.stopping import after_step, after_validation, after_window, reason_to_stop
from tunesmith.train.training import Training

KIND: Final = "trials"
VERSION: Final = 1
PROGRESS: Final = "progress.json"
RANDOM: Final = "random.safetensors"
PASS_BYTES: Final = {"cpu": 1 << 21, "cuda": 1 << 25}
"""Of one layer's hidden states, from which on matrix products gain nothing from being larger: a pass that has them
takes in no further member, so that members cost no memory where they would gain no time."""


def unlike(trainings: Sequence[Training]) -> str | None:
    """Why these cannot be trained in one pass, as a stable word; None where they can.

    They may differ in learning rate, schedule, warm-up, optimiser, `max_grad_norm`, `l1`, `layer_rate_decay`,
    `label_smoothing`, `batch_rows`, `token_dropout`, `epochs`, `max_steps`, `alpha`, and in when they are validated and
    stop. The words: `method`, `dora`, `experts`, `objective`, `dropout`, `compile`, `precision` for what none of them
    may have; `base`, `dataset`, `template`, `seed`, `rows`, `teacher`, `objective`, `precision`, `rank`, `targets` for
    what is not the same in all.
    """
    if len(trainings) == 1:
        return None
    alone = next((word for training in trainings if (word := _only_alone(training)) is not None), None)
    if alone is not None:
        return alone
    first, *others = (_common(training) for training in trainings)
    return next((word for word in first for other in others if first[word] != other[word]), None)


def _only_alone(training: Training) -> str | None:
    """What keeps a training from any company."""
    section, method = training.section, training.section.method
    if not isinstance(method, Lora):
        return "method"
    reasons = {
        "dora": method.dora,
        "experts": training.base.model_type in MIXTURE_TYPES,
        # a head would be trained beside each adapter, a teacher computed beside each member
        "objective": not isinstance(section.objective, Sft | Text | DistillText),
        "dropout": bool(method.dropout or section.dropout or section.attention_dropout),
        "compile": section.compile,
        "precision": training.plan.body.precision == "fp16",  # scales losses as its own gradients allow
    }
    return next((word for word, holds in reasons.items() if holds), None)


def _common(training: Training) -> dict[str, object]:
    """What all members have in common."""
    section, method = training.section, training.section.method
    assert isinstance(method, Lora)
    return {
        "base": training.base.content_hash,
        "dataset": training.dataset.key,
        "template": training.chat.fingerprint,
        "seed": training.seed,
        "rows": section.max_rows,
        "teacher": None if training.teacher is None else training.teacher.content_hash,
        "objective": section.objective,
        "precision": training.plan.body.precision,
        "method": method.name,
        "rank": method.rank,
        "targets": (method.targets, method.layers),
    }


@dataclass
class _Member:
    """One training of a group."""

    training: Training
    loop: Loop
    value: float = math.nan
    measured_at: int = -1
    """The step at which `value` was measured."""
    is_sound: bool = True
    """Whether every loss so far was a number."""
    unread: list[StepReport] = field(default_factory=list)

    @property
    def step(self) -> int:
        return self.loop.progressed.step

    @property
    def is_due(self) -> bool:
        """Whether its own training would validate after the present step."""
        plan = self.training.plan.body
        return self.step % plan.evaluate_every == 0 or self.step == plan.num_steps

    def goes_on(self, until: int) -> bool:
        ended = reason_to_stop(self.loop.progressed, self.training.section.stop) is not None
        return self.is_sound and not ended and self.step < min(until, self.training.plan.body.num_steps)

    def read(self) -> None:
        """Take in the figures of the steps since the last time."""
        for report in self.unread:
            loss, norm = report.loss_sum.item() / report.weight, report.grad_norm.item()
            # in float16 a gradient that overflows is no fault: it updated nothing
            self.is_sound &= math.isfinite(loss) and (math.isfinite(norm) or report.loss_scale is not None)
            self.loop.progressed = after_step(self.loop.progressed, loss, report.weight)
        self.unread = []

    def take(self, figures: Mapping[str, float]) -> None:
        """What a validation after the present step showed."""
        told, stop = {f"eval/{name}": value for name, value in figures.items()}, self.training.section.stop
        self.value, self.measured_at = told[stop.metric] if self.is_sound else math.nan, self.step
        if self.is_due:
            self.loop.progressed = after_window(after_validation(self.loop.progressed, told, stop))


class Group:
    """Several trainings over one frozen base, advanced together; one training of any method is a group too.

    Each is validated where it would be by itself, and at the end of every call of `advance`. A training whose own rules
    (`train.stop`) end it, or whose loss is no number, stays in `names` and takes no further step. Torch's random state
    is the caller's again after every call.
    """

    def __init__(self, trainings: Mapping[str, Training], runtime: Runtime, progress: Progress) -> None:
        """Raises ValueError where `unlike` finds a reason against it, RunFailed `trials-out-of-memory`; else what
        `train.run.assemble` raises."""
        reason = unlike(list(trainings.values()))
        if reason is not None:
            raise ValueError(f"these trainings cannot share one pass: {reason}")
        self._runtime = replace(runtime, rank=0, world_size=1)
        self._shared: Members | None = None
        with (
            torch.random.fork_rng(devices=range(torch.cuda.device_count())),
            TemporaryDirectory() as folder,
            _room_for(list(trainings.values()), step=1),
        ):
            if len(trainings) == 1:
                loops = [assemble(one, self._runtime, progress, Path(folder)) for one in trainings.values()]
            else:
                loops = self._load(trainings, progress, Path(folder))
            seed_process(next(iter(trainings.values())).seed, 0)
            self._random = random_state()
        self._members = {
            name: _Member(training, loop) for (name, training), loop in zip(trainings.items(), loops, strict=True)
        }
        self._validation = loops[0].source.lay_out(loops[0].validation_rows)

    def _load(self, trainings: Mapping[str, Training], progress: Progress, folder: Path) -> list[Loop]:
        """The base, loaded once, with an adapter and an optimiser for each."""
        first, loops = next(iter(trainings.values())), []
        dtype, four_bit = compute_dtype(first.plan.body.precision), is_four_bit(first.section.method)
        material = material_of(first, self._runtime, progress)
        model = load_model(first.base.folder, dtype=dtype, device=self._runtime.device, four_bit=four_bit)
        self._shared = Members(model)
        for name, training in trainings.items():
            assert isinstance(training.section.method, Lora)
            with self._shared.joining(name, training.section.method, training.seed):
                loops.append(loop_of(training, material, model, losses(training.section, None, None), folder))
        return loops

    @property
    def names(self) -> tuple[str, ...]:
        """Those that still train."""
        return tuple(self._members)

    def advance(self, step: int) -> dict[str, float]:
        """Train each to optimiser step `step`, its plan's last one at most.

        Returns each one's validation metric (`train.stop.metric`) where it stands then: nan where its loss was no
        number. Raises RunFailed `trials-out-of-memory`.
        """
        with self._own_state():
            for cohort in self._cohorts():
                while going := [name for name in cohort if self._members[name].goes_on(step)]:
                    present = min(self._members[name].step for name in going)
                    self._take_step([name for name in going if self._members[name].step == present])
            unmeasured = [name for name, member in self._members.items() if member.measured_at != member.step]
            with _room_for(self._trainings(unmeasured), step=step):
                self._measure(unmeasured)
        return {name: member.value for name, member in self._members.items()}

    def keep(self, names: Collection[str]) -> None:
        """The others stop; their memory is freed."""
        for name in [name for name in self._members if name not in names]:
            del self._members[name]
            if self._shared is not None:
                self._shared.drop(name)

    def save(self, folder: Path) -> None:
        """Write all that those that still train need to go on exactly from here, whole or not at all."""
        with publish(folder, self._identity()) as staging:
            rows = []
            for number, (name, member) in enumerate(self._members.items()):
                tensors = member.loop.optimizer.state()
                kept = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
                save_file(kept, staging / _file(number))
                rows.append(
                    {
                        "name": name,
                        "progressed": asdict(member.loop.progressed),
                        "value": member.value,
                        "measured_at": member.measured_at,
                        "is_sound": member.is_sound,
                    }
                )
            save_file(self._random, staging / RANDOM)
            (staging / PROGRESS).write_text(json.dumps(rows), encoding="utf-8")

    def restore(self, folder: Path) -> None:
        """Go on from what `save` wrote, with those of its members that are here; others of its members stay away.

        Raises TunesmithError `artifact-missing`, `resume-changed` where one was started with other settings; RunFailed
        `artifact-damaged`.
        """
        manifest = read_manifest(folder, KIND)
        rows = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        self.keep([row["name"] for row in rows])
        for number, row in enumerate(rows):
            member = self._members.get(row["name"])
            if member is None:
                continue
            if manifest.inputs[row["name"]] != member.loop.identity.key():
                raise TunesmithError("resume-changed", place=Place(str(folder)), changed=row["name"])
            member.loop.optimizer.restore(load_file(folder / _file(number)))
            member.loop.progressed = Progressed(**row["progressed"])
            member.loop.source.restore(dict(member.loop.progressed.source))
            member.value, member.measured_at = row["value"], row["measured_at"]
            member.is_sound, member.unread = row["is_sound"], []
        self._random = load_file(folder / RANDOM)

    def _identity(self) -> Identity:
        inputs = {name: member.loop.identity.key() for name, member in self._members.items()}
        steps = {name: member.step for name, member in self._members.items()}
        return Identity(KIND, VERSION, inputs, {"steps": steps}, 0, {})

    @contextmanager
    def _own_state(self) -> Iterator[None]:
        before = random_state()
        restore_random_state(self._random)
        torch.set_num_threads(self._runtime.num_threads)
        try:
            yield
        finally:
            self._random = random_state()
            restore_random_state(before)

    def _cohorts(self) -> list[list[str]]:
        """Those whose steps are made of the same rows."""
        found: dict[tuple[int, float], list[str]] = {}
        for name, member in self._members.items():
            section = member.training.section
            found.setdefault((section.batch_rows, section.token_dropout), []).append(name)
        return list(found.values())

    def _take_step(self, names: Sequence[str]) -> None:
        """One optimiser step of each, all at the same one, and what each one's own training does after it."""
        with _room_for(self._trainings(names), step=self._members[names[0]].step + 1):
            reports = [self._own_step(names[0])] if self._shared is None else self._shared_step(self._shared, names)
            for name, report in zip(names, reports, strict=True):
                member = self._members[name]
                member.loop.progressed = advanced(member.loop.progressed, report, member.loop.source)
                member.unread.append(report)
            self._measure([name for name in names if self._members[name].is_due])

    def _trainings(self, names: Sequence[str]) -> list[Training]:
        return [self._members[name].training for name in names]

    def _own_step(self, name: str) -> StepReport:
        loop, step = self._members[name].loop, self._members[name].step
        steps = range(step, step + 1)
        (report,) = train_steps(loop.model, loop.source, loop.objective, loop.optimizer, loop.schedule, steps)
        return report

    def _shared_step(self, shared: Members, names: Sequence[str]) -> list[StepReport]:
        loops = {name: self._members[name].loop for name in names}
        source = loops[names[0]].source
        step, batches = loops[names[0]].progressed.step, source.next_step()
        found: dict[str, list[LossSum]] = {name: [] for name in names}
        for batch in batches:
            for some in self._passes(shared, names, batch):
                for name, loss in zip(some, self._learn(shared, some, batch), strict=True):
                    found[name].append(loss)
        reports = []
        for name, loop in loops.items():
            part = part_of_step(batches, found[name])
            reports.append(finish_step(loop.optimizer, ALONE, step, loop.schedule(step), found[name], [part]))
            loop.source.restore({**loop.source.state(), "next_step": step + 1})
        return reports

    def _passes(self, shared: Members, names: Sequence[str], batch: MicroBatch) -> list[Sequence[str]]:
        """Who computes a micro-batch at once: as many as keep to the recipe's budget of tokens, and are faster so."""
        layout = self._members[names[0]].loop.source.layout
        token_bytes = shared.model.config.hidden_size * shared.model.dtype.itemsize
        most_tokens = min(layout.micro_batch_tokens, PASS_BYTES[torch.device(layout.device).type] // token_bytes)
        num_passes = math.ceil(len(names) / max(1, most_tokens // batch.num_tokens))
        size = math.ceil(len(names) / num_passes)
        return [names[start : start + size] for start in range(0, len(names), size)]

    def _learn(self, shared: Members, names: Sequence[str], batch: MicroBatch) -> list[LossSum]:
        """Add each member's gradient sums to its step; what is left of the pass is its losses."""
        members = [self._members[name] for name in names]
        losses_M = _losses(shared, names, batch, [member.training.section.label_smoothing for member in members])
        # a sum has the gradient of each: no member's loss depends on another's numbers
        torch.stack([loss.sum for loss in losses_M]).sum().backward()  # type: ignore[no-untyped-call]
        for member in members:
            member.loop.optimizer.collect()
        return [replace(loss, sum=loss.sum.detach()) for loss in losses_M]

    def _measure(self, names: Sequence[str]) -> None:
        """Validate these, and let each know."""
        for name in names:
            self._members[name].read()
        if names and self._validation:
            for name, figures in self._figures(names).items():
                self._members[name].take(figures)

    @torch.no_grad()
    def _figures(self, names: Sequence[str]) -> dict[str, dict[str, float]]:
        """Of each member, what the validation rows show."""
        loops = {name: self._members[name].loop for name in names}
        if self._shared is None:
            sums = {name: validation_sums(loop.model, loop.measure, self._validation) for name, loop in loops.items()}
        else:
            found: dict[str, list[LossSum]] = {name: [] for name in names}
            for batch in self._validation:
                for some in self._passes(self._shared, names, batch):
                    for name, loss in zip(some, _losses(self._shared, some, batch, [0.0] * len(some)), strict=True):
                        found[name].append(loss)
            sums = {name: sums_of(losses) for name, losses in found.items()}
        return {name: figures_of([sums[name]], loop.num_validation_bytes) for name, loop in loops.items()}


@contextmanager
def _room_for(trainings: Sequence[Training], step: int) -> Iterator[None]:
    """Raises RunFailed `trials-out-of-memory` where memory is refused to these at a step, counted from 1."""
    try:
        yield
    except (StepOutOfMemory, MemoryError, RuntimeError) as failure:
        if not isinstance(failure, StepOutOfMemory) and not is_out_of_memory(failure):
            raise
        tokens = trainings[0].plan.body.micro_batch_tokens
        raise RunFailed("trials-out-of-memory", num=len(trainings), step=step, tokens=tokens) from failure


def _losses(
    shared: Members, names: Sequence[str], batch: MicroBatch, label_smoothing_M: Sequence[float]
) -> list[LossSum]:
    """Of each of these members on the same micro-batch, in one pass."""
    head_VD, states_M = head_weight(shared.model), shared.states(names, batch)
    return [
        sft.loss_after(states_TD, head_VD, batch, smoothing)
        for states_TD, smoothing in zip(states_M, label_smoothing_M, strict=True)
    ]


def _file(number: int) -> str:
    return f"member-{number}.safetensors"
