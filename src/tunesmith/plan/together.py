"""Peak memory of several LoRA trainings in one pass over their base: what each holds of its own, and the wider pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from tunesmith.plan.memory import Computation, member_bytes, train_terms
from tunesmith.plan.steps import BatchShape, StepShapes
from tunesmith.recipe import Lora

MAX_TOGETHER: Final = 8
"""Most trials in one pass over a base."""
PASS_BYTES: Final = {"cpu": 1 << 21, "cuda": 1 << 25}
"""`tunesmith.train.together.PASS_BYTES`, which would bring torch."""


def group_peaks(job: Computation, steps: StepShapes) -> list[int]:
    """Bytes at the heaviest moment of 1, 2, ... MAX_TOGETHER such trainings; empty for a method that shares no base."""
    if not isinstance(job.section.method, Lora):
        return []
    own = member_bytes(job)
    return [
        (num - 1) * own + sum(train_terms(job, _widened(job, steps, num)).values())
        for num in range(1, MAX_TOGETHER + 1)
    ]


def _widened(job: Computation, steps: StepShapes, num: int) -> StepShapes:
    """The same steps, each micro-batch as often as a pass of so many members holds it."""
    most_tokens = min(job.micro_batch_tokens, PASS_BYTES[job.device] // (job.geometry.hidden * job.c))

    def widened(batches: Sequence[BatchShape]) -> tuple[BatchShape, ...]:
        return tuple(_times(batch, min(num, max(1, most_tokens // batch.num_tokens))) for batch in batches)

    return replace(
        steps,
        largest=tuple(map(widened, steps.largest)),
        spread={step: widened(batches) for step, batches in steps.spread.items()},
        validation=widened(steps.validation),
    )


def _times(batch: BatchShape, times: int) -> BatchShape:
    """Copies of the rows, which attention takes in groups of the same kinds."""
    told: dict[str, Any] = asdict(batch)
    counts = [name for name, value in told.items() if isinstance(value, int) and name != "num_pieces"]
    return replace(batch, **{name: times * told[name] for name in counts})
