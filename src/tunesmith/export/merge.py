"""The merged model: a base and what was trained beside it in one, in the format that transformers loads.

W' = W + scale * B A (Hu et al. 2021, arXiv:2106.09685); with DoRA m / |W + scale B A| * (W + scale B A), the lengths
those of rows (Liu et al. 2024, arXiv:2402.09353, equation 5). A sum is taken in float32 from the numbers as the files
have them, and rounded once, to the precision that the model was judged in. Everything else is what the judged model
had: weights of the base in that precision, or, where it stood in 4 bits, what those give back.

Shapes: E experts, O outputs, I inputs, R rank.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D
from transformers.utils import logging as transformers_logging

from tunesmith.artifacts.bundle import Form
from tunesmith.artifacts.head import HEAD
from tunesmith.errors import Place, TunesmithError
from tunesmith.export.commands import TEMPLATE, use_of_merged
from tunesmith.export.exporting import Exporting, Making
from tunesmith.export.licences import licence_files
from tunesmith.model.base import Base
from tunesmith.model.experts import STACK
from tunesmith.model.fits import is_adaptable, is_of_head
from tunesmith.model.four_bit import FourBitWeight
from tunesmith.model.harmless import without_code
from tunesmith.model.load import compute_dtype
from tunesmith.model.lora import A_AND_B, CONFIG_FILE, KEY_PREFIX, MAGNITUDE, WEIGHTS_FILE, method_of
from tunesmith.model.score import load_with_head
from tunesmith.recipe import Lora
from tunesmith.records import Sampling

SHARD_BYTES: Final = 4_000_000_000
"""Of one weight file."""
GENERATION: Final = "generation_config.json"
TOKENIZER_FILES: Final = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "vocab.txt"),
)
KEPT: Final = ("bos_token_id", "pad_token_id", "max_length", "max_new_tokens", "use_cache")
"""Generation settings of the base that go with the model. By any other its answers would be drawn as nobody judged."""
STORED: Final = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""What safetensors calls the types that weights are stored in."""


def write_merged(making: Making) -> Form:
    """A model folder: weights, tokenizer, chat template, generation settings, licence."""
    exporting, folder = making.exporting, making.folder
    if exporting.model.form == "weights":
        _copy(exporting.model.payload, folder, ("*.safetensors", "*.safetensors.index.json", "config.json", HEAD))
    else:
        save(merged_model(exporting, making.runtime.device), folder)
        _copy(exporting.model.payload, folder, (HEAD,))
    _put_beside(exporting, folder)
    num_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return Form(name="merged", dtype=exporting.precision, num_bytes=num_bytes, use=use_of_merged(exporting))


def save(model: PreTrainedModel, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
    """Weights and configuration under the names of transformers' own files."""
    transformers_logging.disable_progress_bar()
    if model.can_generate():
        # those of the base are written as they are, and not weighed against what the library holds for sensible
        model.generation_config = GenerationConfig()
    model.save_pretrained(folder, max_shard_size=shard_bytes)


def merged_model(exporting: Exporting, device: str) -> PreTrainedModel:
    """The base with the adapter's numbers in its own, on the CPU; `device` is where one in 4 bits was quantised.

    Raises TunesmithError `form-virtual` for learned tokens, `adapter-base` where the adapter holds what the base has no
    place for.
    """
    folder, base = exporting.model.payload, exporting.base
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    if config["peft_type"] != "LORA":
        raise TunesmithError("form-virtual", form="merged", method=exporting.model.training()["method"])
    judged = compute_dtype(exporting.precision)
    model = exact = _loaded(exporting, judged)
    if exporting.model.is_four_bit:
        _give_back_four_bits(model, device)
    elif judged not in (torch.float32, stored := _stored_dtype(base)):
        exact = _loaded(exporting, stored)
    _merge(model, exact, load_file(folder / WEIGHTS_FILE), method_of(config), folder)
    if exporting.model.head() is not None and not base.is_encoder:
        # of a padded batch transformers reads the last token that is not this one
        model.config.pad_token_id = exporting.chat.pad_id
    return model


def _loaded(exporting: Exporting, dtype: torch.dtype) -> PreTrainedModel:
    """As transformers makes it; with a head, layers of this project hold the same parameters by the same names."""
    head, folder = exporting.model.head(), exporting.base.folder
    if head is not None:
        return load_with_head(folder, head, dtype=dtype, device="cpu")
    transformers_logging.disable_progress_bar()
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, local_files_only=True
    )
    return model


