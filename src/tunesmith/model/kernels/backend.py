"""Which kernels a tensor is computed by."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from tunesmith.model.kernels import native, plain


class Kernels(Protocol):
    """What `plain` and `native` both offer; `plain` says what each computes."""

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
    """Whether the compiled kernels can compute this tensor."""
    return x.device.type == "cpu" and x.dtype in native.NAMES and native.library() is not None


def kernels_of(x: Tensor) -> Kernels:
    return native if is_native(x) else plain


def describe_kernels(device: str) -> str:
    """Names what a training on this device is computed by: with another name, sums may round differently."""
    return f"native {native.fingerprint()}" if device == "cpu" and native.library() is not None else "plain"
