"""The form `gguf`: one file with weights and tokenizer, for llama.cpp and what is built on it.

What llama.cpp calls a tensor, and in which order it has the rows of some, follows its own converter,
https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf.py; the format is
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.

Shapes: I inputs, O outputs of a weight; H heads.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from tunesmith.artifacts.bundle import Form
from tunesmith.chat import Chat
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.export.fits import refuse_form, refuse_head
from tunesmith.export.gguf_check import read_header
from tunesmith.export.gguf_tokenizer import gguf_tokenizer
from tunesmith.export.licences import licence_files
from tunesmith.export.ollama import FILE as MODELFILE
from tunesmith.export.ollama import model_name, write_modelfile
from tunesmith.model.base import Base, find_base
from tunesmith.model.decoding import decoding_of
from tunesmith.recipe import Decoding
from tunesmith.records import Sampling

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFWriter

Encoding = Literal["Q8_0", "F16", "F32"]
"""Q8_0: whole numbers in 8 bits, 32 of them with one float16 scale."""
LARGEST: Final[dict[str, float]] = {"Q8_0": 127 * 65504.0, "F16": 65504.0, "F32": 3.4028235e38}
"""By encoding, the largest number that it holds; a scale of Q8_0 is a float16 itself."""
FILE: Final = "model.gguf"
ARCHITECTURES: Final = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
"""By model type, what llama.cpp calls it."""
TENSORS: Final = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""By the name of a module, of a layer's inside the layer, what llama.cpp calls it."""
_NAME: Final = re.compile(r"(?:model\.layers\.(?P<layer>\d+)\.)?(?P<module>.+)\.(?P<kind>weight|bias)")
ROPE_FACTORS: Final = "rope_freqs.weight"
"""By what each frequency is divided; only the scaling of Llama 3 needs it."""
SQUARE: Final = ("qwen2",)
"""Model types whose heads together have to be as wide as the hidden state: llama.cpp reads no other size of theirs."""
PLAIN: Final[dict[str, dict[str, object]]] = {
    "llama": {"hidden_act": "silu"},
    "mistral": {"hidden_act": "silu"},
    "qwen2": {"hidden_act": "silu"},
    "qwen3": {"hidden_act": "silu", "attention_bias": False},
}
"""By model type, settings that llama.cpp takes for granted."""


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a tensor is read, and what it is called in the new file."""

    file: Path
    name: str
    new_name: str
    shape: tuple[int, ...]


def write_gguf(merged: Path, chat: Chat, out: Path, *, name: str, encoding: Encoding = "Q8_0") -> Form:
    """Write the model of a merged folder into `out`: `model.gguf`, its licence, a Modelfile by which Ollama serves it.

    `chat` is the one that the model was judged with, `name` what the model is called. Matrices are kept in `encoding`
    where their rows can be, norms and biases in float32. Tensors are read, made and written one after the other.

    Raises TunesmithError `form-model-type`, `form-head`, `form-setting`, `form-tensor`, `form-tokenizer`, and RunFailed
    `form-not-finite`.
    """
    from gguf import GGUFWriter

    base = find_base(str(merged))
    refuse_form("gguf", base)
    refuse_head("gguf", merged)
    _refuse_settings(base)
    _refuse_heads(base)
    sources = _sources(merged, base)
    num_rows = next(source.shape[0] for source in sources if source.new_name == "token_embd.weight")
    tokenizer = gguf_tokenizer(chat, num_rows)
    out.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(out / FILE, ARCHITECTURES[base.model_type])
    _add_facts(writer, base, name, encoding, num_rows)
    tokenizer.add_to(writer)
    _write(writer, base, sources, encoding)
    read_header(out / FILE)  # what a stranger would refuse is not shipped
    sampling = decoding_of(Decoding(), base, seed=0)  # the merged folder says how answers were judged
    write_modelfile(out, FILE, chat, tokenizer, sampling, base.max_tokens)
    for file in licence_files(merged):
        shutil.copyfile(file, out / file.name)
    called = model_name(name)
    use = {
        "ollama": f"ollama create {called} -f gguf/{MODELFILE} && ollama run {called}",
        "llama.cpp": f"llama-server -m gguf/{FILE} --jinja {_drawn(sampling)}",
    }
    return Form(name="gguf", dtype=encoding, num_bytes=(out / FILE).stat().st_size, use=use)


def _drawn(sampling: Sampling) -> str:
    """For llama-server, which draws otherwise of itself."""
    drawn = f"--temp {sampling.temperature:g}"
    return f"{drawn} --top-p {sampling.top_p:g} --top-k 0 --min-p 0" if sampling.temperature else drawn


def new_name(name: str) -> str | None:
    """What llama.cpp calls a tensor of transformers'; None where it has none for it."""
    found = _NAME.fullmatch(name)
    if found is None or found["module"] not in TENSORS:
        return None
    layer = "" if found["layer"] is None else f"blk.{found['layer']}."
    return f"{layer}{TENSORS[found['module']]}.{found['kind']}"


