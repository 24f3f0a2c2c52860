"""The form `int8`: every matrix of a merged model in 8 bits with one scale a row, embeddings included.

The files lie as torchao and transformers agreed on: `NAME._weight_qdata`, `NAME._weight_scale`, and in each file's
metadata what the tensors are made into. Norms and biases stay as they are.

Shapes: I inputs, O outputs of a weight.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from tunesmith.artifacts.bundle import Form
from tunesmith.errors import Place, RunFailed
from tunesmith.export.fits import refuse_form, refuse_head
from tunesmith.export.licences import licence_files
from tunesmith.model.base import find_base
from tunesmith.model.quantise import quantise_rows

INDEX: Final = "model.safetensors.index.json"
HEAD: Final = "lm_head.weight"
KEPT: Final = (".json", ".jinja", ".txt")
"""Endings of the files beside the weights that both folders have."""
USE: Final = {
    "transformers": 'python -c "from transformers import pipeline as p; '
    "print(p('text-generation', 'int8')([{'role': 'user', 'content': 'Hello'}])[0]['generated_text'][-1])\""
}
"""Needs torchao too."""


def write_int8(merged: Path, out: Path) -> Form:
    """Write the model of a merged folder into the folder `out`, which transformers loads where torchao is installed.

    Files are read, made and written one after the other. Raises TunesmithError `form-model-type`, `form-head`, what
    `find_base` raises, and RunFailed `form-not-finite`.
    """
    base = find_base(str(merged))
    refuse_form("int8", base)
    refuse_head("int8", merged)
    out.mkdir(parents=True, exist_ok=True)
    files = sorted(merged.glob("*.safetensors"))
    # tied to the embeddings, the head is read from them
    left_out = {HEAD} if base.config.get("tie_word_embeddings") else set()
    metadata = _metadata(files, left_out)
    places: dict[str, str] = {}
    for file in files:
        tensors = dict(_int8_tensors(file, left_out))
        save_file(tensors, out / file.name, metadata=metadata)
        _put_in_order(out / file.name)
        places |= dict.fromkeys(tensors, file.name)
    num_bytes = sum((out / file.name).stat().st_size for file in files)
    if len(files) > 1:
        index = {"metadata": {"total_size": num_bytes}, "weight_map": places}
        (out / INDEX).write_text(json.dumps(index, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    beside = [file for file in merged.iterdir() if file.suffix in KEPT and file.name not in (INDEX, "config.json")]
    for file in {*beside, *licence_files(merged)}:
        shutil.copyfile(file, out / file.name)
    config = json.loads((merged / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = _settings()
    (out / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return Form(name="int8", dtype="int8", num_bytes=num_bytes, use=USE)


def _is_matrix(shape: list[int]) -> bool:
    """Every matrix of the model types that are known here is a linear layer's or the embeddings'."""
    return len(shape) == 2


def _int8_tensors(file: Path, left_out: set[str]) -> Iterator[tuple[str, Tensor]]:
    with safe_open(file, framework="pt") as tensors:
        for name in sorted(set(tensors.keys()) - left_out):
            tensor: Tensor = tensors.get_tensor(name)
            if not tensor.isfinite().all():
                raise RunFailed("form-not-finite", place=Place(str(file), field=name))
            if not _is_matrix(list(tensor.shape)):
                yield name, tensor
                continue
            values_OI, scales_O = quantise_rows(tensor)
            layer, _, parameter = name.rpartition(".")
            yield f"{layer}._{parameter}_qdata", values_OI
            yield f"{layer}._{parameter}_scale", scales_O[:, None].contiguous()


def _metadata(files: list[Path], left_out: set[str]) -> dict[str, str]:
    """What torchao writes into each file: how the tensors of all of them are put together."""
    from torchao.prototype.safetensors.safetensors_support import flatten_tensor_state_dict
    from torchao.quantization import Int8Tensor

    whole: dict[str, Tensor] = {}
    for file in files:
        with safe_open(file, framework="pt") as tensors:
            for name in sorted(set(tensors.keys()) - left_out):
                part = tensors.get_slice(name)
                shape, dtype = part.get_shape(), part[:0].dtype
                empty = torch.empty(shape, dtype=dtype, device="meta")
                if _is_matrix(shape):
                    values_OI = torch.empty(shape, dtype=torch.int8, device="meta")
                    scales_O1 = torch.empty(shape[0], 1, device="meta")
                    whole[name] = Int8Tensor(values_OI, scales_O1, [1, shape[1]], dtype)
                else:
                    whole[name] = empty
    metadata: dict[str, str] = flatten_tensor_state_dict(whole)[1]
    return {**metadata, "format": "pt"}


def _put_in_order(file: Path) -> None:
    """Let the header name its metadata in one order: safetensors takes another in every process."""
    with file.open("r+b") as opened:
        (size,) = struct.unpack("<Q", opened.read(8))
        header = json.loads(opened.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        ordered = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        opened.seek(8)
        opened.write(ordered.ljust(size))  # spaces fill it up, as the format has it


def _settings() -> dict[str, Any]:
    """What transformers is told of the files in `config.json`."""
    from torchao.quantization import Int8WeightOnlyConfig
    from transformers import TorchAoConfig

    quantised = TorchAoConfig(Int8WeightOnlyConfig(set_inductor_config=False), include_input_output_embeddings=True)
    settings: dict[str, Any] = quantised.to_dict()
    return settings
