"""Supervised fine-tuning: the likelihood of what the model should have written."""

from __future__ import annotations

from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.model.head import cross_entropy_of_pairs
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import head_weight, hidden_states
from tunesmith.train.step import LossSum


def loss(model: PreTrainedModel, batch: MicroBatch, label_smoothing: float = 0.0) -> LossSum:
    """Sum over supervised tokens of weight * negative log-likelihood (nats); weight is the sum of the weights."""
    return loss_after(hidden_states(model, batch), head_weight(model), batch, label_smoothing)


def loss_after(hidden_TD: Tensor, head_VD: Tensor, batch: MicroBatch, label_smoothing: float = 0.0) -> LossSum:
    """The same, once the last hidden states (T, D) of the batch are there; the head's weight is (V, D)."""
    total, correct = cross_entropy_of_pairs(
        hidden_TD,
        head_VD,
        batch.pair_positions_P,
        batch.pair_targets_P,
        batch.pair_weights_P,
        label_smoothing,
    )
    return LossSum(total, batch.weight, {"mean_token_accuracy": correct})
