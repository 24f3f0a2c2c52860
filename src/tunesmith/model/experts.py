"""The routed experts of a mixture: LoRA beside their stacked weights, and how many tokens each of them gets.

Shapes: T tokens, K experts that a token is sent to, N = T * K pairs of both, E experts, H hidden, I inputs, O outputs,
R rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import grouped_mm

from tunesmith.model.fits import layer_number
from tunesmith.model.layout import MicroBatch
from tunesmith.recipe import Lora

ROUTER: Final = ".mlp.gate"
STACK: Final = ".mlp.experts"
"""The module that holds a layer's routed experts, each of their matrices stacked into one parameter."""
RANKS_TOGETHER: Final = 8
"""A grouped product on a GPU reads rows of 16 bytes: other ranks are filled up with zeros."""


class ExpertLinear(nn.Module):
    """The same matrix of all experts, frozen, with a low-rank path beside each."""

    def __init__(self, weight_EOI: nn.Parameter, method: Lora) -> None:
        super().__init__()
        num_experts, num_outputs, num_inputs = weight_EOI.shape
        self.weight = weight_EOI.requires_grad_(False)
        self.scale = method.scale
        self.dropout = method.dropout
        empty = weight_EOI.new_zeros
        self.lora_a_ERI = nn.Parameter(empty(num_experts, method.rank, num_inputs))
        self.lora_b_EOR = nn.Parameter(empty(num_experts, num_outputs, method.rank))

    def initialise(self, generator: torch.Generator) -> None:
        """As `LoraLinear` does: A uniform in +-sqrt(1 / inputs), B zero."""
        bound = 1.0 / math.sqrt(self.lora_a_ERI.shape[2])
        drawn = torch.empty(self.lora_a_ERI.shape).uniform_(-bound, bound, generator=generator)
        with torch.no_grad():
            self.lora_a_ERI.copy_(drawn)
            self.lora_b_EOR.zero_()

    def forward(self, x_NI: Tensor, ends_E: Tensor) -> Tensor:
        """(N, O); the rows of `x_NI` are sorted by expert, those of expert e end before `ends_E[e]`."""
        y_NO = grouped_mm(x_NI, self.weight.mT, offs=ends_E)
        dropped_NI = nn.functional.dropout(x_NI, self.dropout, self.training)
        missing = -self.lora_a_ERI.shape[1] % RANKS_TOGETHER
        a_ERI = nn.functional.pad(self.lora_a_ERI, (0, 0, 0, missing)) if missing else self.lora_a_ERI
        b_EOR = nn.functional.pad(self.lora_b_EOR, (0, missing)) if missing else self.lora_b_EOR
        low_NR = grouped_mm(dropped_NI, a_ERI.mT, offs=ends_E)
        return torch.add(y_NO, grouped_mm(low_NR, b_EOR.mT, offs=ends_E), alpha=self.scale)


class LoraExperts(nn.Module):
    """In the place of transformers' stacked experts: what they compute, each of their matrices adapted."""

    def __init__(self, base: nn.Module, method: Lora) -> None:
        super().__init__()
        self.gate_up_proj = ExpertLinear(base.get_parameter("gate_up_proj"), method)
        self.down_proj = ExpertLinear(base.get_parameter("down_proj"), method)
        self.act_fn = base.get_submodule("act_fn")

    def initialise(self, generator: torch.Generator) -> None:
        self.gate_up_proj.initialise(generator)
        self.down_proj.initialise(generator)

    def forward(self, x_TH: Tensor, experts_TK: Tensor, weights_TK: Tensor) -> Tensor:
        """(T, H): each token's experts, weighted; nothing waits for the device."""
        num_experts, num_chosen = len(self.gate_up_proj.weight), experts_TK.shape[1]
        expert_N, order_N = torch.sort(experts_TK.flatten(), stable=True)
        numbers_E = torch.arange(num_experts, device=expert_N.device)
        ends_E = torch.searchsorted(expert_N, numbers_E, right=True, out_int32=True)
        gate, up = self.gate_up_proj(x_TH[order_N // num_chosen], ends_E).chunk(2, dim=-1)
        y_NH = self.down_proj(self.act_fn(gate) * up, ends_E) * weights_TK.flatten()[order_N, None]
        place_N = torch.empty_like(order_N)
        place_N[order_N] = torch.arange(len(order_N), device=order_N.device)
        y_TKH: Tensor = y_NH[place_N].view(*experts_TK.shape, -1)
        return y_TKH.sum(dim=1).to(x_TH.dtype)

    def peft_views(self, adapter: int = 0) -> dict[str, Tensor]:
        """The adapter's numbers as PEFT's wrappers of parameters hold them, by name, B as (O, R, E) before flattening.

        The wrapper of `down_proj` holds that of `gate_up_proj`.
        """
        inner, outer = self.gate_up_proj, self.down_proj
        return {
            "base_layer.lora_A.weight": inner.lora_a_ERI.flatten(0, 1),
            "base_layer.lora_B.weight": inner.lora_b_EOR.permute(1, 2, 0),
            "lora_A.weight": outer.lora_a_ERI.flatten(0, 1),
            "lora_B.weight": outer.lora_b_EOR.permute(1, 2, 0),
        }


def expert_stacks(model: nn.Module) -> list[str]:
    """Names of the modules that hold routed experts."""
    return [name for name, _ in model.named_modules() if name.endswith(STACK)]


@contextmanager
def counted_experts(model: nn.Module, batches: Sequence[MicroBatch]) -> Iterator[Mapping[str, Tensor]]:
    """Count, on the device, the tokens that the routers send to each expert while these batches pass, in their order.

    (E,) by the layer's number; empty for a model without routed experts. Every computed token of a row counts once for
    each of its K experts: a beginning that rows share, and that is computed once, counts once.
    """
    places = [torch.from_numpy(np.unique(np.concatenate(batch.places_R))) for batch in batches]
    counts: dict[str, Tensor] = {}
    hooks = []
    for name, router in model.named_modules():
        if name.endswith(ROUTER):
            weight_EH = router.get_parameter("weight")
            counts_E = torch.zeros(len(weight_EH), dtype=torch.int64, device=weight_EH.device)
            counts[str(layer_number(name))] = counts_E
            hooks.append(router.register_forward_hook(partial(_count, counts_E, iter(places))))
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def _count(
    counts_E: Tensor, places: Iterator[Tensor], _router: nn.Module, _inputs: Any, output: tuple[Tensor, Tensor, Tensor]
) -> None:
    """`output` are a router's logits, the weights of the chosen experts and their numbers."""
    chosen_N = output[2][next(places).to(counts_E.device)].flatten()
    counts_E.scatter_add_(0, chosen_N, torch.ones_like(chosen_N))
