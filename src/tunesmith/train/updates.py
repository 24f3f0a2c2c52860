"""Update rules over parts of a flat vector. None waits for the device, and a bad gradient leaves all as it was.

Shapes: N numbers of a part; M matrices of A by B numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn

from tunesmith.recipe.optimizers import Adam, AdamW, AdamW8Bit, AnyOptimizer, Muon, RmsProp, Sgd
from tunesmith.train.eight_bit import EightBitAdamW
from tunesmith.train.part import Part

NEWTON_SCHULZ: Final = (3.4445, -4.7750, 2.0315)
"""Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks": steepest at zero."""
NUM_ITERATIONS: Final = 5
MIN_NORM: Final = 1e-7
MAX_TOGETHER: Final = 1 << 24
"""Numbers made orthogonal in one batch: a few times as much memory is needed beside them."""
MUON_SCALE: Final = 0.2
"""Root mean square of a usual AdamW update (Liu et al. 2025, arXiv:2502.16982)."""


class Rule(Protocol):
    """Makes weights of gradients."""

    def apply(self, rate: float, is_sound: Tensor) -> None:
        """Update the parts; nothing changes where the 0-dim bool tensor is false."""

    def state(self) -> dict[str, Tensor]:
        """Its moments, the live tensors themselves: copied out to save, copied into to restore."""


def make_rule(settings: AnyOptimizer, parts: Sequence[Part], compute_dtype: torch.dtype) -> Rule:
    """The rule of the recipe's optimiser; Muon multiplies matrices in `compute_dtype`."""
    match settings:
        case AdamW8Bit():
            return EightBitAdamW(settings, parts)
        case RmsProp():
            return _RmsProp(settings, parts)
        case Muon():
            return _Muon(settings, parts, compute_dtype)
        case _:
            return _Fused(settings, parts)


