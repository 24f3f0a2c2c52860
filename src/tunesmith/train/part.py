"""The stretches of the flat vector that optimisers work on."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the flat vector whose N numbers are treated alike; weights and gradient are views of it."""

    weights_N: Tensor
    grad_N: Tensor
    decays: bool
    rate_factor: float = 1.0
    matrix: tuple[int, int] | None = None
    """Rows and columns of the equal matrices that it consists of, where Muon updates them."""
