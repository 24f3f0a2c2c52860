"""Whether a method can be applied to a base, told from the names and shapes of its weights before any is loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from safetensors import safe_open

from tunesmith.errors import TunesmithError
from tunesmith.model.base import LATENT_TYPES, MIXTURE_TYPES, MODEL_TYPES, Base
from tunesmith.recipe import Auto, Freeze, Full, Lora, Method, Prefix, Prompt

EMBEDDINGS: Final = ("embed_tokens.weight", "wte.weight", "wpe.weight")
ROUTED: Final = re.compile(r"\.mlp\.(?:gate|shared_expert_gate|experts\.\d+\.\w+)$")
"""Routers and routed experts of a mixture: they are never among a layer's linear ones."""
LAYER: Final = re.compile(r"(?:^|\.)(?:layers|h)\.(\d+)\.")


def weight_shapes(folder: Path) -> dict[str, list[int]]:
    """Shape of every tensor, from the headers of the weight files."""
    shapes: dict[str, list[int]] = {}
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as tensors:
            shapes |= {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118
    return shapes


def num_trained(shapes: Mapping[str, Sequence[int]], method: Method, hidden_size: int) -> int:
    """Numbers that `method` trains in a model with weights of these shapes, the head of an objective not counted.

    Raises what `frozen_names` and `targeted_names` raise.
    """
    match method:
        case Full():
            return sum(math.prod(shape) for shape in shapes.values())
        case Freeze():
            frozen = frozen_names(list(shapes), method)
            return sum(math.prod(shape) for name, shape in shapes.items() if name not in frozen)
        case Lora():
            adapted = [shapes[f"{name}.weight"] for name in targeted_names(linear_names(shapes), method)]
            return sum(method.rank * sum(shape) + (shape[0] if method.dora else 0) for shape in adapted)
        case Prompt():
            return method.virtual_tokens * hidden_size
        case Prefix():
            sides = ("k_proj.weight", "v_proj.weight")
            return method.virtual_tokens * sum(shape[0] for name, shape in shapes.items() if name.endswith(sides))
        case Auto():
            raise ValueError("`plan` resolves `auto` first")


def refuse_unfit(base: Base, method: Method) -> None:
    """Raises TunesmithError `method-layers`, `freeze-pattern`, `freeze-all`, `lora-no-target`, `method-architecture`.

    Raises `dora-mixture` as well, for what PEFT could not load. Reads the headers of the weight files alone.
    """
    if isinstance(method, Freeze):
        frozen_names(list(weight_shapes(base.folder)), method)
    elif isinstance(method, Lora):
        if method.dora and base.config["model_type"] in MIXTURE_TYPES:
            raise TunesmithError("dora-mixture", type=base.config["model_type"])
        targeted_names(linear_names(weight_shapes(base.folder)), method)
    elif isinstance(method, Prefix):
        refuse_prefix(str(base.config["model_type"]))


def layer_number(name: str) -> int | None:
    """The number of the decoder layer that a weight or module belongs to; None for one outside all layers."""
    found = LAYER.search(name)
    return None if found is None else int(found[1])


def frozen_names(names: Sequence[str], method: Freeze) -> set[str]:
    """Which of a model's weights `method` freezes.

    Raises TunesmithError `method-layers`, `freeze-pattern` for a pattern that no name fits, `freeze-all` where nothing
    is left to train.
    """
    _refuse_layers(names, method.layers - 1)
    frozen = {name for name in names if (number := layer_number(name)) is not None and number < method.layers}
    if method.embeddings:
        frozen |= {name for name in names if name.endswith(EMBEDDINGS)}
    for pattern in method.patterns:
        fitting = {name for name in names if fnmatchcase(name, pattern)}
        if not fitting:
            raise TunesmithError("freeze-pattern", pattern=pattern, example=names[0])
        frozen |= fitting
    if len(frozen) == len(names):
        raise TunesmithError("freeze-all")
    return frozen


def linear_names(shapes: Mapping[str, Sequence[int]]) -> list[str]:
    """The linear layers of the decoder's layers, by the shapes of their weights."""
    modules = {name.removesuffix(".weight"): len(shape) for name, shape in shapes.items() if name.endswith(".weight")}
    return [name for name, num_axes in modules.items() if num_axes == 2 and is_adaptable(name)]


def is_adaptable(name: str) -> bool:
    """Whether a linear layer of this name may get a LoRA path: it is in a layer, and no router nor routed expert."""
    return layer_number(name) is not None and ROUTED.search(name) is None


def targeted_names(linear: Sequence[str], method: Lora) -> list[str]:
    """Which of the linear layers get a LoRA path.

    Raises TunesmithError `lora-no-target` for a target that no layer has the name of, `method-layers`.
    """
    if method.layers is not None:
        first, last = method.layers
        _refuse_layers(linear, last)
        linear = [name for name in linear if (number := layer_number(name)) is not None and first <= number <= last]
    if method.targets == ("all-linear",):
        return list(linear)
    known = sorted({last_part(name) for name in linear})
    unknown = [target for target in method.targets if target not in known]
    if unknown or not method.targets:
        raise TunesmithError("lora-no-target", targets=", ".join(unknown), known=", ".join(known))
    return [name for name in linear if last_part(name) in method.targets]


def last_part(name: str) -> str:
    """`q_proj` of `model.layers.0.self_attn.q_proj`."""
    return name.rpartition(".")[2]


def refuse_prefix(model_type: str) -> None:
    """Raises TunesmithError `method-architecture` where the keys and values of a layer are not plain ones."""
    if model_type in LATENT_TYPES:
        known = ", ".join(each for each in MODEL_TYPES if each not in LATENT_TYPES)
        raise TunesmithError("method-architecture", method="prefix", type=model_type, known=known)


def _refuse_layers(names: Collection[str], last: int) -> None:
    highest = max((number for name in names if (number := layer_number(name)) is not None), default=-1)
    if last > highest:
        raise TunesmithError("method-layers", asked=last, last=highest)
