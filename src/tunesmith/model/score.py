"""Models with a head of their own in place of the language-model head: one row of numbers for a whole text.

transformers' `...ForSequenceClassification`: the linear layer `score`, without bias, on the hidden state of the last
token. A head with one output is trained by transformers' users as regression.

Shapes: R rows, C outputs, D hidden.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers.utils import logging as transformers_logging

from tunesmith.artifacts.head import Head
from tunesmith.model.attention import NAME
from tunesmith.model.layout import MicroBatch
from tunesmith.model.lora import SCORE


def load_with_head(folder: Path, head: Head, *, dtype: torch.dtype, device: str) -> PreTrainedModel:
    """Read a checked folder's weights under a `score` layer, which a base does not have: see `begin_score`."""
    transformers_logging.disable_progress_bar()
    # says at length that a base has no `score`, which is known
    transformers_logging.set_verbosity_error()
    names = head.classes if head.kind == "classification" else ("value",)
    model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
        folder,
        dtype=dtype,
        attn_implementation=NAME,
        use_safetensors=True,
        local_files_only=True,
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
        problem_type="single_label_classification" if head.kind == "classification" else "regression",
    )
    return model.to(device).eval()


def score_layer(model: PreTrainedModel) -> nn.Linear:
    layer = model.get_submodule(SCORE)
    assert isinstance(layer, nn.Linear)
    return layer


def begin_score(model: PreTrainedModel, pad_id: int, seed: int) -> None:
    """Let the head be trained, from weights drawn as transformers draws them: normal, `initializer_range` wide.

    `pad_id` goes into the configuration: of a padded batch, transformers takes the last token that is not it.
    """
    model.config.pad_token_id = pad_id
    weight_CD = score_layer(model).weight
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.empty(weight_CD.shape).normal_(0.0, model.config.initializer_range, generator=generator)
    with torch.no_grad():
        weight_CD.copy_(drawn)
    weight_CD.requires_grad_()


def row_scores(model: PreTrainedModel, hidden_TD: Tensor, batch: MicroBatch) -> Tensor:
    """(R, C) float32 outputs of the head for each row."""
    scores_RC: Tensor = score_layer(model)(hidden_TD[batch.last_R])
    return scores_RC.float()
