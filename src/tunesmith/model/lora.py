"""LoRA (Hu et al. 2021, arXiv:2106.09685): y = W x + scale * B (A x) with W frozen, kept in PEFT's folder format.

Shapes: T tokens, I inputs, O outputs, R rank, S adapters that live side by side in one layer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from tunesmith.errors import Place, TunesmithError
from tunesmith.model.experts import STACK, LoraExperts, expert_stacks
from tunesmith.model.fits import (
    HEADS,
    is_adaptable,
    is_of_head,
    last_part,
    strange_settings,
    targeted_experts,
    targeted_names,
)
from tunesmith.model.four_bit import FourBitLinear, FourBitWeight, whole
from tunesmith.recipe import Lora

CONFIG_FILE: Final = "adapter_config.json"
WEIGHTS_FILE: Final = "adapter_model.safetensors"
KEY_PREFIX: Final = "base_model.model."
MAGNITUDE: Final = "lora_magnitude_vector"
SAVED: Final = ("classifier", "score")
"""Heads that PEFT saves beside an adapter, without being told, where a model classifies or predicts a number."""
A_AND_B: Final = ("lora_A.weight", "lora_B.weight")
BASE_ONLY: Final = -1
"""The adapter index of tokens that see the frozen base alone."""


@dataclass
class AdapterRouting:
    """Which adapter each stretch of flat tokens uses; one object is shared by all LoRA layers of a model.

    `spans` are (start, stop, adapter) in order, covering all tokens; empty means adapter 0 everywhere.
    """

    spans: tuple[tuple[int, int, int], ...] = ()


class _LoraProduct(torch.autograd.Function):
    """x W^T + b + scale * (d A^T) B^T in place, keeping only x and d A^T for the backward pass.

    d is x, or with dropout x where `kept_TI` is true and 0 elsewhere. W may be in 4 bits: it is whole while one of the
    two products with it lasts.
    """

    @staticmethod
    def forward(  # noqa: PLR0913 - torch hands every tensor over by itself
        ctx: Any,
        x_TI: Tensor,
        weight: Tensor | FourBitWeight,
        bias_O: Tensor | None,
        a_RI: Tensor,
        b_OR: Tensor,
        scale: float,
        kept_TI: Tensor | None,
    ) -> Tensor:
        low_TR = (x_TI if kept_TI is None else x_TI * kept_TI) @ a_RI.T
        weight_OI = whole(weight)
        y_TO = x_TI @ weight_OI.T if bias_O is None else torch.addmm(bias_O, x_TI, weight_OI.T)
        y_TO.addmm_(low_TR, b_OR.T, alpha=scale)
        ctx.save_for_backward(x_TI, a_RI, b_OR, low_TR, kept_TI)
        ctx.weight, ctx.scale = weight, scale
        return y_TO

    @staticmethod
    def backward(ctx: Any, grad_TO: Tensor) -> tuple[Tensor | None, None, None, Tensor, Tensor, None, None]:
        x_TI, a_RI, b_OR, low_TR, kept_TI = ctx.saved_tensors
        grad_low_TR = (grad_TO @ b_OR).mul_(ctx.scale)
        grad_b_OR = (grad_TO.T @ low_TR).mul_(ctx.scale)
        grad_a_RI = grad_low_TR.T @ (x_TI if kept_TI is None else x_TI * kept_TI)
        grad_x_TI = None
        if ctx.needs_input_grad[0]:
            grad_x_TI = grad_TO @ whole(ctx.weight)
            if kept_TI is None:
                grad_x_TI.addmm_(grad_low_TR, a_RI)
            else:
                grad_x_TI.addcmul_(grad_low_TR @ a_RI, kept_TI.to(grad_x_TI.dtype))
        return grad_x_TI, None, None, grad_a_RI, grad_b_OR, None, None


class LoraLinear(nn.Module):
    """A frozen linear layer with `num_adapters` low-rank paths beside it."""

    def __init__(
        self, base: nn.Linear | Conv1D | FourBitLinear, method: Lora, routing: AdapterRouting, num_adapters: int = 1
    ) -> None:
        super().__init__()
        base.requires_grad_(False)
        self.has_inputs_first = isinstance(base, Conv1D)
        """Whether the base has its weight with the inputs first; here it is the same numbers the other way round."""
        self.weight: Tensor | FourBitWeight = base.weight
        if isinstance(base, Conv1D):
            self.weight = nn.Parameter(base.weight.detach().T, requires_grad=False)
        num_outputs, num_inputs = self.weight.shape
        self.bias = base.bias
        self.scale = method.scale
        self.dropout = method.dropout
        self.routing = routing
        empty = self.weight.new_zeros
        self.lora_a_SRI = nn.Parameter(empty(num_adapters, method.rank, num_inputs))
        self.lora_b_SOR = nn.Parameter(empty(num_adapters, num_outputs, method.rank))
        self.magnitudes = nn.ParameterList(empty(num_outputs) for _ in range(num_adapters if method.dora else 0))
        """DoRA's lengths of the rows of W, one vector an adapter; none without DoRA."""

    def initialise(self, generator: torch.Generator) -> None:
        """A uniform in +-sqrt(1 / inputs) as PEFT draws it (Kaiming with a = sqrt 5), B zero: training starts at W."""
        bound = 1.0 / math.sqrt(self.lora_a_SRI.shape[2])
        drawn = torch.empty(self.lora_a_SRI.shape).uniform_(-bound, bound, generator=generator)
        with torch.no_grad():
            self.lora_a_SRI.copy_(drawn)
            self.lora_b_SOR.zero_()
            for magnitude_O in self.magnitudes:
                magnitude_O.copy_(_row_lengths(whole(self.weight)))

    def forward(self, x: Tensor) -> Tensor:
        x_TI = x.reshape(-1, x.shape[-1])
        spans = self.routing.spans or ((0, x_TI.shape[0], 0),)
        pieces = [self._product(x_TI[start:stop], adapter) for start, stop, adapter in spans]
        y_TO = pieces[0] if len(pieces) == 1 else torch.cat(pieces)
        return y_TO.view(*x.shape[:-1], -1)

    def beside(self, x_TI: Tensor, y_TO: Tensor) -> Tensor:
        """What adapter 0 makes of `x_TI`, of which the base makes `y_TO`; without dropout and gradient."""
        low_TR = x_TI @ self.lora_a_SRI[0].T
        y_TO = torch.addmm(y_TO, low_TR, self.lora_b_SOR[0].T, alpha=self.scale)
        if not self.magnitudes:
            return y_TO
        # DoRA turns and stretches all but the bias
        bias_O = 0.0 if self.bias is None else self.bias
        return (y_TO - bias_O) * self._shares(0) + bias_O

    def peft_views(self, adapter: int = 0) -> dict[str, Tensor]:
        """The adapter's numbers by the names that PEFT gives them under the layer's."""
        views = {A_AND_B[0]: self.lora_a_SRI[adapter], A_AND_B[1]: self.lora_b_SOR[adapter]}
        return views | ({MAGNITUDE: self.magnitudes[adapter]} if self.magnitudes else {})

    def _product(self, x_TI: Tensor, adapter: int) -> Tensor:
        if adapter == BASE_ONLY:
            return nn.functional.linear(x_TI, whole(self.weight), self.bias)
        if self.magnitudes:
            return self._dora_product(x_TI, adapter)
        scale, kept_TI = self.scale, None
        if self.training and self.dropout:
            kept_TI = torch.empty(x_TI.shape, dtype=torch.bool, device=x_TI.device).bernoulli_(1.0 - self.dropout)
            scale /= 1.0 - self.dropout
        y_TO: Tensor = _LoraProduct.apply(  # type: ignore[no-untyped-call]
            x_TI, self.weight, self.bias, self.lora_a_SRI[adapter], self.lora_b_SOR[adapter], scale, kept_TI
        )
        return y_TO

    def _dora_product(self, x_TI: Tensor, adapter: int) -> Tensor:
        """x (m / |W + scale B A| * (W + scale B A))^T + b (Liu et al. 2024, arXiv:2402.09353, equation 5).

        As the paper has it in section 4.3 the lengths divided by take no part in the gradient. Where inputs are
        dropped, the part of W that was there before training sees all of them.
        """
        a_RI, b_OR = self.lora_a_SRI[adapter], self.lora_b_SOR[adapter]
        share_O = self._shares(adapter)
        is_dropping = self.training and self.dropout > 0.0
        d_TI = nn.functional.dropout(x_TI, self.dropout) if is_dropping else x_TI
        turned_TO: Tensor = _LoraProduct.apply(d_TI, self.weight, None, a_RI, b_OR, self.scale, None)  # type: ignore[no-untyped-call]
        y_TO: Tensor = turned_TO * share_O
        if is_dropping:
            y_TO += nn.functional.linear(x_TI - d_TI, whole(self.weight), self.bias)
        elif self.bias is not None:
            y_TO += self.bias
        return y_TO

    def _shares(self, adapter: int) -> Tensor:
        """(O,) m / |W + scale B A|, rows as vectors."""
        with torch.no_grad():
            adapted_OI = torch.addmm(
                whole(self.weight), self.lora_b_SOR[adapter], self.lora_a_SRI[adapter], alpha=self.scale
            )
            lengths_O = _row_lengths(adapted_OI)
        share_O: Tensor = self.magnitudes[adapter] / lengths_O
        return share_O