def _sources(merged: Path, base: Base) -> list[_Source]:
    """Every tensor of the folder, in the order of the new names; a head that is tied is not there."""
    found = []
    for file in sorted(merged.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            names: list[str] = list(tensors.keys())
            for name in names:
                if name == "lm_head.weight" and base.config.get("tie_word_embeddings"):
                    continue
                renamed = new_name(name)
                if renamed is None:
                    raise TunesmithError("form-tensor", place=Place(str(file), field=name), form="gguf")
                found.append(_Source(file, name, renamed, tuple(tensors.get_slice(name).get_shape())))
    return sorted(found, key=lambda source: source.new_name)


def _refuse_settings(base: Base) -> None:
    rope_type = _rope(base).get("rope_type", "default")
    settings = {**PLAIN[base.model_type], "rope_type": ("default", "linear", "llama3")}
    for key, plain in settings.items():
        value = rope_type if key == "rope_type" else base.config.get(key, plain)
        if value not in (plain if isinstance(plain, tuple) else (plain, None)):
            place = Place(str(base.folder / "config.json"), field=key)
            raise TunesmithError("form-setting", place=place, form="gguf", value=value)


def _refuse_heads(base: Base) -> None:
    heads = int(base.config["num_attention_heads"])
    if base.model_type in SQUARE and heads * _head_size(base) != base.config["hidden_size"]:
        place = Place(str(base.folder / "config.json"), field="num_attention_heads")
        raise TunesmithError("form-setting", place=place, form="gguf", value=heads)


def _rope(base: Base) -> dict[str, Any]:
    """How positions turn: newer configurations have it in one place, older ones in two."""
    older = base.config.get("rope_scaling") or {}
    if "type" in older:
        older = {**older, "rope_type": older["type"]}
    theta = base.config.get("rope_theta", 10000.0)
    return {"rope_theta": theta, **older, **(base.config.get("rope_parameters") or {})}


def _head_size(base: Base) -> int:
    return int(base.config.get("head_dim") or base.config["hidden_size"] // base.config["num_attention_heads"])


def _num_key_heads(base: Base) -> int:
    return int(base.config.get("num_key_value_heads") or base.config["num_attention_heads"])


def _add_facts(writer: GGUFWriter, base: Base, name: str, encoding: Encoding, num_rows: int) -> None:
    from gguf import GGML_QUANT_VERSION, LlamaFileType, RopeScalingType

    types = {"F32": LlamaFileType.ALL_F32, "F16": LlamaFileType.MOSTLY_F16, "Q8_0": LlamaFileType.MOSTLY_Q8_0}
    config, rope = base.config, _rope(base)
    writer.add_type("model")
    writer.add_name(name)
    writer.add_file_type(types[encoding])
    writer.add_quantization_version(GGML_QUANT_VERSION)
    writer.add_vocab_size(num_rows)
    # a window of attention that slides is not followed there, and makes no difference up to its length
    writer.add_context_length(base.max_tokens)
    writer.add_embedding_length(int(config["hidden_size"]))
    writer.add_block_count(int(config["num_hidden_layers"]))
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(int(config["num_attention_heads"]))
    writer.add_head_count_kv(_num_key_heads(base))
    writer.add_key_length(_head_size(base))
    writer.add_value_length(_head_size(base))
    writer.add_layer_norm_rms_eps(float(config.get("rms_norm_eps", 1e-6)))
    writer.add_rope_dimension_count(_head_size(base))
    writer.add_rope_freq_base(float(rope["rope_theta"]))
    if rope.get("rope_type") == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope["factor"]))


