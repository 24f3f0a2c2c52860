"""Dropout of what attention and feed-forward part add to the residual stream, and of attention's own weights.

Both after Srivastava et al. 2014; the latter as in Vaswani et al. 2017's reference code, on the weights of the softmax.
The recipe alone says how much; what a model's configuration says of dropout is left out of account.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from torch import Tensor, nn
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3Attention

from tunesmith.errors import TunesmithError
from tunesmith.model.experts import expert_stacks
from tunesmith.model.fuse import RotaryAttention

LAST_LAYERS: Final = (".o_proj", ".down_proj", ".c_proj", ".output.dense", ".out_lin", ".lin2")
"""How the names of the linear layers end with which attention and feed-forward part end."""


ATTENTION: Final = (".attn_dropout", ".attention.self.dropout", ".attention.dropout")
"""How the names of the layers end that tell attention how much of its weights to drop, where it is not our own."""


def silence_dropout(model: nn.Module) -> None:
    """Let the layers that drop by the model's own configuration drop nothing."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    set_attention_dropout(model, 0.0)


def attach_dropout(model: nn.Module, share: float) -> None:
    """Drop a share of each part's output while the model is in training mode; torch's generator decides which.

    Raises TunesmithError `dropout-no-layers` where the model has none of the layers it acts on.
    """
    # routed experts end in no layer of their own: what a mixture puts out, shared experts included, drops as a whole
    mixtures = tuple(name.rpartition(".")[0] for name in expert_stacks(model))
    inside = tuple(f"{name}." for name in mixtures)
    ends = [
        module
        for name, module in model.named_modules()
        if name in mixtures or (name.endswith(LAST_LAYERS) and not name.startswith(inside))
    ]
    if not ends:
        raise TunesmithError("dropout-no-layers", layers=", ".join(name[1:] for name in LAST_LAYERS))
    for module in ends:
        module.register_forward_hook(partial(_drop, share))


def set_attention_dropout(model: nn.Module, share: float) -> None:
    """Drop a share of attention's weights while the model is in training mode."""
    for name, module in model.named_modules():
        if isinstance(module, RotaryAttention | DeepseekV3Attention):
            module.attention_dropout = share
        elif isinstance(module, nn.Dropout) and name.endswith(ATTENTION):
            module.p = share


def _drop(share: float, module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return nn.functional.dropout(output, share, module.training)
