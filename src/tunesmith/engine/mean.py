"""Texts to directions with a model that is loaded anyway: the mean of the last states of their tokens.

Shapes: N texts, T flat tokens, D width of the model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tunesmith.engine.local import MAX_BATCH_TOKENS
from tunesmith.model.base import ENCODER_TYPES
from tunesmith.model.layout import behind, lay_out
from tunesmith.model.load import hidden_states
from tunesmith.model.virtual import virtual_ids
from tunesmith.records import Rendered


@torch.no_grad()
def mean_directions(model: PreTrainedModel, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """(N, D) of length 1, from the tokens of each text; zeros for a text without any."""
    rows = [
        Rendered(str(number), np.array(ids, np.int32), np.zeros(len(ids), np.float32))
        for number, ids in enumerate(texts)
        if ids
    ]
    virtual = virtual_ids(model)
    vectors_ND = np.zeros((len(texts), model.config.hidden_size), np.float32)
    is_causal = model.config.model_type not in ENCODER_TYPES
    laid = lay_out(behind(rows, virtual), MAX_BATCH_TOKENS, share=True, is_causal=is_causal) if rows else []
    for batch in laid:
        hidden_TD = hidden_states(model, batch.to(str(model.device))).float()
        for name, places_T in zip(batch.row_ids, batch.places_R, strict=True):
            own_T = torch.from_numpy(places_T[len(virtual) :]).to(hidden_TD.device)
            vectors_ND[int(name)] = torch.nn.functional.normalize(hidden_TD[own_T].mean(0), dim=0).cpu().numpy()
    return vectors_ND
