"""Which heads, neurons and single weights of a base are worth least, told by its weights alone.

A head is worth what it can write: the norm of W_O,h W_V,h, by which what it attends to becomes what it adds (Elhage et
al. 2021, "A mathematical framework for transformer circuits"). A neuron is worth the product of the norms of its rows
and of its column (the production of Ma et al. 2023, arXiv:2305.11627, section 3.2). The bias of a row counts as one
more input. A single weight is worth its magnitude (Han et al. 2015, arXiv:1506.02626). Of equals the first stay.

Shapes: O outputs, I inputs of a weight; G groups of Q query heads, X numbers of all heads; N neurons; K kept ones.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from tunesmith.model.base import LEARNED_POSITION_TYPES, Base
from tunesmith.model.fits import linear_names, weight_shapes
from tunesmith.model.prune_fits import FEED_FORWARD, Heads, heads_after, layer_prefixes, neurons_left

Cuts = dict[str, tuple[int, Tensor]]
"""By the name of a weight, the axis along which it is cut, and the numbers of what stays along it."""


class _Stored:
    """The weights of a model folder, each read when it is asked for, its outputs first."""

    def __init__(self, base: Base) -> None:
        self._files: dict[str, Path] = {}
        for file in sorted(base.folder.glob("*.safetensors")):
            with safe_open(file, framework="pt") as tensors:
                self._files |= dict.fromkeys(tensors.keys(), file)
        self.is_turned = base.model_type in LEARNED_POSITION_TYPES
        """Whether the files have the inputs of a linear layer first."""
        self.prefixes = layer_prefixes(self._files)

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def matrix(self, layer: str) -> Tensor:
        """(O, I) weight of a linear layer, float32."""
        return self._read(f"{layer}.weight").T if self.is_turned else self._read(f"{layer}.weight")

    def rows(self, layer: str) -> Tensor:
        """(O, I) or, with a bias, (O, I + 1)."""
        matrix_OI, bias = self.matrix(layer), f"{layer}.bias"
        return torch.cat((matrix_OI, self._read(bias)[:, None]), dim=1) if bias in self else matrix_OI

    def _read(self, name: str) -> Tensor:
        with safe_open(self._files[name], framework="pt") as tensors:
            tensor: Tensor = tensors.get_tensor(name)
        return tensor.float()

    def cut_rows(self, layer: str, kept_K: Tensor) -> Cuts:
        bias = f"{layer}.bias"
        return {f"{layer}.weight": (int(self.is_turned), kept_K)} | ({bias: (0, kept_K)} if bias in self else {})

    def cut_columns(self, layer: str, kept_K: Tensor) -> Cuts:
        return {f"{layer}.weight": (int(not self.is_turned), kept_K)}


def heads_that_stay(base: Base, share: float, layers: Collection[int]) -> dict[int, Tensor]:
    """(K,) numbers of the query heads that stay, ascending, by layer. Raises what `heads_after` raises."""
    stored, heads = _Stored(base), heads_after(base, share)
    found = {}
    for layer in sorted(layers):
        attention = f"{stored.prefixes[layer]}self_attn"
        worth_GQ = head_worth(stored.matrix(f"{attention}.o_proj"), stored.rows(f"{attention}.v_proj"), heads)
        if heads.are_alone:
            found[layer] = _largest(worth_GQ.flatten(), heads.num_left)
        else:
            kept_GK = _largest(worth_GQ, heads.num_left // heads.num_groups)
            first_G = torch.arange(heads.num_groups) * (heads.num // heads.num_groups)
            found[layer] = (first_G[:, None] + kept_GK).flatten()
    return found


def head_worth(out_OX: Tensor, values_XI: Tensor, heads: Heads) -> Tensor:
    """(G, Q) norm of the product of each head's columns of `out_OX` with its group's rows of `values_XI`.

    |A B|^2 is the sum over the elementwise product of A^T A and B B^T, which are as small as a head.
    """
    out_OGQS = out_OX.view(len(out_OX), heads.num_groups, -1, heads.size)
    values_GSI = values_XI.view(heads.num_groups, heads.size, -1)
    out_GQSS = torch.einsum("ogqs,ogqt->gqst", out_OGQS, out_OGQS)
    values_GSS = values_GSI @ values_GSI.mT
    return (out_GQSS * values_GSS[:, None]).sum((-1, -2)).clamp(min=0.0).sqrt()


def head_cuts(base: Base, share: float, kept: dict[int, Tensor]) -> Cuts:
    """What of the attention of these layers stays, given which heads of each do."""
    stored, heads = _Stored(base), heads_after(base, share)
    cuts: Cuts = {}
    for layer, kept_H in kept.items():
        attention = f"{stored.prefixes[layer]}self_attn"
        kept_K = (kept_H[:, None] * heads.size + torch.arange(heads.size)).flatten()
        for name in ("q_proj", "k_proj", "v_proj") if heads.are_alone else ("q_proj",):
            cuts |= stored.cut_rows(f"{attention}.{name}", kept_K)
        cuts |= stored.cut_columns(f"{attention}.o_proj", kept_K)
    return cuts


def neuron_cuts(base: Base, share: float, layers: Collection[int]) -> Cuts:
    """What of the feed-forward parts of these layers stays. Raises what `neurons_left` raises."""
    stored, num_left, names = _Stored(base), neurons_left(base, share), FEED_FORWARD[base.model_type]
    cuts: Cuts = {}
    for layer in sorted(layers):
        prefix = stored.prefixes[layer]
        worth_N = torch.linalg.vector_norm(stored.matrix(f"{prefix}{names.writes}"), dim=0)
        for name in names.reads:
            worth_N = worth_N * torch.linalg.vector_norm(stored.rows(f"{prefix}{name}"), dim=1)
        kept_K = _largest(worth_N, num_left)
        for name in names.reads:
            cuts |= stored.cut_rows(f"{prefix}{name}", kept_K)
        cuts |= stored.cut_columns(f"{prefix}{names.writes}", kept_K)
    return cuts


def _largest(worth: Tensor, num: int) -> Tensor:
    """Places of the `num` largest along the last axis, ascending; of equals the first."""
    return worth.argsort(dim=-1, descending=True, stable=True)[..., :num].sort(dim=-1).values


def zeroed(weight: Tensor, share: float) -> Tensor:
    """A copy with so many of its numbers set to 0, rounded down: those of the least magnitude, of equals the last."""
    flat = weight.flatten()
    num = int(share * flat.numel())
    if num == 0:
        return weight.clone()
    size = flat.abs().float()
    limit = size.kthvalue(num).values
    gone = size < limit
    equal = (size == limit).nonzero().flatten()
    gone[equal[len(equal) - (num - int(gone.sum())) :]] = True
    return flat.masked_fill(gone, 0.0).view(weight.shape)


def zero_share(folder: Path) -> float:
    """Share of exact zeros among all numbers of the linear layers of a model folder, embeddings and head left out."""
    shapes = weight_shapes(folder)
    names = {f"{name}.weight" for name in linear_names(shapes)}
    num_zeros = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            for name in names.intersection(tensors.keys()):
                num_zeros += int((tensors.get_tensor(name) == 0).sum())
    return num_zeros / sum(math.prod(shapes[name]) for name in names)
