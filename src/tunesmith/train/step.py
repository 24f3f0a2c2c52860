"""The one training loop: a generator of optimiser steps over whatever source and objective it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypedDict

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.layout import MicroBatch
from tunesmith.train.group import Group
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.schedule import Schedule

CPU_REFUSALS: Final = ("can't allocate memory", "not enough memory", "std::bad_alloc")


@dataclass(frozen=True, slots=True)
class LossSum:
    """A sum over supervised tokens (0-dim) and the weight to divide by, never a mean.

    `metrics` are sums (0-dim) over that weight.
    """

    sum: Tensor
    weight: float
    metrics: dict[str, Tensor] = field(default_factory=dict)


Objective = Callable[[PreTrainedModel, MicroBatch], LossSum]


class Source(Protocol):
    """Gives the rows of each optimiser step; its state says exactly where it is."""

    group: Group
    """The processes that each compute a part of a step's rows."""

    def __iter__(self) -> Iterator[Sequence[MicroBatch]]:
        """Yield this process's micro-batches of one step after another, from the present state on; maybe none."""

    def state(self) -> dict[str, Any]:
        """JSON values from which `restore` continues with the next step."""

    def restore(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one optimiser step did. Tensors stay on the device until somebody reads them."""

    step: int
    """Steps done, from 1."""
    loss_sum: Tensor
    weight: float
    metrics: dict[str, Tensor]
    grad_norm: Tensor
    learning_rate: float
    num_tokens: int
    """Tokens of the step's rows; what sharing saved is not subtracted."""
    num_computed_tokens: int
    row_ids: tuple[str, ...]
    loss_scale: Tensor | None = None
    """What losses were multiplied by in float16 (0-dim): a gradient that overflowed at it updated nothing."""

    @property
    def loss(self) -> Tensor:
        """The mean over the step's weight (0-dim)."""
        return self.loss_sum / self.weight


class PartOfStep(TypedDict):
    """What a process tells the others of its part of a step, once its gradients are there."""

    weight: float
    metrics: list[str]
    num_tokens: int
    num_computed_tokens: int
    row_ids: list[str]


class StepOutOfMemory(Exception):
    """A device had no memory left for a step before its update; weights and moments are as they were everywhere."""


def is_out_of_memory(failure: BaseException) -> bool:
    """Whether memory was refused: by Python, a GPU, or torch's CPU allocator, which says so in words alone."""
    if isinstance(failure, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(failure, RuntimeError) and any(words in str(failure) for words in CPU_REFUSALS)


def forward_backward(
    model: PreTrainedModel, optimizer: FlatOptimizer, objective: Objective, batch: MicroBatch
) -> LossSum:
    """Add one micro-batch's gradient sums to the step."""
    loss = objective(model, batch)
    optimizer.backward(loss.sum, loss.weight)
    return LossSum(loss.sum.detach(), loss.weight, loss.metrics)


def optim_step(optimizer: FlatOptimizer, learning_rate: float, weight: float) -> Tensor:
    """Apply the collected gradients, divided by the step's whole weight. Returns their norm."""
    return optimizer.step(learning_rate, weight)


def train_steps(
    model: PreTrainedModel,
    source: Source,
    objective: Objective,
    optimizer: FlatOptimizer,
    schedule: Schedule,
    steps: range,
) -> Iterator[StepReport]:
    """Take the optimiser steps `steps` (counted from 0), yielding a report after each.

    Gradients, weights and figures are summed over the source's group, so that every process takes the step of them all.
    Raises StepOutOfMemory in each process, with which the iteration ends; the step's gradients are for the caller to
    discard.
    """
    batches, group = iter(source), source.group
    for step in steps:
        try:
            micro_batches = next(batches)
            losses = [forward_backward(model, optimizer, objective, batch) for batch in micro_batches]
            own = part_of_step(micro_batches, losses)
        except (MemoryError, RuntimeError) as failure:
            if not is_out_of_memory(failure):
                raise
            group.gather(None)
            raise StepOutOfMemory from failure
        parts: list[PartOfStep] = []
        for part in group.gather(own):
            if part is None:
                raise StepOutOfMemory
            parts.append(part)
        yield finish_step(optimizer, group, step, schedule(step), losses, parts)


def finish_step(
    optimizer: FlatOptimizer,
    group: Group,
    step: int,
    learning_rate: float,
    losses: Sequence[LossSum],
    parts: Sequence[PartOfStep],
) -> StepReport:
    """Update by the gradients that were collected: of `losses` in this process, of `parts` in all of them.

    `step` counts from 0.
    """
    weight = sum(part["weight"] for part in parts) or 1.0  # rows that supervise nothing have nothing to divide
    group.sum_(optimizer.grad_N)
    loss_scale, grad_norm = optimizer.loss_scale, optim_step(optimizer, learning_rate, weight)
    loss_sum, metrics = _summed(losses, parts, group, optimizer.grad_N.device)
    return StepReport(
        step=step + 1,
        loss_sum=loss_sum,
        weight=weight,
        metrics=metrics,
        grad_norm=grad_norm,
        learning_rate=learning_rate,
        num_tokens=sum(part["num_tokens"] for part in parts),
        num_computed_tokens=sum(part["num_computed_tokens"] for part in parts),
        row_ids=tuple(id for part in parts for id in part["row_ids"]),
        loss_scale=loss_scale,
    )


def part_of_step(batches: Sequence[MicroBatch], losses: Sequence[LossSum]) -> PartOfStep:
    """What is told of these losses of these micro-batches."""
    return PartOfStep(
        weight=sum(loss.weight for loss in losses),
        metrics=list(losses[0].metrics) if losses else [],
        num_tokens=sum(batch.num_row_tokens for batch in batches),
        num_computed_tokens=sum(batch.num_tokens for batch in batches),
        row_ids=[id for batch in batches for id in batch.row_ids],
    )


def _summed(
    losses: Sequence[LossSum], parts: Sequence[PartOfStep], group: Group, device: torch.device
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss and metrics over all processes; those of a process without rows are 0. A metric is of all or none."""
    first = next((part["metrics"] for part in parts if part["metrics"]), [])
    names = [name for name in first if all(name in loss.metrics for loss in losses)]
    if losses:
        own = [torch.stack([loss.sum for loss in losses]).sum()]
        own += [torch.stack([loss.metrics[name] for loss in losses]).sum() for name in names]
    else:
        own = [torch.zeros((), device=device)] * (1 + len(names))
    if group.size > 1:
        figures_F = torch.stack([figure.float() for figure in own])
        group.sum_(figures_F)
        own = list(figures_F)
    return own[0], dict(zip(names, own[1:], strict=True))
