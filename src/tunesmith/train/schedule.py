"""Learning rates as pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from tunesmith.recipe.schedules import (
    AnySchedule,
    Constant,
    Cosine,
    Exponential,
    Linear,
    Polynomial,
    Stairs,
    Unit,
    WarmupStableDecay,
)

Schedule = Callable[[int], float]
Falling = Callable[[float], float]
"""What is left of the peak, from 1 to 0, at a progress from 0 to 1."""
SHAPES: Final[dict[str, Falling]] = {
    "cosine": lambda progress: 0.5 * (1.0 + math.cos(math.pi * progress)),
    "linear": lambda progress: 1.0 - progress,
    "sqrt": lambda progress: 1.0 - math.sqrt(progress),
}


def make_schedule(
    schedule: AnySchedule, peak: float, num_steps: int, warmup: float = 0.0, steps_per_epoch: int = 1
) -> Schedule:
    """Rate of optimiser step 0, 1, ...: linear warm-up, then as `schedule` says.

    `warmup` is a share of the steps, rounded up, or from 1 on their number; it gives step i the rate
    peak * (i + 1) / warm-up steps. What falls to the end gets there after the last step.
    """
    num_warmup = _num_steps(warmup, num_steps)
    share = _share_of_peak(schedule, num_steps, num_warmup, steps_per_epoch)

    def rate(step: int) -> float:
        return peak * (step + 1) / num_warmup if step < num_warmup else peak * share(step)

    return rate


def _num_steps(share_or_steps: float, num_steps: int) -> int:
    return math.ceil(share_or_steps * num_steps) if share_or_steps < 1.0 else int(share_or_steps)


def _share_of_peak(schedule: AnySchedule, num_steps: int, num_warmup: int, steps_per_epoch: int) -> Schedule:
    """What each step after warm-up has of the peak."""
    match schedule:
        case Constant():
            return lambda step: 1.0
        case Stairs(factor=factor, every=every, unit=unit):
            length = every * _length(unit, steps_per_epoch)
            return lambda step: factor ** ((step - num_warmup) // length)
        case Exponential(factor=factor, unit=unit):
            length = _length(unit, steps_per_epoch)
            return lambda step: factor ** ((step - num_warmup) / length)
        case Polynomial(power=power, end_share=end_share):
            return _fall(lambda progress: (1.0 - progress) ** power, end_share, num_warmup, num_steps)
        case WarmupStableDecay(decay=decay, shape=shape, end_share=end_share):
            start = max(num_warmup, num_steps - _num_steps(decay, num_steps))
            return _fall(SHAPES[shape], end_share, start, num_steps)
        case Cosine(name=shape, end_share=end_share) | Linear(name=shape, end_share=end_share):
            return _fall(SHAPES[shape], end_share, num_warmup, num_steps)


def _length(unit: Unit, steps_per_epoch: int) -> int:
    return steps_per_epoch if unit == "epoch" else 1


def _fall(shape: Falling, end_share: float, start: int, num_steps: int) -> Schedule:
    """1 until `start`, then down to `end_share` after the last step."""

    def share(step: int) -> float:
        progress = (step - start) / max(1, num_steps - start)
        return end_share + (1.0 - end_share) * shape(min(1.0, max(0.0, progress)))

    return share
