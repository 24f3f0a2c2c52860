"""LoRA adapters that are trained beside each other on one frozen base, each on rows of its own in one pass.

The base multiplies the tokens of all members at once; the low-rank products are batched over members. Nothing of one
member reaches another: not even what is no number.

Shapes: M members, T tokens of all of them, N tokens of one member in a stretch, I inputs, O outputs, R rank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from tunesmith.model.attention_layout import Stretch
from tunesmith.model.copies import copied
from tunesmith.model.four_bit import FourBitWeight, whole
from tunesmith.model.layout import MicroBatch
from tunesmith.model.load import hidden_states
from tunesmith.model.lora import LoraLinear
from tunesmith.model.method import begin_method
from tunesmith.recipe import Lora


@dataclass
class _Turn:
    """Who takes part in a pass, and which stretches of its tokens are parted evenly among them."""

    names: Sequence[str] = ()
    stretches: Sequence[Stretch] = ()


class _Products(torch.autograd.Function):
    """x W^T + b, and in each stretch scale * (x A^T) B^T beside it, with each member's own A, B and scale."""

    @staticmethod
    def forward(  # noqa: PLR0913 - torch hands every tensor over by itself
        ctx: Any,
        x_TI: Tensor,
        weight: Tensor | FourBitWeight,
        bias_O: Tensor | None,
        a_MRI: Tensor,
        b_MOR: Tensor,
        scales_M11: Tensor,
        stretches: Sequence[Stretch],
    ) -> Tensor:
        weight_OI = whole(weight)
        y_TO = x_TI @ weight_OI.T if bias_O is None else torch.addmm(bias_O, x_TI, weight_OI.T)
        lows = []
        for start, stop in stretches:
            low_MNR = torch.bmm(_parted(x_TI[start:stop], a_MRI), a_MRI.mT).mul_(scales_M11)
            _parted(y_TO[start:stop], a_MRI).baddbmm_(low_MNR, b_MOR.mT)
            lows.append(low_MNR)
        ctx.save_for_backward(x_TI, a_MRI, b_MOR, scales_M11, *lows)
        ctx.weight, ctx.stretches = weight, stretches
        return y_TO

    @staticmethod
    def backward(ctx: Any, grad_TO: Tensor) -> tuple[Tensor | None, None, None, Tensor, Tensor, None, None]:
        x_TI, a_MRI, b_MOR, scales_M11, *lows = ctx.saved_tensors
        grad_TO = grad_TO.contiguous()
        grad_x_TI = grad_TO @ whole(ctx.weight) if ctx.needs_input_grad[0] else None
        grad_a_MRI, grad_b_MOR = torch.zeros_like(a_MRI), torch.zeros_like(b_MOR)
        for (start, stop), low_MNR in zip(ctx.stretches, lows, strict=True):
            grad_MNO = _parted(grad_TO[start:stop], a_MRI)
            grad_low_MNR = torch.bmm(grad_MNO, b_MOR).mul_(scales_M11)
            grad_b_MOR.baddbmm_(grad_MNO.mT, low_MNR)
            grad_a_MRI.baddbmm_(grad_low_MNR.mT, _parted(x_TI[start:stop], a_MRI))
            if grad_x_TI is not None:
                _parted(grad_x_TI[start:stop], a_MRI).baddbmm_(grad_low_MNR, a_MRI)
        return grad_x_TI, None, None, grad_a_MRI, grad_b_MOR, None, None


def _parted(stretch: Tensor, of_members: Tensor) -> Tensor:
    """(M, N, ...)"""
    return stretch.view(len(of_members), -1, stretch.shape[-1])


class _SharedLinear(nn.Module):
    """A frozen linear layer of the base, and what each member has in its place."""

    def __init__(self, base: nn.Module, turn: _Turn) -> None:
        super().__init__()
        self.base = base
        self.turn = turn
        self.paths: dict[str, LoraLinear] = {}

    def forward(self, x: Tensor) -> Tensor:
        x_TI = x.reshape(-1, x.shape[-1])
        paths = [self.paths[name] for name in self.turn.names]
        a_MRI = torch.cat([path.lora_a_SRI for path in paths])
        b_MOR = torch.cat([path.lora_b_SOR for path in paths])
        # in float32, whatever is multiplied by them: a rounded scale would be another adapter's
        scales_M11 = torch.tensor([[[path.scale]] for path in paths], dtype=torch.float32, device=x.device)
        first, stretches = paths[0], self.turn.stretches
        y_TO: Tensor = _Products.apply(x_TI, first.weight, first.bias, a_MRI, b_MOR, scales_M11, stretches)  # type: ignore[no-untyped-call]
        return y_TO.view(*x.shape[:-1], -1)


@dataclass
class Members:
    """A base and the adapters that are trained on it, by name: plain LoRA of one rank on the same linear layers."""

    model: PreTrainedModel
    """The bare base at first; between calls it computes for members alone."""
    _shared: dict[str, _SharedLinear] = field(default_factory=dict)
    _turn: _Turn = field(default_factory=_Turn)

    @contextmanager
    def joining(self, name: str, method: Lora, seed: int) -> Iterator[None]:
        """Give the base a new adapter; while the block lasts the model is as that member's own training has it.

        Raises what `begin_method` raises.
        """
        for layer, shared in self._shared.items():
            self.model.set_submodule(layer, shared.base)
        bare = dict(self.model.named_modules())
        begin_method(self.model, method, seed)
        try:
            yield
        finally:
            for layer, path in list(self.model.named_modules()):
                if isinstance(path, LoraLinear):
                    shared = self._shared.setdefault(layer, _SharedLinear(bare[layer], self._turn))
                    shared.paths[name] = path
            for layer, shared in self._shared.items():
                self.model.set_submodule(layer, shared)

    def drop(self, name: str) -> None:
        """Forget a member's adapter."""
        for shared in self._shared.values():
            del shared.paths[name]

    def states(self, names: Sequence[str], batch: MicroBatch) -> list[Tensor]:
        """(T, D) last hidden states of the batch by each of these members' models, computed in one pass."""
        copies = copied(batch, len(names))
        self._turn.names, self._turn.stretches = names, copies.stretches
        return copies.parted(hidden_states(self.model, copies))
