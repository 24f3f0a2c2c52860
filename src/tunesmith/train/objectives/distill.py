"""Distillation: what a larger model would have said at every supervised token, not only which token is right."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import head_weight, hidden_states
from tunesmith.model.soft_head import Softness, Teacher, distillation_of_pairs
from tunesmith.train.step import LossSum


def loss(model: PreTrainedModel, batch: MicroBatch, teacher: PreTrainedModel, softness: Softness) -> LossSum:
    """Sum over supervised tokens of weight * (share * divergence from the teacher + rest * negative log-likelihood).

    The teacher reads the same flat batch, without gradient; its logits exist for one chunk of tokens at a time.
    """
    with torch.no_grad():
        taught = Teacher(hidden_states(teacher, batch), head_weight(teacher))
    total, divergence, correct = distillation_of_pairs(
        hidden_states(model, batch),
        head_weight(model),
        taught,
        (batch.pair_positions_P, batch.pair_targets_P, batch.pair_weights_P),
        softness,
    )
    return LossSum(total, batch.weight, {"mean_token_accuracy": correct, "divergence": divergence})
