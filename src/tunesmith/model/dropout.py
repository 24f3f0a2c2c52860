"""Dropout of what attention and feed-forward part add to the residual stream (Srivastava et al. 2014).

Attention's own weights are never dropped: the kernels that compute them whole do not write them down.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from torch import Tensor, nn

from tunesmith.errors import TunesmithError

LAST_LAYERS: Final = ("o_proj", "down_proj")
"""The linear layers with which attention and feed-forward part end."""


def attach_dropout(model: nn.Module, share: float) -> None:
    """Drop a share of each part's output while the model is in training mode; torch's generator decides which.

    Raises TunesmithError `dropout-no-layers` where the model has none of the layers it acts on.
    """
    ends = [module for name, module in model.named_modules() if name.rpartition(".")[2] in LAST_LAYERS]
    if not ends:
        raise TunesmithError("dropout-no-layers", layers=", ".join(LAST_LAYERS))
    for module in ends:
        module.register_forward_hook(partial(_drop, share))


def _drop(share: float, module: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return nn.functional.dropout(output, share, module.training)
