"""Models with a head of their own in place of the language-model head: one row of numbers for a whole text.

transformers' `...ForSequenceClassification`. Decoders: the linear layer `score`, without bias, on the hidden state of
the last token. Encoders: on that of the first token, through what their family puts before the outputs: a pooler
(BERT), a dense layer with tanh (RoBERTa) or with ReLU (DistilBERT). A head with one output is trained by transformers'
users as regression.

Shapes: R rows, C outputs, D hidden.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers.utils import logging as transformers_logging

from tunesmith.artifacts.head import Head
from tunesmith.model.attention import NAME
from tunesmith.model.base import ENCODER_TYPES
from tunesmith.model.dropout import silence_dropout
from tunesmith.model.fits import is_of_head
from tunesmith.model.four_bit import keep_in_four_bits
from tunesmith.model.fuse import fuse
from tunesmith.model.layout import MicroBatch
from tunesmith.model.vector_math import choose_kernels


def load_with_head(
    folder: Path, head: Head, *, dtype: torch.dtype, device: str, four_bit: bool = False
) -> PreTrainedModel:
    """Read a checked folder's weights under a head, whose outputs a base does not have: see `begin_score`.

    Other weights that the folder lacks (the pooler of an encoder that was trained on masked words alone) are drawn the
    same way each time.
    """
    transformers_logging.disable_progress_bar()
    choose_kernels()
    # says at length that a base has no head, which is known
    transformers_logging.set_verbosity_error()
    names = head.classes if head.kind == "classification" else ("value",)
    model: PreTrainedModel
    model, found = AutoModelForSequenceClassification.from_pretrained(
        folder,
        dtype=dtype,
        attn_implementation=NAME,
        use_safetensors=True,
        local_files_only=True,
        ignore_mismatched_sizes=True,  # of another head's outputs, which are drawn anew
        output_loading_info=True,
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
        problem_type="single_label_classification" if head.kind == "classification" else "regression",
    )
    missing = set(found["missing_keys"])
    _draw(model, [parameter for name, parameter in model.named_parameters() if name in missing], seed=0)
    if model.config.model_type not in ENCODER_TYPES:
        fuse(model)
    silence_dropout(model)
    if four_bit:
        keep_in_four_bits(model, device)
    return model.to(device).eval()


def begin_score(model: PreTrainedModel, pad_id: int, seed: int) -> None:
    """Let the head be trained, its layers but a pooler's drawn as transformers draws them: normal, `initializer_range`
    wide, biases 0.

    `pad_id` goes into a decoder's configuration: of a padded batch, transformers takes the last token that is not it.
    """
    if model.config.model_type not in ENCODER_TYPES:
        model.config.pad_token_id = pad_id
    named = [(name, parameter) for name, parameter in model.named_parameters() if is_of_head(name)]
    _draw(model, [parameter for name, parameter in named if ".pooler." not in name], seed)
    for _, parameter in named:
        parameter.requires_grad_()


@torch.no_grad()
def _draw(model: PreTrainedModel, parameters: Iterable[nn.Parameter], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        if parameter.ndim < 2:
            parameter.zero_()
        else:
            drawn = torch.empty(parameter.shape).normal_(0.0, model.config.initializer_range, generator=generator)
            parameter.copy_(drawn)


def row_scores(model: PreTrainedModel, hidden_TD: Tensor, batch: MicroBatch) -> Tensor:
    """(R, C) float32 outputs of the head for each row."""
    read_RD = hidden_TD[batch.read_R]
    scores_RC: Tensor
    match model.config.model_type:
        case "bert":
            pooled_RD = model.base_model.get_submodule("pooler")(read_RD[:, None])
            scores_RC = model.get_submodule("classifier")(pooled_RD)
        case "roberta" | "xlm-roberta":
            scores_RC = model.get_submodule("classifier")(read_RD[:, None])
        case "distilbert":
            pooled_RD = model.get_submodule("pre_classifier")(read_RD).relu()
            scores_RC = model.get_submodule("classifier")(pooled_RD)
        case _:
            scores_RC = model.get_submodule("score")(read_RD)
    return scores_RC.float()
