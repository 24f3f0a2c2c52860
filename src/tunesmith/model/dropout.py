"""Dropout of what attention and feed-forward part add to the residual stream, and of attention's own weights.

Both after Srivastava et al. 2014; the latter as in Vaswani et al. 2017's reference code, on the weights of the softmax.
The recipe alone says how much; what a model's configuration says of dropout is left out of account.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from torch import Tensor, nn
from transformers import PreTrainedModel

from tunesmith.errors import TunesmithError
from tunesmith.model.base import DENSE_TYPES, MIXTURE_TYPES
from tunesmith.model.fits import require_attention_dropout

LAST_LAYERS: Final = (".o_proj", ".down_proj", ".c_proj", ".output.dense", ".out_lin", ".lin2")
"""How the names of the linear layers end with which attention and feed-forward part end."""


def silence_dropout(model: nn.Module) -> None:
    """Let the layers that drop by the model's own configuration drop nothing."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0


def attach_dropout(model: nn.Module, share: float) -> None:
    """Drop a share of each part's output while the model is in training mode; torch's generator decides which.

    Raises TunesmithError `dropout-no-layers` where the model has none of the layers it acts on.
    """
    ends = [module for name, module in model.named_modules() if name.endswith(LAST_LAYERS)]
    if not ends:
        raise TunesmithError("dropout-no-layers", layers=", ".join(name[1:] for name in LAST_LAYERS))
    for module in ends:
        module.register_forward_hook(partial(_drop, share))


def set_attention_dropout(model: PreTrainedModel, share: float) -> None:
    """Drop a share of attention's weights while the model is in training mode; 0 turns off what a base came with.

    Raises TunesmithError `attention-dropout-type` where attention can drop none, unless the share is 0.
    """
    if model.config.model_type not in (*DENSE_TYPES, *MIXTURE_TYPES):
        if share:
            require_attention_dropout(model.config.model_type)
        return
    for layer in model.base_model.layers:
        layer.self_attn.attention_dropout = share


def _drop(share: float, module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return nn.functional.dropout(output, share, module.training)
