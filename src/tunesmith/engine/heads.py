"""What the head of a classifier or a regressor says of many texts. Shapes: N rows, C outputs, O outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.engine.local import MAX_BATCH_TOKENS
from tunesmith.model.base import ENCODER_TYPES
from tunesmith.model.layout import lay_out
from tunesmith.model.load import hidden_states
from tunesmith.model.score import row_scores
from tunesmith.records import Rendered


def class_probabilities(
    model: PreTrainedModel, rows: Sequence[Rendered], on_done: Callable[[int], None]
) -> NDArray[np.float64]:
    """(N, C) probabilities of the head's classes; row ids must differ."""
    return _outputs(model, rows, on_done).softmax(1).numpy()


def predicted_numbers(
    model: PreTrainedModel, head: Head, rows: Sequence[Rendered], on_done: Callable[[int], None]
) -> NDArray[np.float64]:
    """(N,) predictions in the unit of the target; row ids must differ."""
    return head.mean + head.scale * _outputs(model, rows, on_done)[:, 0].numpy()


def outcome_logs(model: PreTrainedModel, head: Head, rows: Sequence[Rendered]) -> NDArray[np.float64]:
    """(N, O) log-probabilities of a head's outcomes, by which a server proves itself; row ids must differ.

    Of a classifier they are its classes. A regressor's number, in standard deviations of the target from its mean, is
    the logit of the first of two outcomes, as its certificate has it.
    """
    outputs_NC = _outputs(model, rows, lambda done: None)
    if head.kind == "regression":
        outputs_NC = torch.cat((outputs_NC, torch.zeros_like(outputs_NC)), dim=1)
    logs_NO: NDArray[np.float64] = outputs_NC.log_softmax(1).numpy()
    return logs_NO


@torch.no_grad()
def _outputs(model: PreTrainedModel, rows: Sequence[Rendered], on_done: Callable[[int], None]) -> Tensor:
    """(N, C) float64, on the CPU."""
    model.eval()
    found: dict[str, Tensor] = {}
    for batch in lay_out(rows, MAX_BATCH_TOKENS, share=True, is_causal=model.config.model_type not in ENCODER_TYPES):
        there = batch.to(str(model.device))
        found |= zip(batch.row_ids, row_scores(model, hidden_states(model, there), there).double().cpu(), strict=True)
        on_done(len(batch.row_ids))
    return torch.stack([found[row.id] for row in rows])
