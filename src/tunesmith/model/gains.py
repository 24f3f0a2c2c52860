"""Whether each layer of a model is still that of another one, seen from outside: what it gives for the same input.

A fault of one layer, such as scales that are 2 % off, may move no token of a few hundred prompts. Here it stands out
whatever the layer is made of (whole numbers, a low-rank path, 8 bits): random errors of rounding average out along the
other model's output, an error of scale or of place does not.

Shapes: N probes, I inputs, O outputs.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from tunesmith.model.four_bit import FourBitLinear
from tunesmith.model.lora import LoraLinear

NUM_PROBES: Final = 32
NUM_TOKENS: Final = 2048
"""Rows of an embedding that are looked at."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What one layer was given, and what it gave."""

    given: Tensor
    """(N, I), or (N,) ids of an embedding."""
    gave_NO: Tensor


@torch.no_grad()
def probed(model: PreTrainedModel) -> dict[str, Probe]:
    """Every linear layer and every embedding of a model by name, each given numbers that depend on its name alone."""
    found = {}
    for name, layer in model.named_modules():
        given = _input_of(name, layer, model)
        if given is not None:
            found[name] = Probe(given, layer(given))
    return found


@torch.no_grad()
def gain_errors(model: PreTrainedModel, probes: dict[str, Probe]) -> dict[str, float]:
    """By layer |<y, z> / <z, z> - 1|, where z is what was given then and y is what `model` gives now.

    NaN where either is not finite. Raises AttributeError where the model lacks a layer.
    """
    errors = {}
    for name, probe in probes.items():
        then_NO, now_NO = probe.gave_NO.double(), model.get_submodule(name)(probe.given).double()
        size = float((then_NO * then_NO).sum())
        along = float((now_NO * then_NO).sum())
        # a layer of zeros has to stay one
        errors[name] = abs(along / size - 1.0) if size else float(now_NO.abs().max())
    return errors


def _input_of(name: str, layer: nn.Module, model: PreTrainedModel) -> Tensor | None:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    if isinstance(layer, nn.Embedding):
        num_ids = min(NUM_TOKENS, layer.num_embeddings)
        return torch.randperm(layer.num_embeddings, generator=generator)[:num_ids].to(model.device)
    num_inputs = _num_inputs(layer)
    if num_inputs is None:
        return None
    return torch.randn(NUM_PROBES, num_inputs, generator=generator).to(model.device, model.dtype)


def _num_inputs(layer: nn.Module) -> int | None:
    match layer:
        case nn.Linear():
            return layer.in_features
        case LoraLinear():
            return int(layer.lora_a_SRI.shape[2])
        case FourBitLinear():
            return int(layer.weight.shape[1])
        case Conv1D():
            return int(layer.nx)
        case _:
            return None
