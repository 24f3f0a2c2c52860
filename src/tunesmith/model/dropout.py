"""Dropout of what attention and feed-forward part add to the residual stream (Srivastava et al. 2014).

The recipe alone says how much; what a model's configuration says of dropout is left out of account. Attention's own
weights are never dropped: the kernels that compute them whole do not write them down.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from torch import Tensor, nn

from tunesmith.errors import TunesmithError

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


def _drop(share: float, module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return nn.functional.dropout(output, share, module.training)