def rope_factors(rope: dict[str, Any], head_size: int) -> NDArray[np.float32]:
    """(head_size / 2,): by what Llama 3.1 divides its frequencies: slow ones by a factor, fast ones not at all.

    As transformers' `_compute_llama3_parameters` has it, between the two by linear interpolation of the frequency.
    """
    frequencies = float(rope["rope_theta"]) ** -(np.arange(0, head_size, 2) / head_size)
    turns = float(rope["original_max_position_embeddings"]) * frequencies / (2 * np.pi)
    low, high, factor = (float(rope[key]) for key in ("low_freq_factor", "high_freq_factor", "factor"))
    kept = np.clip((turns - low) / (high - low), 0.0, 1.0)
    factors: NDArray[np.float32] = (1 / ((1 - kept) / factor + kept)).astype(np.float32)
    return factors


def _tensors(base: Base, sources: list[_Source]) -> Iterator[tuple[_Source, NDArray[np.float32]]]:
    """Each tensor in float32, its rows in llama.cpp's order."""
    num_heads = {".attn_q.": int(base.config["num_attention_heads"]), ".attn_k.": _num_key_heads(base)}
    is_interleaved = ARCHITECTURES[base.model_type] == "llama"
    for source in sources:
        with safe_open(source.file, framework="pt") as tensors:
            numbers: NDArray[np.float32] = tensors.get_tensor(source.name).float().numpy()
        for part, heads in num_heads.items():
            if is_interleaved and part in source.new_name:
                numbers = interleaved(numbers, heads)
        yield source, numbers


def interleaved(numbers: NDArray[np.float32], num_heads: int) -> NDArray[np.float32]:
    """Rows of queries or keys in the order in which llama.cpp turns them: neighbours, where transformers turns the
    first half of a head with its second."""
    halves = numbers.reshape(num_heads, 2, -1, *numbers.shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(numbers.shape)


def _encoding_of(shape: tuple[int, ...], encoding: Encoding) -> GGMLQuantizationType:
    """Vectors stay in float32; rows that are no whole number of blocks go into float16."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    if len(shape) == 1:
        return GGMLQuantizationType.F32
    wanted = GGMLQuantizationType[encoding]
    return wanted if shape[-1] % GGML_QUANT_SIZES[wanted][0] == 0 else GGMLQuantizationType.F16


def _write(writer: GGUFWriter, base: Base, sources: list[_Source], encoding: Encoding) -> None:
    """All that is known of the tensors comes first in the file, so that one of them is in memory at a time."""
    from gguf import quants

    rope = _rope(base)
    factors = rope_factors(rope, _head_size(base)) if rope.get("rope_type") == "llama3" else None
    if factors is not None:
        writer.add_tensor_info(ROPE_FACTORS, factors.shape, factors.dtype, factors.nbytes)
    for source in sources:
        kept_in = _encoding_of(source.shape, encoding)
        shape = quants.quant_shape_to_byte_shape(source.shape, kept_in)
        writer.add_tensor_info(source.new_name, shape, np.dtype(np.uint8), int(np.prod(shape)), raw_dtype=kept_in)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        if factors is not None:
            writer.write_tensor_data(factors)
        for source, numbers in _tensors(base, sources):
            kept_in = _encoding_of(source.shape, encoding)
            if not np.abs(numbers).max() <= LARGEST[kept_in.name]:
                raise RunFailed("form-not-finite", place=Place(str(source.file), field=source.name))
            writer.write_tensor_data(quants.quantize(numbers, kept_in))
    finally:
        writer.close()
