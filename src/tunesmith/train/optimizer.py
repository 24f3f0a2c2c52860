"""Optimisers over flat buffers: all trained parameters are views of one vector, updated in a few fused calls.

The parameters of the model are in the compute type; a float32 master copy receives the updates, so that bf16 and fp16
training do not lose steps smaller than half a unit in the last place. In fp16 losses are scaled.

Shapes: N trained numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor, nn

from tunesmith.errors import TunesmithError
from tunesmith.recipe.optimizers import AnyOptimizer, Muon
from tunesmith.train.loss_scale import LossScale, share_of
from tunesmith.train.part import Part
from tunesmith.train.updates import make_rule


@dataclass(frozen=True, slots=True)
class Penalties:
    """What else acts on gradients and weights, whatever the optimiser."""

    max_grad_norm: float = 1.0
    l1: float = 0.0
    """Strength of the L1 penalty on matrices, by its proximal step: |w| shrinks by rate * l1, and stops at 0."""
    layer_rate_decay: float = 1.0
    """Each layer's rate is this times that of the layer above it."""
    holds_zeros: bool = False
    """Numbers of the layers' matrices that are 0 at the start stay 0; a matrix of nothing else is free to move."""


@dataclass(frozen=True, slots=True)
class _Trained:
    parameter: nn.Parameter
    rate_factor: float
    matrix: tuple[int, int] | None
    holds_zeros: bool

    @property
    def kind(self) -> tuple[bool, tuple[int, int], float]:
        """Parameters of one kind form a part; matrices come first."""
        return self.parameter.ndim < 2, self.matrix or (0, 0), -self.rate_factor


