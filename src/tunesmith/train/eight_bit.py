"""AdamW whose moments are held in eight bits, block by block (Dettmers et al. 2022, arXiv:2110.02861).

The numbers of a block are divided by the largest magnitude among them, and each becomes the nearest of 256 values whose
distances grow with their size (dynamic tree quantisation, section 1.3 there). The second moment is held as its root,
which has half as many decades: a small one does not become 0. Weights and the update itself are in float32.

Shapes: N numbers of a part, in B blocks of K; the last block is filled up with zeros.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import pad

from tunesmith.recipe.optimizers import AdamW8Bit
from tunesmith.train.part import Part

BLOCK: Final = 256
TOGETHER: Final = 1 << 18
"""Numbers updated together: so many moments are in float32 at a time."""
NUM_DECADES: Final = 7
MIN_SCALE: Final = 1e-38


def dynamic_values(*, signed: bool) -> Tensor:
    """(256,) float32, rising: 0, 1 and in the i-th of seven decades below 1 the middles of 2^i equal stretches for
    either sign, or of twice as many for positive numbers alone.
    """
    found = [0.0, 1.0]
    for decade in range(NUM_DECADES):
        edges = torch.linspace(0.1, 1.0, 2 ** (decade + (not signed)) + 1, dtype=torch.float64)
        middles = ((edges[1:] + edges[:-1]) / 2 * 10.0 ** (decade + 1 - NUM_DECADES)).tolist()
        found += middles + ([-middle for middle in middles] if signed else [])
    return torch.tensor(sorted(found), dtype=torch.float32)


@dataclass(frozen=True, slots=True)
class Held:
    """The numbers of one moment of a part."""

    codes_BK: Tensor
    """uint8: which of the values each is, over its block's scale."""
    scales_B: Tensor
    values_V: Tensor
    borders_V: Tensor
    """Half-way between neighbouring values."""

    @classmethod
    def zeros(cls, num_numbers: int, device: torch.device, *, signed: bool) -> Held:
        values_V = dynamic_values(signed=signed).to(device)
        num_blocks = -(-num_numbers // BLOCK)
        codes_BK = torch.zeros(num_blocks, BLOCK, dtype=torch.uint8, device=device)
        return cls(codes_BK, torch.zeros(num_blocks, device=device), values_V, (values_V[1:] + values_V[:-1]) / 2)

    def read(self, blocks: slice) -> Tensor:
        """(B, K) float32."""
        return self.values_V[self.codes_BK[blocks].long()] * self.scales_B[blocks, None]

    def write(self, blocks: slice, numbers_BK: Tensor, is_sound: Tensor) -> None:
        """Nothing changes where the 0-dim bool tensor is false."""
        scales_B = numbers_BK.abs().amax(1)
        relative_BK = numbers_BK / scales_B.clamp(min=MIN_SCALE)[:, None]
        codes_BK = torch.bucketize(relative_BK, self.borders_V, out_int32=True).to(torch.uint8)
        self.codes_BK[blocks] = torch.where(is_sound, codes_BK, self.codes_BK[blocks])
        self.scales_B[blocks] = torch.where(is_sound, scales_B, self.scales_B[blocks])


class EightBitAdamW:
    """m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; w = w - rate (decay w + m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) +
    epsilon)), with m and sqrt(v) held in eight bits between the steps.
    """

    def __init__(self, settings: AdamW8Bit, parts: Sequence[Part]) -> None:
        self._settings = settings
        self._parts = parts
        self._step = torch.zeros((), device=parts[0].weights_N.device)
        self._means, self._roots = (
            [Held.zeros(part.weights_N.numel(), part.weights_N.device, signed=signed) for part in parts]
            for signed in (True, False)
        )

    def apply(self, rate: float, is_sound: Tensor) -> None:
        settings, sound = self._settings, is_sound.float()
        self._step.add_(sound)
        num_steps = self._step.clamp(min=1.0)
        of_mean, of_square = (1.0 - torch.pow(beta, num_steps) for beta in (settings.beta1, settings.beta2))
        for part, mean, root in zip(self._parts, self._means, self._roots, strict=True):
            own_rate = rate * part.rate_factor * sound
            for blocks, weights_N, grad_BK in _stretches(part, is_sound):
                mean_BK = mean.read(blocks).lerp_(grad_BK, 1.0 - settings.beta1)
                square_BK = root.read(blocks).square_().lerp_(grad_BK.square(), 1.0 - settings.beta2)
                mean.write(blocks, mean_BK, is_sound)
                root.write(blocks, square_BK.sqrt(), is_sound)
                if part.decays:
                    weights_N.mul_(1.0 - own_rate * settings.weight_decay)
                update_BK = mean_BK.div_(of_mean).div_(square_BK.div_(of_square).sqrt_().add_(settings.epsilon))
                weights_N.sub_(update_BK.flatten()[: weights_N.numel()] * own_rate)

    def state(self) -> dict[str, Tensor]:
        held = {"mean": self._means, "root": self._roots}
        codes = {f"{name}.{i}": one.codes_BK for name, moments in held.items() for i, one in enumerate(moments)}
        scales = {f"{name}_scale.{i}": one.scales_B for name, moments in held.items() for i, one in enumerate(moments)}
        return {"step": self._step, **codes, **scales}


def _stretches(part: Part, is_sound: Tensor) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Blocks that are updated together, their weights (a view), and their gradient as (B, K)."""
    for start in range(0, part.weights_N.numel(), TOGETHER):
        weights_N = part.weights_N[start : start + TOGETHER]
        grad_N = part.grad_N[start : start + TOGETHER].masked_fill(~is_sound, 0.0)
        grad_BK = pad(grad_N, (0, -grad_N.numel() % BLOCK)).view(-1, BLOCK)
        first = start // BLOCK
        yield slice(first, first + grad_BK.shape[0]), weights_N, grad_BK