def _stored_dtype(base: Base) -> torch.dtype:
    """The type of all weights in a base's files; float32, which holds any other, where they differ."""
    found = set()
    for file in base.folder.glob("*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            found |= {tensors.get_slice(name).get_dtype() for name in tensors.keys()}  # noqa: SIM118 - no mapping
    return STORED.get(found.pop(), torch.float32) if len(found) == 1 else torch.float32


@torch.no_grad()
def _give_back_four_bits(model: PreTrainedModel, device: str) -> None:
    """Let each layer that was kept in 4 bits have the numbers that those stand for."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and is_adaptable(name):
            module.weight.copy_(FourBitWeight.of(module.weight.detach().to(device)).whole())


@torch.no_grad()
def _merge(
    model: PreTrainedModel, exact: PreTrainedModel, tensors: Mapping[str, Tensor], method: Lora, folder: Path
) -> None:
    """Put into `model` what the adapter makes of the numbers of `exact`, and the head that was trained with it."""
    left = set(tensors)

    def take(name: str) -> Tensor:
        left.discard(KEY_PREFIX + name)
        return tensors[KEY_PREFIX + name]

    sources = dict(exact.named_modules())
    for name, module in model.named_modules():
        if f"{KEY_PREFIX}{name}.{A_AND_B[0]}" not in tensors:
            continue
        if name.endswith(STACK):  # PEFT's wrapper of one matrix holds that of the other
            for side, wrapper in (("gate_up_proj", f"{name}.base_layer"), ("down_proj", name)):
                a_XI, b_OX = (take(f"{wrapper}.{each}") for each in A_AND_B)
                weight_EOI = sources[name].get_parameter(side).float()
                low_rank_EOI = method.scale * _of_experts(a_XI, b_OX, len(weight_EOI))
                module.get_parameter(side).copy_(weight_EOI + low_rank_EOI)
            continue
        low_rank_OI = method.scale * take(f"{name}.{A_AND_B[1]}") @ take(f"{name}.{A_AND_B[0]}")
        weight_OI = _outputs_first(sources[name]).float() + low_rank_OI
        if method.dora:
            lengths_O = torch.linalg.vector_norm(weight_OI, dim=1)
            weight_OI *= (take(f"{name}.{MAGNITUDE}") / lengths_O)[:, None]
        _outputs_first(module).copy_(weight_OI)
    for name, parameter in model.named_parameters():
        if is_of_head(name) and KEY_PREFIX + name in tensors:
            parameter.copy_(take(name))
    if left:
        raise TunesmithError("adapter-base", place=Place(str(folder)), difference=min(left))


def _outputs_first(layer: nn.Module) -> Tensor:
    """(O, I) view of a linear layer's weight; GPT-2's has its inputs first."""
    weight = layer.get_parameter("weight")
    return weight.T if isinstance(layer, Conv1D) else weight


def _of_experts(a_XI: Tensor, b_OX: Tensor, num_experts: int) -> Tensor:
    """(E, O, I) B A of each expert, from PEFT's two matrices of all: A expert by expert, B rank by rank."""
    a_ERI = a_XI.view(num_experts, -1, a_XI.shape[1])
    b_EOR = b_OX.view(b_OX.shape[0], -1, num_experts).permute(2, 0, 1)
    return b_EOR @ a_ERI


def _put_beside(exporting: Exporting, folder: Path) -> None:
    """All that a model folder holds beside its weights, with nothing in it that names code."""
    _copy(exporting.base.folder, folder, TOKENIZER_FILES)
    for file in licence_files(exporting.base.folder):
        shutil.copyfile(file, folder / file.name)
    (folder / TEMPLATE).write_text(exporting.chat.source, encoding="utf-8")
    for name in ("config.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (folder / name).is_file():
            settings = without_code(_read_json(folder / name))
            settings.pop("chat_template", None)  # there is one, in the file of its own
            _write_json(folder / name, settings)
    if exporting.base.is_encoder:
        return
    ends = sorted(exporting.chat.end_ids)
    given = exporting.base.generation_config()
    settings = {
        "eos_token_id": ends[0] if len(ends) == 1 else ends,
        **{key: given[key] for key in KEPT if key in given},
    }
    _write_json(folder / GENERATION, settings | _as_judged(exporting.sampling))


def _as_judged(sampling: Sampling) -> dict[str, Any]:
    """How answers are drawn where nothing else is asked for, by whoever loads the folder."""
    if not sampling.temperature:
        return {"do_sample": False}
    return {"do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}


def _copy(source: Path, folder: Path, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        for file in sorted(source.glob(pattern)):
            shutil.copyfile(file, folder / file.name)


def _read_json(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