class FlatOptimizer:
    """The recipe's optimiser on a model's trained parameters, given with their names."""

    def __init__(
        self,
        named_parameters: Iterable[tuple[str, nn.Parameter]],
        settings: AnyOptimizer,
        penalties: Penalties | None = None,
    ) -> None:
        """Raises TunesmithError `layer-rates-no-layers`, `muon-no-matrices`."""
        self.penalties = penalties or Penalties()
        trained = sorted(_trained(named_parameters, settings, self.penalties), key=lambda one: one.kind)
        self._parameters = [one.parameter for one in trained]
        self._compute_N = torch.cat([p.detach().flatten() for p in self._parameters])
        self._held_N = _held(trained)
        self._compute_grad_N = torch.zeros_like(self._compute_N)
        self.master_N = self._compute_N.float()
        """The trained numbers, float32. Shares memory with the model when that is float32 too."""
        self.grad_N = self._compute_grad_N.float()
        self._bind()
        self._parts = self._cut(trained)
        is_narrow = self._compute_N.dtype == torch.float16
        self._scale = LossScale(self._compute_N.device) if is_narrow else None
        # gradients that are no longer scaled would be lost in it
        self._rule = make_rule(settings, self._parts, torch.float32 if is_narrow else self._compute_N.dtype)

    def _bind(self) -> None:
        """Make every trained parameter and its gradient a view of the flat vectors."""
        start = 0
        for parameter in self._parameters:
            stop = start + parameter.numel()
            parameter.data = self._compute_N[start:stop].view_as(parameter)
            parameter.grad = self._compute_grad_N[start:stop].view_as(parameter)
            start = stop

    def _cut(self, trained: Sequence[_Trained]) -> list[Part]:
        """One part for each kind of parameters, which lie together."""
        parts = []
        start = 0
        for (is_vector, _, _), alike in groupby(trained, key=lambda one: one.kind):
            members = list(alike)
            stop = start + sum(one.parameter.numel() for one in members)
            views = self.master_N[start:stop], self.grad_N[start:stop]
            parts.append(Part(*views, not is_vector, members[0].rate_factor, members[0].matrix))
            start = stop
        return parts

    def backward(self, loss_sum: Tensor, weight: float) -> None:
        """Add the gradients of a micro-batch's loss, whose weight is given, to the step's float32 sum."""
        if self._scale is None:
            loss_sum.backward()  # type: ignore[no-untyped-call]
            self.collect()
        else:
            share = share_of(weight)
            (loss_sum * (self._scale.factor / share)).backward()  # type: ignore[no-untyped-call]
            self.collect(share)

    def collect(self, factor: float = 1.0) -> None:
        """Add the gradients of one backward pass, times `factor`, to the step's float32 sum."""
        if self.grad_N.data_ptr() != self._compute_grad_N.data_ptr():
            self.grad_N.add_(self._compute_grad_N, alpha=factor)
            self._compute_grad_N.zero_()

    @property
    def loss_scale(self) -> Tensor | None:
        """What losses are multiplied by before their backward pass (0-dim, a copy); None but in float16."""
        return None if self._scale is None else self._scale.factor.clone()

    def discard(self) -> None:
        """Forget what a step that could not be finished has summed."""
        self._compute_grad_N.zero_()
        self.grad_N.zero_()

    @torch.no_grad()
    def step(self, learning_rate: float, weight: float) -> Tensor:
        """Divide the summed gradients by the step's weight, clip, update. Returns the gradient norm (0-dim).

        This is the one place that divides. A gradient that is not finite leaves weights and moments untouched: a
        flag on the device skips the update.
        """
        self.grad_N.mul_(1.0 / weight if self._scale is None else 1.0 / (self._scale.factor * weight))
        if self._held_N is not None:  # the norm is that of what moves
            self.grad_N.masked_fill_(self._held_N, 0.0)
        norm: Tensor = torch.linalg.vector_norm(self.grad_N)
        self.grad_N.mul_((self.penalties.max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        is_sound = torch.isfinite(norm)
        if self._scale is not None:
            self._scale.update(is_sound)
        self._rule.apply(learning_rate, is_sound)
        if self.penalties.l1:
            self._shrink(learning_rate, is_sound)
        if self._held_N is not None:  # Muon's update is dense
            self.master_N.masked_fill_(self._held_N, 0.0)
        self.grad_N.zero_()
        if self.master_N.data_ptr() != self._compute_N.data_ptr():
            self._compute_N.copy_(self.master_N)
        return norm

    def _shrink(self, learning_rate: float, is_sound: Tensor) -> None:
        """The proximal step of rate * l1 * |w|: soft thresholding (Parikh & Boyd 2014, section 6.5.2)."""
        for part in self._parts:
            if part.decays:
                reach = learning_rate * part.rate_factor * self.penalties.l1 * is_sound.float()
                part.weights_N.sub_(part.weights_N.clamp(-reach, reach))

    def state(self) -> dict[str, Tensor]:
        """Everything a resumed run needs: master weights, moments, step counts, the scale of losses."""
        scale = {} if self._scale is None else self._scale.state()
        return {"master": self.master_N, **self._rule.state(), **scale}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `state` gave, into the same buffers."""
        with torch.no_grad():
            for name, tensor in self.state().items():
                tensor.copy_(tensors[name])
            self._compute_N.copy_(self.master_N)

    def load_master(self, master_N: Tensor) -> None:
        """Put other weights in place, as when the best checkpoint is taken."""
        with torch.no_grad():
            self.master_N.copy_(master_N)
            self._compute_N.copy_(master_N)


def _trained(
    named_parameters: Iterable[tuple[str, nn.Parameter]], settings: AnyOptimizer, penalties: Penalties
) -> list[_Trained]:
    """The parameters to train, in the model's order, each with its rate factor and, for Muon, its shape."""
    named = list(named_parameters)
    layers = [_layer_of(name) for name, _ in named]
    factors = [1.0] * len(named)
    if penalties.layer_rate_decay < 1.0:
        factors = _rate_factors(layers, penalties.layer_rate_decay)
    found = []
    for (_, parameter), layer, factor in zip(named, layers, factors, strict=True):
        if parameter.requires_grad:
            is_matrix = layer is not None and parameter.ndim >= 2
            is_orthogonal = isinstance(settings, Muon) and is_matrix
            matrix = (parameter.shape[-2], parameter.shape[-1]) if is_orthogonal else None
            is_held = penalties.holds_zeros and is_matrix and bool(parameter.any())
            found.append(_Trained(parameter, factor, matrix, is_held))
    if isinstance(settings, Muon) and all(one.matrix is None for one in found):
        raise TunesmithError("muon-no-matrices")
    return found


def _held(trained: Sequence[_Trained]) -> Tensor | None:
    """(N,) bool: the numbers that stay 0; None where none is held."""
    if not any(one.holds_zeros for one in trained):
        return None
    free = torch.zeros((), dtype=torch.bool, device=trained[0].parameter.device)
    return torch.cat(
        [((one.parameter == 0) if one.holds_zeros else free.expand_as(one.parameter)).flatten() for one in trained]
    )


def _layer_of(name: str) -> int | None:
    """The first number in a parameter's dotted name is its layer's."""
    return next((int(word) for word in name.split(".") if word.isdigit()), None)


def _rate_factors(layers: Sequence[int | None], decay: float) -> list[float]:
    """1 in the top layer and in what comes after it, `decay` times as much in each layer below, least before them."""
    numbered = [layer for layer in layers if layer is not None]
    if not numbered:
        raise TunesmithError("layer-rates-no-layers")
    top, first = max(numbered), next(place for place, layer in enumerate(layers) if layer is not None)
    depths = [
        top - layer if layer is not None else (top + 1 if place < first else 0) for place, layer in enumerate(layers)
    ]
    return [decay**depth for depth in depths]
