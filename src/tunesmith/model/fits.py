"""Whether a method can be applied to a base, told from the names and shapes of its weights before any is loaded."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from safetensors import safe_open

from tunesmith.errors import TunesmithError
from tunesmith.model.base import DENSE_TYPES, LATENT_TYPES, MIXTURE_TYPES, Base
from tunesmith.recipe import Auto, Freeze, Full, Lora, Method, Prefix, Prompt, is_four_bit

EMBEDDINGS: Final = (
    *("embed_tokens.weight", "wte.weight", "wpe.weight"),
    *("word_embeddings.weight", "position_embeddings.weight", "token_type_embeddings.weight"),
)
ROUTED: Final = re.compile(r"\.mlp\.(?:gate|shared_expert_gate|experts\.\d+\.\w+)$")
"""Routers and routed experts of a mixture: they are never among a layer's linear ones."""
EXPERTS: Final = "experts"
"""The target of LoRA that means them."""
EXPERT: Final = re.compile(r"(?P<stack>.*\.mlp\.experts)\.\d+\.(?P<side>gate|up|down)_proj\.weight$")
FOUR_BIT_LIBRARY: Final = "bitsandbytes"
INT8_LIBRARY: Final = "torchao"
LAYER: Final = re.compile(r"(?:^|\.)(?:layers|layer|h)\.(\d+)\.")
NO_WEIGHT: Final = re.compile(r"(?:^|\.)(?:attn\.(?:masked_)?bias|position_ids)$")
"""Masks and numbers of positions, which older files hold beside the weights."""
HEADS: Final = ("score", "classifier", "pre_classifier", "pooler")
"""What lies between the state of the token that a head reads and the head's outputs: trained whole, whatever the
method, and saved beside an adapter."""
PRETRAINING_HEADS: Final = re.compile(r"^(?:cls|lm_head|vocab_transform|vocab_layer_norm|vocab_projector|qa_outputs)\.")
"""With which encoders and decoders were pretrained, and which a head takes the place of."""


PLAIN_LORA: Final[dict[str, object]] = {
    "peft_type": "LORA",
    "bias": "none",
    "lora_bias": False,
    "layer_replication": None,
    "rank_pattern": {},
    "alpha_pattern": {},
}
"""Settings of PEFT that change what an adapter computes and that are not followed here, with their plain values."""
PREFIX_TYPES: Final = (*DENSE_TYPES, *(each for each in MIXTURE_TYPES if each not in LATENT_TYPES))
"""Architectures whose layers turn keys and values into plain ones that a prefix can stand before."""


def weight_shapes(folder: Path) -> dict[str, list[int]]:
    """Shape of every tensor, from the headers of the weight files."""
    shapes: dict[str, list[int]] = {}
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as tensors:
            names = [name for name in tensors.keys() if not NO_WEIGHT.search(name)]  # noqa: SIM118 - no mapping
            shapes |= {name: tensors.get_slice(name).get_shape() for name in names}
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
            names, stacks = targeted_names(linear_names(shapes), method), expert_shapes(shapes)
            lengths = sum(_num_outputs(shapes, name) for name in names) if method.dora else 0
            adapted = [shapes[f"{name}.weight"] for name in names]
            adapted += [shape for name in targeted_experts(stacks, method) for shape in stacks[name]]
            return method.rank * sum(map(sum, adapted)) + lengths
        case Prompt():
            return method.virtual_tokens * hidden_size
        case Prefix():
            sides = ("k_proj.weight", "v_proj.weight")
            return method.virtual_tokens * sum(shape[0] for name, shape in shapes.items() if name.endswith(sides))
        case Auto():
            raise ValueError("`plan` resolves `auto` first")


def _num_outputs(shapes: Mapping[str, Sequence[int]], layer: str) -> int:
    """Of a linear layer; the weight of a `Conv1D` has its inputs first, and always a bias."""
    return shapes.get(f"{layer}.bias", shapes[f"{layer}.weight"])[0]


def refuse_unfit(base: Base, method: Method) -> None:
    """Reads the headers of the weight files alone.

    Raises TunesmithError `method-layers`, `freeze-pattern`, `freeze-all`, `lora-no-target`, `lora-no-experts`,
    `method-architecture`, `dora-mixture` for what PEFT could not load, `qlora-architecture`, and `qlora-library`
    where what a base in 4 bits needs is not installed.
    """
    if isinstance(method, Freeze):
        frozen_names(list(weight_shapes(base.folder)), method)
    elif isinstance(method, Lora):
        _refuse_lora(method, str(base.config["model_type"]))
        shapes = weight_shapes(base.folder)
        targeted_names(linear_names(shapes), method)
        targeted_experts(list(expert_shapes(shapes)), method)
    elif isinstance(method, Prefix):
        refuse_prefix(str(base.config["model_type"]))


