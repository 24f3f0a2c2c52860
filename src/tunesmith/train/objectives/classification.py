"""Classification: the likelihood of each row's class under a head on its last token."""

from __future__ import annotations

from transformers import PreTrainedModel

from tunesmith.model.head import cross_entropy_of_pairs
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import hidden_states
from tunesmith.model.score import score_layer
from tunesmith.train.step import LossSum


def loss(model: PreTrainedModel, batch: MicroBatch, label_smoothing: float = 0.0) -> LossSum:
    """Sum over rows of weight * negative log-likelihood of the class (nats); weight is the sum of the rows' weights.

    A row whose class no training row has weighs nothing.
    """
    total, correct = cross_entropy_of_pairs(
        hidden_states(model, batch),
        score_layer(model).weight,
        batch.last_R,
        batch.targets_R.nan_to_num().long(),
        batch.target_weights_R,
        label_smoothing,
    )
    return LossSum(total, batch.target_weight, {"accuracy": correct})
