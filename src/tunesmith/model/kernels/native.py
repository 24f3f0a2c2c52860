"""The kernels of `native.cpp`, called with the addresses of CPU tensors.

The source is compiled once for this processor by the machine's C++ compiler and kept beside the source, as compiled
Python is. Shapes as in `plain`; N documents, K key heads.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

SOURCE: Final = Path(__file__).with_name("native.cpp")
FLAGS: Final = (
    *("-std=c++17", "-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC"),
    # compilers prefer half of a register since the first processors with full ones slowed down when they used them
    *(("-mprefer-vector-width=512",) if platform.machine() in ("x86_64", "AMD64") else ()),
)
COMPILERS: Final = ("c++", "g++", "clang++")
NAMES: Final = {torch.float32: "fp32", torch.bfloat16: "bf16"}
HEAD_UNIT: Final = 16
"""A head's size must be a multiple of this: one vector register of float32."""

_ADDRESS, _COUNT, _NUMBER, _INT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_float, ctypes.c_int
_HEADS = (_COUNT, _COUNT, _COUNT, _NUMBER)
SIGNATURES: Final = {
    "rms_norm_forward": (*(_ADDRESS,) * 4, _COUNT, _COUNT, _NUMBER, _INT),
    "rms_norm_backward": (*(_ADDRESS,) * 6, _COUNT, _COUNT, _INT),
    "swiglu_forward": (*(_ADDRESS,) * 3, _COUNT, _INT),
    "swiglu_backward": (*(_ADDRESS,) * 5, _COUNT, _INT),
    "rotate": (*(_ADDRESS,) * 4, _COUNT, _COUNT, _COUNT, _NUMBER, _INT),
    "cross_entropy": (*(_ADDRESS,) * 5, _COUNT, _COUNT, _NUMBER, _INT, _INT),
    "attention_forward": (*(_ADDRESS,) * 7, _COUNT, *_HEADS, _INT),
    "attention_backward": (*(_ADDRESS,) * 11, _COUNT, *_HEADS, _INT),
    "attention_cached": (*(_ADDRESS,) * 7, _COUNT, *_HEADS, _INT),
}


@functools.cache
def library() -> Mapping[str, Callable[..., None]] | None:
    """The compiled kernels by name and type; None where there is no compiler that makes them."""
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    built = SOURCE.parent / "__pycache__" / f"native-{fingerprint()}.so"
    if not built.is_file() and (compiler is None or not compile_library(compiler, built)):
        return None
    loaded = ctypes.CDLL(str(built))
    return {
        f"{name}_{suffix}": ctypes.CFUNCTYPE(None, *types)((f"{name}_{suffix}", loaded))
        for name, types in SIGNATURES.items()
        for suffix in NAMES.values()
    }


def fingerprint() -> str:
    """16 hex digits of the source, the flags and the processor: equal ones compute equal bits."""
    decisive = "\n".join((SOURCE.read_text(encoding="utf-8"), *FLAGS, _processor()))
    return hashlib.sha256(decisive.encode()).hexdigest()[:16]


