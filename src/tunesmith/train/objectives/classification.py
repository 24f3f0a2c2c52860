"""Classification: the likelihood of each row's class under a head on the token that the head reads."""

from __future__ import annotations

from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import hidden_states
from tunesmith.model.score import row_scores
from tunesmith.train.step import LossSum


def loss(model: PreTrainedModel, batch: MicroBatch, label_smoothing: float = 0.0) -> LossSum:
    """Sum over rows of weight * negative log-likelihood of the class (nats); weight is the sum of the rows' weights.

    A row whose class no training row has weighs nothing.
    """
    scores_RC = row_scores(model, hidden_states(model, batch), batch)
    classes_R = batch.targets_R.nan_to_num().long()
    losses_R = cross_entropy(scores_RC, classes_R, reduction="none", label_smoothing=label_smoothing)
    correct = ((scores_RC.detach().argmax(1) == classes_R) * batch.target_weights_R).sum()
    return LossSum((losses_R * batch.target_weights_R).sum(), batch.target_weight, {"accuracy": correct})
