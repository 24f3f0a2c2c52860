"""The one training loop: a generator of optimiser steps over whatever source and objective it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.layout import MicroBatch
from tunesmith.train.optimizer import FlatOptimizer
from tunesmith.train.schedule import Schedule

CPU_REFUSALS: Final = ("can't allocate memory", "not enough memory", "std::bad_alloc")


@dataclass(frozen=True, slots=True)
class LossSum:
    """A sum over supervised tokens and the weight to divide by, never a mean. `metrics` are sums over that weight."""

    sum: Tensor
    weight: float
    metrics: dict[str, Tensor]


Objective = Callable[[PreTrainedModel, MicroBatch], LossSum]


class Source(Protocol):
    """Gives the rows of each optimiser step; its state says exactly where it is."""

    def __iter__(self) -> Iterator[Sequence[MicroBatch]]:
        """Yield the micro-batches of one step after another, from the present state on."""

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


class StepOutOfMemory(Exception):
    """The device had no memory left for a step before its update; weights and moments are as they were."""


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
    loss.sum.backward()  # type: ignore[no-untyped-call]
    optimizer.collect()
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

    Raises StepOutOfMemory, with which the iteration ends; the step's gradients are for the caller to discard.
    """
    batches = iter(source)
    for step in steps:
        try:
            micro_batches = next(batches)
            losses = [forward_backward(model, optimizer, objective, batch) for batch in micro_batches]
        except (MemoryError, RuntimeError) as failure:
            if not is_out_of_memory(failure):
                raise
            raise StepOutOfMemory from failure
        weight = sum(loss.weight for loss in losses) or 1.0  # rows that supervise nothing have nothing to divide
        grad_norm = optim_step(optimizer, schedule(step), weight)
        yield StepReport(
            step=step + 1,
            loss_sum=torch.stack([loss.sum for loss in losses]).sum(),
            weight=weight,
            metrics={name: torch.stack([loss.metrics[name] for loss in losses]).sum() for name in losses[0].metrics},
            grad_norm=grad_norm,
            learning_rate=schedule(step),
            num_tokens=sum(batch.num_row_tokens for batch in micro_batches),
            num_computed_tokens=sum(batch.num_tokens for batch in micro_batches),
            row_ids=tuple(id for batch in micro_batches for id in batch.row_ids),
        )