def _refuse_lora(method: Lora, model_type: str) -> None:
    if method.dora and model_type in MIXTURE_TYPES:
        raise TunesmithError("dora-mixture", type=model_type)
    if is_four_bit(method) and model_type not in DENSE_TYPES:
        raise TunesmithError("qlora-architecture", type=model_type, known=", ".join(DENSE_TYPES))
    if is_four_bit(method) and find_spec(FOUR_BIT_LIBRARY) is None:
        raise TunesmithError("qlora-library")


def refuse_no_int8() -> None:
    """Raises TunesmithError `int8-library` where the library is missing that reads and writes weights of one byte."""
    if find_spec(INT8_LIBRARY) is None:
        raise TunesmithError("int8-library")


def strange_settings(config: Mapping[str, object]) -> list[str]:
    """Which settings make more of an adapter of PEFT's than the plain LoRA that is followed here."""
    return sorted(name for name, plain in PLAIN_LORA.items() if config.get(name, plain) not in (plain, None))


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


def is_of_head(name: str) -> bool:
    """Whether a parameter of a model that classifies or predicts a number belongs to its head."""
    return any(part in HEADS for part in name.split("."))


def is_adaptable(name: str) -> bool:
    """Whether a linear layer of this name may get a LoRA path: it is in a layer, and no router nor routed expert."""
    return layer_number(name) is not None and ROUTED.search(name) is None


def targeted_names(linear: Sequence[str], method: Lora) -> list[str]:
    """Which of the linear layers get a LoRA path.

    Raises TunesmithError `lora-no-target` for a target that no layer has the name of, `method-layers`.
    """
    if method.layers is not None:
        _refuse_layers(linear, method.layers[1])
    linear = _within(linear, method)
    targets = [target for target in method.targets if target != EXPERTS]
    if targets == ["all-linear"]:
        return linear
    known = sorted({last_part(name) for name in linear})
    unknown = [target for target in targets if target not in known]
    if unknown or not method.targets:
        raise TunesmithError("lora-no-target", targets=", ".join(unknown), known=", ".join(known))
    return [name for name in linear if last_part(name) in targets]


def targeted_experts(stacks: Collection[str], method: Lora) -> list[str]:
    """Which of the layers' routed experts get LoRA paths: all, where `experts` is a target.

    Raises TunesmithError `lora-no-experts` where it is one and there are none.
    """
    if EXPERTS not in method.targets:
        return []
    found = _within(stacks, method)
    if not found:
        raise TunesmithError("lora-no-experts", known=", ".join(MIXTURE_TYPES))
    return found


def _within(names: Collection[str], method: Lora) -> list[str]:
    """Those of the method's range of layers, where it has one."""
    if method.layers is None:
        return list(names)
    first, last = method.layers
    return [name for name in names if (number := layer_number(name)) is not None and first <= number <= last]


def expert_shapes(shapes: Mapping[str, Sequence[int]]) -> dict[str, list[tuple[int, int]]]:
    """(outputs, inputs) of each routed expert's matrices as transformers stacks them, by the name of the stack.

    The files have gate and up apart; stacked they are one, with one A.
    """
    found: dict[str, list[tuple[int, int]]] = {}
    for name, shape in shapes.items():
        match = EXPERT.match(name)
        if match is not None and match["side"] != "up":
            outputs = shape[0] * (2 if match["side"] == "gate" else 1)
            found.setdefault(match["stack"], []).append((outputs, shape[1]))
    return found


def last_part(name: str) -> str:
    """`q_proj` of `model.layers.0.self_attn.q_proj`."""
    return name.rpartition(".")[2]


def refuse_prefix(model_type: str) -> None:
    """Raises TunesmithError `method-architecture` where the keys and values of a layer are not plain ones."""
    if model_type not in PREFIX_TYPES:
        raise TunesmithError("method-architecture", method="prefix", type=model_type, known=", ".join(PREFIX_TYPES))


def _refuse_layers(names: Collection[str], last: int) -> None:
    highest = max((number for name in names if (number := layer_number(name)) is not None), default=-1)
    if last > highest:
        raise TunesmithError("method-layers", asked=last, last=highest)
