"""AdamW over flat buffers: all trained parameters are views of one vector, updated in a few fused calls.

The parameters of the model are in the compute type; a float32 master copy receives the updates, so that bf16
training does not lose steps smaller than half a unit in the last place.

Shapes: N trained numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class AdamWSettings:
    beta1: float = 0.9
    beta2: float = 0.99
    epsilon: float = 1e-8
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0


class FlatAdamW:
    """Decoupled weight decay (Loshchilov & Hutter 2019, arXiv:1711.05101) on matrices, none on vectors."""

    def __init__(self, parameters: Iterable[nn.Parameter], settings: AdamWSettings) -> None:
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        # matrices first: the two parts of the vector differ in weight decay only
        trained.sort(key=lambda parameter: parameter.ndim < 2)
        num_decayed = sum(p.numel() for p in trained if p.ndim >= 2)
        self.settings = settings
        self._compute_N = torch.cat([p.detach().flatten() for p in trained])
        self._compute_grad_N = torch.zeros_like(self._compute_N)
        self.master_N = self._compute_N.float()
        """The trained numbers, float32. Shares memory with the model when that is float32 too."""
        self.grad_N = self._compute_grad_N.float()
        self._parameters = trained
        self._bind()
        self._groups = [
            nn.Parameter(part) for part in (self.master_N[:num_decayed], self.master_N[num_decayed:]) if part.numel()
        ]
        decays = [settings.weight_decay if i == 0 and num_decayed else 0.0 for i in range(len(self._groups))]
        self._adamw = torch.optim.AdamW(
            [{"params": [p], "weight_decay": d} for p, d in zip(self._groups, decays, strict=True)],
            lr=1.0,
            betas=(settings.beta1, settings.beta2),
            eps=settings.epsilon,
            fused=True,
        )
        start = 0
        for group in self._groups:
            group.grad = self.grad_N[start : start + group.numel()]
            start += group.numel()
            self._adamw.state[group] = {
                "step": torch.zeros((), dtype=torch.float32, device=group.device),
                "exp_avg": torch.zeros_like(group),
                "exp_avg_sq": torch.zeros_like(group),
            }

    def _bind(self) -> None:
        """Make every trained parameter and its gradient a view of the flat vectors."""
        start = 0
        for parameter in self._parameters:
            stop = start + parameter.numel()
            parameter.data = self._compute_N[start:stop].view_as(parameter)
            parameter.grad = self._compute_grad_N[start:stop].view_as(parameter)
            start = stop

    def collect(self) -> None:
        """Add the gradients of one backward pass to the step's float32 sum."""
        if self.grad_N.data_ptr() != self._compute_grad_N.data_ptr():
            self.grad_N.add_(self._compute_grad_N)
            self._compute_grad_N.zero_()

    def discard(self) -> None:
        """Forget what a step that could not be finished has summed."""
        self._compute_grad_N.zero_()
        self.grad_N.zero_()

    def step(self, learning_rate: float, weight: float) -> Tensor:
        """Divide the summed gradients by the step's weight, clip, update. Returns the gradient norm (0-dim).

        This is the one place that divides. A gradient that is not finite leaves weights and moments untouched: a
        flag on the device skips the update.
        """
        self.grad_N.mul_(1.0 / weight)
        norm: Tensor = torch.linalg.vector_norm(self.grad_N)
        self.grad_N.mul_((self.settings.max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        for group in self._adamw.param_groups:
            group["lr"] = learning_rate
        # the fused kernel's own switch, the one torch's GradScaler uses
        self._adamw.found_inf = (~torch.isfinite(norm)).float()  # type: ignore[attr-defined]
        self._adamw.grad_scale = None  # type: ignore[attr-defined]
        self._adamw.step()
        self.grad_N.zero_()
        if self.master_N.data_ptr() != self._compute_N.data_ptr():
            self._compute_N.copy_(self.master_N)
        return norm

    def state(self) -> dict[str, Tensor]:
        """Everything a resumed run needs: master weights, moments, step counts."""
        tensors = {"master": self.master_N}
        for index, group in enumerate(self._groups):
            tensors |= {f"{name}.{index}": tensor for name, tensor in self._adamw.state[group].items()}
        return tensors

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
