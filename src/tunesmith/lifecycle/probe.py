"""How long a training will take, from a few of its own steps."""

from __future__ import annotations

from typing import Final

from tunesmith.artifacts.history import TimeEstimate
from tunesmith.plan.memory import state_bytes
from tunesmith.plan.predict import Workload
from tunesmith.runtime import Runtime
from tunesmith.train.training import Training

MODEL_BYTES: Final = 4
"""Of each trained number in the tuned model."""


def probe(training: Training, work: Workload, runtime: Runtime) -> TimeEstimate:
    """Take up to three steps, a middling one, a small one and a large one, and scale them to all."""
    from tunesmith.train.timed import timed_steps  # brings torch

    costs = work.costs(training.section, training.plan.body.precision)
    timed = timed_steps(training, work.train, [step for step, _ in costs.to_probe], runtime)
    seconds = timed.step_seconds
    # the first step finds nothing warm: its excess comes once
    settled = list(zip(seconds, costs.to_probe, strict=True))[1:] or list(zip(seconds, costs.to_probe, strict=True))
    rate = sum(operations for _, (_, operations) in settled) / sum(taken for taken, _ in settled)
    excess = max(0.0, seconds[0] - costs.to_probe[0][1] / rate)
    body = training.plan.body
    num_validations = -(-body.num_steps // body.evaluate_every) if costs.validation else 0
    saved = {
        step
        for step in range(1, body.num_steps + 1)
        for every in (body.checkpoint_every, body.evaluate_every)
        if step % every == 0
    }
    state = state_bytes(work.computation(training.section, body.precision))
    written = state * len(saved | {body.num_steps}) + MODEL_BYTES * body.num_trainable
    total = (
        timed.load_seconds
        + excess
        + (costs.step_mean * body.num_steps + costs.validation * num_validations) / rate
        + written / timed.written_bytes_per_second
    )
    return TimeEstimate(
        step_seconds=seconds,
        operations_per_second=rate,
        written_bytes_per_second=timed.written_bytes_per_second,
        load_seconds=timed.load_seconds,
        total_seconds=total,
    )
