"""The scale that keeps gradients within float16 (Micikevicius et al. 2018, arXiv:1710.03740).

It moves as that of `torch.amp.GradScaler` does. All of it stays on the device: nobody waits to learn whether a step was
sound, and what is saved with the optimiser is all that a resume needs.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

START: Final = 2.0**16
GROWTH_STEPS: Final = 2000
"""So many sound steps running double the scale."""
LEAST: Final = 1.0
"""A gradient that is not finite at this scale did not overflow: something else is wrong."""


class LossScale:
    """What a loss is multiplied by before its backward pass, and gradients are divided by after it."""

    def __init__(self, device: torch.device) -> None:
        self.factor = torch.full((), START, device=device)
        """0-dim float32."""
        self._num_sound = torch.zeros((), device=device)

    def update(self, is_sound: Tensor) -> None:
        """Halve after a step whose gradient was not finite, double after GROWTH_STEPS others running."""
        num_sound = (self._num_sound + 1.0) * is_sound
        is_due = num_sound >= GROWTH_STEPS
        self.factor.mul_(torch.where(is_sound, 1.0 + is_due.float(), 0.5))
        self._num_sound.copy_(num_sound.masked_fill(is_due, 0.0))

    def state(self) -> dict[str, Tensor]:
        """The live tensors: copied out to save, copied into to restore."""
        return {"loss_scale": self.factor, "loss_scale_steps": self._num_sound}


def share_of(weight: float) -> float:
    """The power of two, at least 1, that is nearest to a micro-batch's weight.

    Its sum of losses divided by this is of the size of a mean, which scales are made for, and nothing is rounded.
    """
    return 2.0 ** round(math.log2(max(1.0, abs(weight))))
