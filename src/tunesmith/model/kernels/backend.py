"""Which kernels a tensor is computed by."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from tunesmith.model.kernels import compiled, native, plain


class Kernels(Protocol):
    """What `plain`, `native` and `compiled` offer; `plain` says what each computes."""

    def rms_norm_forward(self, x_TD: Tensor, weight_D: Tensor, epsilon: float) -> tuple[Tensor, Tensor]: ...

    def rms_norm_backward(
        self, grad_TD: Tensor, x_TD: Tensor, weight_D: Tensor, inverse_T: Tensor, *, wants_weight: bool
    ) -> tuple[Tensor, Tensor | None]: ...

    def swiglu_forward(self, gate: Tensor, up: Tensor) -> Tensor: ...

    def swiglu_backward(self, grad: Tensor, gate: Tensor, up: Tensor) -> tuple[Tensor, Tensor]: ...

    def rotate(self, x_THD: Tensor, cos_TD: Tensor, sin_TD: Tensor, direction: float) -> Tensor: ...

    def cross_entropy(
        self, logits_CV: Tensor, targets_C: Tensor, weights_C: Tensor, smoothing: float, *, wants_gradient: bool
    ) -> tuple[Tensor, Tensor]: ...


def is_native(x: Tensor) -> bool:
    """Whether the compiled kernels of a CPU can compute this tensor."""
    return (
        x.device.type == "cpu"
        and x.dtype in native.NAMES
        and native.library() is not None
        and not torch.compiler.is_compiling()
    )


def kernels_of(x: Tensor) -> Kernels:
    if torch.compiler.is_compiling():  # what is around them is compiled too, with them
        return plain
    if is_native(x):
        return native
    return compiled.kernels() if x.device.type == "cuda" and compiled.is_available() else plain


def describe_kernels(device: str) -> str:
    """Names what a training on this device is computed by: with another name, sums may round differently."""
    if device == "cpu":
        return f"native {native.fingerprint()}" if native.library() is not None else "plain"
    return "compiled" if compiled.is_available() else "plain"