class _Fused:
    """Torch's fused kernels, which have a switch against bad gradients: the one that torch's GradScaler uses."""

    def __init__(self, settings: AdamW | Adam | Sgd, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._weights = [nn.Parameter(part.weights_N) for part in parts]
        for weights, part in zip(self._weights, parts, strict=True):
            weights.grad = part.grad_N
        decay = settings.weight_decay if isinstance(settings, AdamW) else settings.l2
        groups: list[dict[str, Any]] = [
            {"params": [weights], "weight_decay": decay if part.decays else 0.0}
            for weights, part in zip(self._weights, parts, strict=True)
        ]
        self._optimizer = _torch_optimizer(settings, groups)
        for weights in self._weights:
            self._optimizer.state[weights] = _first_state(settings, weights)

    def apply(self, rate: float, is_sound: Tensor) -> None:
        for group, part in zip(self._optimizer.param_groups, self._parts, strict=True):
            group["lr"] = rate * part.rate_factor
        self._optimizer.found_inf = (~is_sound).float()  # type: ignore[attr-defined]
        self._optimizer.grad_scale = None  # type: ignore[attr-defined]
        self._optimizer.step()

    def state(self) -> dict[str, Tensor]:
        return {
            f"{name}.{index}": tensor
            for index, weights in enumerate(self._weights)
            for name, tensor in self._optimizer.state[weights].items()
        }


def _torch_optimizer(settings: AdamW | Adam | Sgd, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if isinstance(settings, Sgd):
        return torch.optim.SGD(groups, lr=1.0, momentum=settings.momentum, nesterov=settings.nesterov, fused=True)
    kind = torch.optim.AdamW if isinstance(settings, AdamW) else torch.optim.Adam
    return kind(groups, lr=1.0, betas=(settings.beta1, settings.beta2), eps=settings.epsilon, fused=True)


def _first_state(settings: AdamW | Adam | Sgd, weights: Tensor) -> dict[str, Tensor]:
    if isinstance(settings, Sgd):
        # torch would make the buffer in the first step even where that is skipped, and leave it unwritten
        return {"momentum_buffer": torch.zeros_like(weights)} if settings.momentum else {}
    return {
        "step": torch.zeros((), dtype=torch.float32, device=weights.device),
        "exp_avg": torch.zeros_like(weights),
        "exp_avg_sq": torch.zeros_like(weights),
    }


class _RmsProp:
    """v = a v + (1 - a) g^2; b = m b + g / (sqrt(v) + epsilon); w = w - rate b."""

    def __init__(self, settings: RmsProp, parts: Sequence[Part]) -> None:
        self._settings = settings
        self._parts = parts
        self._squares = [torch.zeros_like(part.weights_N) for part in parts]
        self._momenta = [torch.zeros_like(part.weights_N) for part in parts] if settings.momentum else []

    def apply(self, rate: float, is_sound: Tensor) -> None:
        settings, sound = self._settings, is_sound.float()
        for index, part in enumerate(self._parts):
            part.grad_N.masked_fill_(~is_sound, 0.0)
            if settings.l2 and part.decays:
                part.grad_N.add_(part.weights_N, alpha=settings.l2)
            squares_N = self._squares[index]
            squares_N.lerp_(part.grad_N.square(), (1.0 - settings.smoothing) * sound)
            update_N = part.grad_N.div_(squares_N.sqrt().add_(settings.epsilon))
            if self._momenta:
                momentum_N = self._momenta[index]
                # with a bad gradient the factor is 1 and nothing is added
                momentum_N.mul_(1.0 - (1.0 - settings.momentum) * sound).addcmul_(update_N, sound)
                update_N = momentum_N
            part.weights_N.sub_(update_N * (rate * part.rate_factor * sound))

    def state(self) -> dict[str, Tensor]:
        return {f"square.{i}": square for i, square in enumerate(self._squares)} | {
            f"momentum.{i}": momentum for i, momentum in enumerate(self._momenta)
        }


class _Muon:
    """Momentum made orthogonal by Newton-Schulz, for equal matrices in one batch; AdamW for the other parts."""

    def __init__(self, settings: Muon, parts: Sequence[Part], compute_dtype: torch.dtype) -> None:
        self._settings = settings
        self._compute_dtype = compute_dtype
        self._parts = [part for part in parts if part.matrix is not None]
        self._momenta = [torch.zeros_like(part.weights_N) for part in self._parts]
        others = [part for part in parts if part.matrix is None]
        self._rest = [_Fused(settings.rest, others)] if others else []

    def apply(self, rate: float, is_sound: Tensor) -> None:
        settings, sound = self._settings, is_sound.float()
        for momentum_N, part in zip(self._momenta, self._parts, strict=True):
            assert part.matrix is not None
            own_rate = rate * part.rate_factor * sound
            grad_N = part.grad_N.masked_fill_(~is_sound, 0.0)
            momentum_N.lerp_(grad_N, (1.0 - settings.momentum) * sound)
            ahead_N = grad_N.lerp_(momentum_N, settings.momentum) if settings.nesterov else momentum_N
            part.weights_N.mul_(1.0 - own_rate * settings.weight_decay)
            scale = MUON_SCALE * max(part.matrix) ** 0.5
            num_together = max(1, MAX_TOGETHER // math.prod(part.matrix))
            both = (vector_N.view(-1, *part.matrix) for vector_N in (part.weights_N, ahead_N))
            stacks = (torch.split(vector_MAB, num_together) for vector_MAB in both)
            for weights_MAB, ahead_MAB in zip(*stacks, strict=True):
                weights_MAB.sub_(orthogonalised(ahead_MAB.to(self._compute_dtype)) * (own_rate * scale))
        for rest in self._rest:
            rest.apply(rate, is_sound)

    def state(self) -> dict[str, Tensor]:
        moments = {f"momentum.{i}": momentum for i, momentum in enumerate(self._momenta)}
        return moments | {name: tensor for rest in self._rest for name, tensor in rest.state().items()}


def orthogonalised(matrices_MAB: Tensor) -> Tensor:
    """U V^T of each matrix U S V^T, roughly: singular values between about 0.5 and 1.5, as Muon wants them."""
    a, b, c = NEWTON_SCHULZ
    is_tall = matrices_MAB.shape[1] > matrices_MAB.shape[2]
    x = matrices_MAB.mT if is_tall else matrices_MAB
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp(min=MIN_NORM)
    for _ in range(NUM_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x
