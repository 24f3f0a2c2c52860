"""Weights in 8 bits with one scale a row, embeddings among them, and the layers that compute with them.

A row w of a weight is kept as whole numbers q and a scale s, w being about s q. The scale is max |w| / 127, rounded up
to a number that bfloat16 has: multiplied in bf16 or in fp32, a row is scaled by the very same number. q is w / s,
rounded half to even, so that no number is off by more than s / 2.

On disk they lie as torchao has them, so that transformers loads them wherever torchao is. In this process layers of our
own take their place: torchao's multiply by a copy of the weight that they widen for each product, and look tokens up in
one of the whole table.

Shapes: T tokens, I inputs, O outputs (rows of the weight), B any batch.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

LARGEST: Final = 127
FEW_ROWS: Final = 4
"""Up to so many rows of bf16 a CPU multiplies by the 8 bits as it reads them."""
SOME_ROWS: Final = 64
"""Up to so many it multiplies as whole numbers; more pay for widening the weight."""
HIGH: Final = 128
"""What the upper half of a whole number of 15 bits counts."""


def quantise_rows(weight_OI: Tensor) -> tuple[Tensor, Tensor]:
    """(O, I) int8 numbers and their (O,) float32 scales; a row of zeros has the scale 1.

    Numbers that are not finite have no scale: to be refused before.
    """
    weight_OI = weight_OI.float()
    highest_O = weight_OI.abs().amax(dim=1)
    # the upper half of a positive float32 is a bfloat16: what the lower half has beyond it is carried
    bits_O = (highest_O / LARGEST).view(torch.int32)
    scales_O = ((bits_O + 0xFFFF) & -0x10000).view(torch.float32)
    scales_O = torch.where(highest_O > 0, scales_O, 1.0)
    return (weight_OI / scales_O[:, None]).round().to(torch.int8), scales_O


class Int8Weight(nn.Module):
    """(O, I) numbers in 8 bits; tied layers have one between them."""

    def __init__(self, values_OI: Tensor, scales_O: Tensor, dtype: torch.dtype) -> None:
        """`dtype` is that of the activations; the scales lose nothing in bf16 or fp32."""
        super().__init__()
        self.values_OI: Tensor
        self.scales_O: Tensor
        self.register_buffer("values_OI", values_OI.contiguous())
        self.register_buffer("scales_O", scales_O.flatten().to(dtype))

    @property
    def shape(self) -> torch.Size:
        """(O, I)"""
        return self.values_OI.shape

    def product(self, x_TI: Tensor) -> Tensor:
        """(T, O): x W^T."""
        if x_TI.device.type != "cpu":
            return x_TI @ (self.values_OI * self.scales_O[:, None]).T
        if x_TI.dtype == torch.bfloat16 and len(x_TI) <= FEW_ROWS:
            y_TO: Tensor = torch._weight_int8pack_mm(x_TI.contiguous(), self.values_OI, self.scales_O)
            return y_TO
        # without these instructions a CPU's sums of whole numbers may run over
        if x_TI.dtype == torch.bfloat16 and len(x_TI) <= SOME_ROWS and torch.cpu._is_vnni_supported():
            return _product_of_whole_numbers(x_TI, self.values_OI, self.scales_O)
        return (x_TI @ self.values_OI.to(x_TI.dtype).T) * self.scales_O

    def rows(self, ids_B: Tensor) -> Tensor:
        """(B, I): these rows of W."""
        return self.values_OI[ids_B] * self.scales_O[ids_B][..., None]


def _product_of_whole_numbers(x_TI: Tensor, values_OI: Tensor, scales_O: Tensor) -> Tensor:
    """(T, O), added up in whole numbers, without error.

    A row of x is rounded to whole numbers of 15 bits, which is finer than bf16 rounds its largest numbers; each is two
    numbers of 8 bits, an upper and a lower half, that are multiplied side by side.
    """
    num_rows, x_TI = len(x_TI), x_TI.float()
    highest_T1 = x_TI.abs().amax(dim=1, keepdim=True)
    steps_T1 = torch.where(highest_T1 == 0, 1.0, highest_T1 / (HIGH * LARGEST))
    whole_TI = (x_TI / steps_T1).round_()
    upper_TI = (whole_TI / HIGH).round()
    halves = torch.cat((upper_TI, whole_TI.sub_(upper_TI, alpha=HIGH))).to(torch.int8)
    sums = torch._int_mm(halves, values_OI.T)
    y_TO = torch.add(sums[num_rows:].float(), sums[:num_rows], alpha=HIGH)
    return y_TO.mul_(steps_T1).mul_(scales_O).to(scales_O.dtype)


class Int8Linear(nn.Module):
    """A linear layer with its weight in 8 bits."""

    def __init__(self, weight: Int8Weight, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.weight = weight
        self.bias = bias
        self.out_features, self.in_features = weight.shape

    def forward(self, x: Tensor) -> Tensor:
        y_TO = self.weight.product(x.reshape(-1, self.in_features))
        if self.bias is not None:
            y_TO = y_TO + self.bias
        return y_TO.view(*x.shape[:-1], self.out_features)


class Int8Embedding(nn.Module):
    """Embeddings in 8 bits: only the rows that are asked for are widened."""

    def __init__(self, weight: Int8Weight) -> None:
        super().__init__()
        self.weight = weight
        self.num_embeddings, self.embedding_dim = weight.shape

    def forward(self, ids_B: Tensor) -> Tensor:
        return self.weight.rows(ids_B)


def is_in_int8(folder: Path) -> bool:
    """Whether a model folder says that its weights lie as torchao has them."""
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("quantization_config")
    return isinstance(settings, dict) and settings.get("quant_method") == "torchao"


def keep_in_int8(model: nn.Module, dtype: torch.dtype) -> None:
    """Replace the layers whose weights torchao read in 8 bits by layers of our own; `dtype` is the activations'."""
    from torchao.quantization import Int8Tensor

    model.requires_grad_(False)
    weights: dict[int, Int8Weight] = {}
    for name, module in list(model.named_modules()):
        if not (isinstance(module, nn.Linear | nn.Embedding) and isinstance(module.weight, Int8Tensor)):
            continue
        read = module.weight
        weight = weights.setdefault(id(read), Int8Weight(read.qdata, read.scale, dtype))
        layer = Int8Linear(weight, module.bias) if isinstance(module, nn.Linear) else Int8Embedding(weight)
        model.set_submodule(name, layer)