Adapted = LoraLinear | LoraExperts


def _row_lengths(weight_OI: Tensor) -> Tensor:
    """(O,) in the weight's type, summed in float32."""
    lengths_O: Tensor = torch.linalg.vector_norm(weight_OI, dim=1, dtype=torch.float32)
    return lengths_O.to(weight_OI.dtype)


def attach_lora(model: nn.Module, method: Lora, seed: int) -> AdapterRouting:
    """Freeze the model and put a LoRA path beside every targeted layer, initialised from `seed`.

    Raises TunesmithError `lora-no-target` when no layer of the model has one of the targeted names, `lora-no-experts`,
    `method-layers`.
    """
    names = targeted_names(_linear_names(model), method) + targeted_experts(expert_stacks(model), method)
    return _attach(model, method, names, seed)


def _attach(model: nn.Module, method: Lora, names: Sequence[str], seed: int) -> AdapterRouting:
    model.requires_grad_(False)
    routing = AdapterRouting()
    generator = torch.Generator().manual_seed(seed)
    for name in names:
        base = model.get_submodule(name)
        layer: Adapted
        if isinstance(base, nn.Linear | Conv1D | FourBitLinear):
            layer = LoraLinear(base, method, routing)
        else:
            layer = LoraExperts(base, method)
        layer.initialise(generator)
        model.set_submodule(name, layer.train(base.training))
    return routing


