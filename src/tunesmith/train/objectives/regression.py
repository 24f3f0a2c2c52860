"""Regression: squared error of a number that a head says of each row.

The head says z for the target `mean + scale * z`, so that its loss has one size whatever the unit of the target.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from transformers import PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import hidden_states
from tunesmith.model.score import row_scores
from tunesmith.records import Rendered
from tunesmith.train.step import LossSum


def standardising(rows: Sequence[Rendered]) -> Head:
    """The head for these training rows: mean and standard deviation of their targets (1 where all are equal)."""
    targets = np.array([row.target for row in rows])
    scale = float(targets.std())
    return Head(kind="regression", mean=float(targets.mean()), scale=scale if scale > 0.0 else 1.0)


def loss(model: PreTrainedModel, batch: MicroBatch, head: Head) -> LossSum:
    """Sum over rows of weight * squared error of the standardised target; `mae` is in the target's own unit."""
    found_R = row_scores(model, hidden_states(model, batch), batch)[:, 0]
    errors_R = found_R - (batch.targets_R - head.mean) / head.scale
    absolute = (errors_R.detach().abs() * batch.target_weights_R).sum() * head.scale
    return LossSum((errors_R.square() * batch.target_weights_R).sum(), batch.target_weight, {"mae": absolute})
