"""A frozen base kept in 4 bits, as QLoRA has it (Dettmers et al. 2023, arXiv:2305.14314): NF4 in blocks of 64 numbers,
their scales quantised once more (double quantisation). Storage and conversion are bitsandbytes'.

Shapes: T tokens, I inputs, O outputs.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from tunesmith.model.fits import is_adaptable

if TYPE_CHECKING:
    from bitsandbytes.functional import QuantState

BLOCK: Final = 64
"""Numbers that share a scale."""


@dataclass(frozen=True, slots=True)
class FourBitWeight:
    """(O, I) numbers in 4 bits each; whole only as long as a product lasts."""

    packed: Tensor
    state: QuantState

    @classmethod
    def of(cls, weight_OI: Tensor) -> FourBitWeight:
        from bitsandbytes.functional import quantize_4bit

        packed, state = quantize_4bit(weight_OI, blocksize=BLOCK, compress_statistics=True, quant_type="nf4")
        return cls(packed, state)

    def whole(self) -> Tensor:
        """(O, I) in the type that it was quantised from."""
        from bitsandbytes.functional import dequantize_4bit

        weight_OI: Tensor = dequantize_4bit(self.packed, self.state)
        return weight_OI

    @property
    def shape(self) -> torch.Size:
        """(O, I)"""
        return torch.Size(self.state.shape)

    def new_zeros(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=self.state.dtype, device=self.packed.device)


def whole(weight_OI: Tensor | FourBitWeight) -> Tensor:
    """A weight as numbers that can be multiplied."""
    return weight_OI.whole() if isinstance(weight_OI, FourBitWeight) else weight_OI


class _FrozenProduct(torch.autograd.Function):
    """x W^T + b, for whose gradient nothing is kept: the weight is made whole once more in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: FourBitWeight, bias_O: Tensor | None) -> Tensor:
        ctx.weight = weight
        return nn.functional.linear(x, weight.whole(), bias_O)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad @ ctx.weight.whole(), None, None


class FourBitLinear(nn.Module):
    """A frozen linear layer with its weight in 4 bits."""

    def __init__(self, weight: FourBitWeight, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.weight = weight
        self.bias = bias
        self.out_features, self.in_features = weight.shape

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = _FrozenProduct.apply(x, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return y


def keep_in_four_bits(model: nn.Module, device: str) -> None:
    """Replace the linear layers of a decoder's layers, one after the other, each quantised on `device`.

    What stays whole - embeddings, norms, biases, the head - is copied, so that the files it was read from are closed.
    """
    # on some CPUs its import tells of code on the Hub that could be fetched, which nobody wants here
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    model.requires_grad_(False)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and is_adaptable(name):
            weight = FourBitWeight.of(module.weight.detach().to(device))
            model.set_submodule(name, FourBitLinear(weight, module.bias))
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
