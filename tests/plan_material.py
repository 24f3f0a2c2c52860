"""The plan of a small training, for tests that need one and look at few of its figures."""

from __future__ import annotations

from tunesmith.artifacts.plan import PlanBody


def plan_body(num_steps: int, checkpoint_every: int) -> PlanBody:
    return PlanBody(
        method="full",
        learning_rate=1e-2,
        precision="fp32",
        num_steps=num_steps,
        evaluate_every=3,
        checkpoint_every=checkpoint_every,
        micro_batch_tokens=16384,
        num_parameters=1,
        num_trainable=1,
        num_train_rows=12,
        num_train_tokens=1,
        num_supervised_tokens=1,
        longest_row_tokens=1,
        choices=[],
    )