def _linear_names(model: nn.Module) -> list[str]:
    """Every linear layer but the head, whose weight the loss reads directly, and the routers of a mixture."""
    linear = nn.Linear | Conv1D | FourBitLinear
    return [name for name, module in model.named_modules() if isinstance(module, linear) and is_adaptable(name)]


def _adapted(model: nn.Module) -> dict[str, Adapted]:
    return {name: module for name, module in model.named_modules() if isinstance(module, LoraLinear | LoraExperts)}


def _head(model: nn.Module) -> dict[str, nn.Parameter]:
    """By PEFT's key, the parameters of the head of a model that classifies or predicts a number; empty without one."""
    return {f"{KEY_PREFIX}{name}": parameter for name, parameter in model.named_parameters() if is_of_head(name)}


def _modules_to_save(head: Collection[str]) -> list[str] | None:
    """What PEFT is told of the head: a pooler is trained with it."""
    return [*SAVED, *(["pooler"] if any(".pooler." in key for key in head) else [])] if head else None


def save_adapter(model: nn.Module, method: Lora, base: str, folder: Path, adapter: int = 0) -> None:
    """Write one adapter as PEFT does: `adapter_config.json` and `adapter_model.safetensors` in float32.

    The head of a model that has one is saved with it, as one of PEFT's `modules_to_save`.
    """
    layers = _adapted(model)
    head = _head(model)
    tensors = {
        f"{KEY_PREFIX}{name}.{side}": _on_disk(view)
        for name, layer in layers.items()
        for side, view in layer.peft_views(adapter).items()
    } | {key: _on_disk(parameter) for key, parameter in head.items()}
    config = {
        "peft_type": "LORA",
        "task_type": "SEQ_CLS" if head else "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": method.rank,
        "lora_alpha": method.alpha,
        "lora_dropout": method.dropout,
        "use_rslora": method.rslora,
        "use_dora": method.dora,
        "bias": "none",
        "fan_in_fan_out": any(isinstance(layer, LoraLinear) and layer.has_inputs_first for layer in layers.values()),
        "layers_to_transform": None if method.layers is None else list(range(method.layers[0], method.layers[1] + 1)),
        **_targets_for_peft(model, list(layers)),
        "modules_to_save": _modules_to_save(head),
        "inference_mode": True,
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _on_disk(view: Tensor) -> Tensor:
    """Float32; PEFT has what belongs to several experts in one matrix."""
    flat = view.flatten(1) if view.ndim > 2 else view
    return flat.detach().float().contiguous()


def _targets_for_peft(model: nn.Module, names: Sequence[str]) -> dict[str, Any]:
    """How PEFT is told of the adapted layers; a head that it saves it adapts none of.

    In a mixture of experts it takes every module named `up_proj` for a routed expert's; as the weights of such layers
    they are left alone, and dropout, which only training knows, is not allowed for. Routed experts are parameters too.
    """
    if not any(".experts." in name for name, _ in model.named_parameters()):
        return {"target_modules": sorted({last_part(name) for name in names})}
    inside = [name for name in names if ".mlp." in name]
    parameters = [f"{name}.weight" for name in inside if not name.endswith(STACK)]
    parameters += [
        f"{name}.{side}" for name in inside if name.endswith(STACK) for side in ("gate_up_proj", "down_proj")
    ]
    return {
        "target_modules": sorted(set(names) - set(inside)),
        "target_parameters": sorted(parameters),
        "lora_dropout": 0.0,
    }


def load_adapter(model: nn.Module, folder: Path) -> AdapterRouting:
    """Attach the adapter that `folder` holds, ours or PEFT's; its tensors tell which layers it is for.

    A model with a head of its own gets the head that is saved with the adapter.

    Raises TunesmithError `adapter-kind` when it is more than plain LoRA, `adapter-base` when its layers or shapes do
    not fit this model.
    """
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    head, saved = _head(model), set(config.get("modules_to_save") or ())
    strange = strange_settings(config)
    strange += [] if saved <= set(HEADS if head else ()) else ["modules_to_save"]
    if strange:
        raise TunesmithError("adapter-kind", place=Place(str(folder / CONFIG_FILE)), setting=strange[0])
    # as PEFT matches names: `classifier` saves `pre_classifier` too
    ends = (*SAVED, *saved)
    head = {key: parameter for key, parameter in head.items() if any(part.endswith(ends) for part in key.split("."))}
    tensors = load_file(folder / WEIGHTS_FILE)
    known = _linear_names(model) + expert_stacks(model)
    names = [name for name in known if f"{KEY_PREFIX}{name}.{A_AND_B[0]}" in tensors]
    if not names:
        raise TunesmithError("adapter-base", place=Place(str(folder)), difference=A_AND_B[0])
    routing = _attach(model, method_of(config), names, seed=0)
    _take(head | _views(model), tensors, folder)
    return routing


def take_adapter(model: nn.Module, folder: Path) -> None:
    """Let the adapter that is attached, and the head of a model that has one, have the numbers that `folder` holds.

    Raises TunesmithError `adapter-base` where it is for other layers or of other sizes.
    """
    _take(_head(model) | _views(model), load_file(folder / WEIGHTS_FILE), folder)


def _views(model: nn.Module) -> dict[str, Tensor]:
    """By PEFT's key, the parameters of the first adapter."""
    return {
        f"{KEY_PREFIX}{name}.{side}": view
        for name, layer in _adapted(model).items()
        for side, view in layer.peft_views().items()
    }


@torch.no_grad()
def _take(views: Mapping[str, Tensor], tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Copy into the model what a folder holds. Raises TunesmithError `adapter-base` where it is not the same things."""
    if views.keys() != tensors.keys():
        difference = min(views.keys() ^ tensors.keys())
        raise TunesmithError("adapter-base", place=Place(str(folder)), difference=difference)
    for key, view in views.items():
        if tensors[key].shape != _on_disk(view).shape:
            difference = f"{key.removeprefix(KEY_PREFIX)}: {tensors[key].shape}"
            raise TunesmithError("adapter-base", place=Place(str(folder)), difference=difference)
        view.copy_(tensors[key].view(view.shape))


def method_of(config: Mapping[str, Any]) -> Lora:
    """What PEFT's configuration says of the adapter's sizes and scale; which layers have one its tensors tell."""
    return Lora(
        rank=config["r"],
        alpha=float(config["lora_alpha"]),
        rslora=bool(config.get("use_rslora")),
        dora=bool(config.get("use_dora")),
    )


__all__ = ["BASE_ONLY", "AdapterRouting", "LoraLinear", "attach_lora", "load_adapter", "save_adapter", "take_adapter"]