def _processor() -> str:
    """What -march=native depends on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())
    return f"{platform.machine()} {flags}"


def compile_library(compiler: str, out: Path) -> bool:
    """Whether `out` could be made; it appears whole or not at all."""
    try:
        out.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            made = Path(folder) / out.name
            subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(made)], check=True, capture_output=True)
            made.replace(out)
    except (OSError, subprocess.CalledProcessError):  # a folder that cannot be written, a compiler without OpenMP
        return False
    return True


def _call(name: str, like: Tensor, *arguments: Tensor | float | None) -> None:
    compiled = library()
    assert compiled is not None
    values = [value.data_ptr() if isinstance(value, Tensor) else value for value in arguments]
    compiled[f"{name}_{NAMES[like.dtype]}"](*values, torch.get_num_threads())


def rms_norm_forward(x_TD: Tensor, weight_D: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    y_TD, inverse_T = torch.empty_like(x_TD), x_TD.new_empty(x_TD.shape[0], dtype=torch.float32)
    _call("rms_norm_forward", x_TD, x_TD, weight_D, y_TD, inverse_T, *x_TD.shape, epsilon)
    return y_TD, inverse_T


def rms_norm_backward(
    grad_TD: Tensor, x_TD: Tensor, weight_D: Tensor, inverse_T: Tensor, *, wants_weight: bool
) -> tuple[Tensor, Tensor | None]:
    grad_x_TD = torch.empty_like(x_TD)
    sums_D = weight_D.new_zeros(weight_D.shape, dtype=torch.float32) if wants_weight else None
    _call("rms_norm_backward", x_TD, grad_TD, x_TD, weight_D, inverse_T, grad_x_TD, sums_D, *x_TD.shape)
    return grad_x_TD, None if sums_D is None else sums_D.to(weight_D.dtype)


def swiglu_forward(gate: Tensor, up: Tensor) -> Tensor:
    out = torch.empty_like(gate)
    _call("swiglu_forward", gate, gate, up, out, gate.numel())
    return out


def swiglu_backward(grad: Tensor, gate: Tensor, up: Tensor) -> tuple[Tensor, Tensor]:
    grad_gate, grad_up = torch.empty_like(gate), torch.empty_like(up)
    _call("swiglu_backward", gate, grad, gate, up, grad_gate, grad_up, gate.numel())
    return grad_gate, grad_up


def rotate(x_THD: Tensor, cos_TD: Tensor, sin_TD: Tensor, direction: float) -> Tensor:
    out_THD = torch.empty_like(x_THD)
    _call("rotate", x_THD, x_THD, cos_TD, sin_TD, out_THD, *x_THD.shape, direction)
    return out_THD


def cross_entropy(
    logits_CV: Tensor, targets_C: Tensor, weights_C: Tensor, smoothing: float, *, wants_gradient: bool
) -> tuple[Tensor, Tensor]:
    losses_C, correct_C = logits_CV.new_empty((2, logits_CV.shape[0]), dtype=torch.float32)
    shape = logits_CV.shape
    _call(
        "cross_entropy",
        logits_CV,
        logits_CV,
        targets_C,
        weights_C,
        losses_C,
        correct_C,
        *shape,
        smoothing,
        wants_gradient,
    )
    return losses_C, correct_C


@dataclass(frozen=True, slots=True)
class Documents:
    """Stretches of tokens that attend within themselves; they fill the first `num_tokens` of the flat buffer."""

    starts_N: Tensor
    """int64."""
    lengths_N: Tensor
    """int64."""
    num_tokens: int


def attention_forward(
    query_THD: Tensor, key_TKD: Tensor, value_TKD: Tensor, documents: Documents, scaling: float
) -> tuple[Tensor, Tensor]:
    """Causal attention inside each document, (X, H, D), and the (X, H) logarithms of the softmax's sums."""
    out_XHD = query_THD.new_empty((documents.num_tokens, *query_THD.shape[1:]))
    log_sums_XH = query_THD.new_empty(out_XHD.shape[:2], dtype=torch.float32)
    states = (query_THD, key_TKD, value_TKD, out_XHD, log_sums_XH)
    _call("attention_forward", query_THD, *states, *_where(documents, query_THD, key_TKD), scaling)
    return out_XHD, log_sums_XH


def attention_backward(
    grad_XHD: Tensor, states: tuple[Tensor, Tensor, Tensor, Tensor, Tensor], documents: Documents, scaling: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of queries, keys and values; `states` are those three, the output and the logarithms."""
    query_THD, key_TKD = states[:2]
    make = torch.empty_like if documents.num_tokens == query_THD.shape[0] else torch.zeros_like
    grads = (make(query_THD), make(key_TKD), make(states[2]))
    _call("attention_backward", query_THD, grad_XHD, *states, *grads, *_where(documents, query_THD, key_TKD), scaling)
    return grads


@dataclass(frozen=True, slots=True)
class SeenKeys:
    """Token t sees the keys at the `lengths_T[t]` places that begin with number `starts_T[t]`; all int64."""

    places_Y: Tensor
    starts_T: Tensor
    lengths_T: Tensor


def cached_attention(query_THD: Tensor, key_AKD: Tensor, value_AKD: Tensor, seen: SeenKeys, scaling: float) -> Tensor:
    """(T, H, D) attention of each token to the keys that it sees, without gradient."""
    query_THD, key_AKD, value_AKD = (states.contiguous() for states in (query_THD, key_AKD, value_AKD))
    out_THD = torch.empty_like(query_THD)
    states = (query_THD, key_AKD, value_AKD, out_THD)
    shape = (*query_THD.shape[:2], key_AKD.shape[1], query_THD.shape[2])
    _call("attention_cached", query_THD, *states, seen.places_Y, seen.starts_T, seen.lengths_T, *shape, scaling)
    return out_THD


def _where(documents: Documents, query_THD: Tensor, key_TKD: Tensor) -> tuple[Tensor, Tensor, int, int, int, int]:
    shape = (documents.lengths_N.numel(), query_THD.shape[1], key_TKD.shape[1], query_THD.shape[2])
    return documents.starts_N, documents.lengths_N, *shape
