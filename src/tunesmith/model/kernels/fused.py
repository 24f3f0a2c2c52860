"""The kernels as functions with a gradient; where none is wanted, at the price of a plain call."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tunesmith.model.kernels import native
from tunesmith.model.kernels.backend import kernels_of
from tunesmith.model.kernels.native import Documents


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_TD: Tensor, weight_D: Tensor, epsilon: float) -> Tensor:
        y_TD, inverse_T = kernels_of(x_TD).rms_norm_forward(x_TD, weight_D, epsilon)
        ctx.save_for_backward(x_TD, weight_D, inverse_T)
        return y_TD

    @staticmethod
    def backward(ctx: Any, grad_TD: Tensor) -> tuple[Tensor, Tensor | None, None]:
        x_TD, weight_D, inverse_T = ctx.saved_tensors
        kernels, wants_weight = kernels_of(x_TD), ctx.needs_input_grad[1]
        return *kernels.rms_norm_backward(
            grad_TD.contiguous(), x_TD, weight_D, inverse_T, wants_weight=wants_weight
        ), None


class _Swiglu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up)
        return kernels_of(gate).swiglu_forward(gate, up)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        gate, up = ctx.saved_tensors
        return kernels_of(gate).swiglu_backward(grad.contiguous(), gate, up)


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_THD: Tensor, cos_TD: Tensor, sin_TD: Tensor) -> Tensor:
        ctx.save_for_backward(cos_TD, sin_TD)
        return kernels_of(x_THD).rotate(x_THD, cos_TD, sin_TD, 1.0)

    @staticmethod
    def backward(ctx: Any, grad_THD: Tensor) -> tuple[Tensor, None, None]:
        cos_TD, sin_TD = ctx.saved_tensors
        return kernels_of(grad_THD).rotate(grad_THD.contiguous(), cos_TD, sin_TD, -1.0), None, None


class _CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query_THD: Tensor,
        key_TKD: Tensor,
        value_TKD: Tensor,
        documents: Documents,
        scaling: float,
    ) -> Tensor:
        out_THD, log_sums_TH = native.attention_forward(query_THD, key_TKD, value_TKD, documents, scaling)
        ctx.documents, ctx.scaling = documents, scaling
        ctx.save_for_backward(query_THD, key_TKD, value_TKD, out_THD, log_sums_TH)
        return out_THD

    @staticmethod
    def backward(ctx: Any, grad_THD: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        grads = native.attention_backward(grad_THD.contiguous(), ctx.saved_tensors, ctx.documents, ctx.scaling)
        return *grads, None, None


def rms_norm(x: Tensor, weight_D: Tensor, epsilon: float) -> Tensor:
    """x / sqrt(mean(x^2) + epsilon) * weight over the last dimension."""
    x_TD = x.reshape(-1, x.shape[-1])
    if not torch.is_grad_enabled():
        return kernels_of(x_TD).rms_norm_forward(x_TD, weight_D, epsilon)[0].view(x.shape)
    y_TD: Tensor = _RmsNorm.apply(x_TD, weight_D, epsilon)  # type: ignore[no-untyped-call]
    return y_TD.view(x.shape)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) * up."""
    gate, up = gate.contiguous(), up.contiguous()
    if not torch.is_grad_enabled():
        return kernels_of(gate).swiglu_forward(gate, up)
    out: Tensor = _Swiglu.apply(gate, up)  # type: ignore[no-untyped-call]
    return out


def rotate(x_THD: Tensor, cos_TD: Tensor, sin_TD: Tensor) -> Tensor:
    """Rotary positions."""
    x_THD = x_THD.contiguous()
    if not torch.is_grad_enabled():
        return kernels_of(x_THD).rotate(x_THD, cos_TD, sin_TD, 1.0)
    out_THD: Tensor = _Rotate.apply(x_THD, cos_TD, sin_TD)  # type: ignore[no-untyped-call]
    return out_THD


def causal_attention(
    query_THD: Tensor, key_TKD: Tensor, value_TKD: Tensor, documents: Documents, scaling: float
) -> Tensor:
    """(X, H, D) causal attention inside each of the documents, which fill the first X of the T tokens."""
    states = (query_THD.contiguous(), key_TKD.contiguous(), value_TKD.contiguous())
    out_THD: Tensor = _CausalAttention.apply(*states, documents, scaling)  # type: ignore[no-untyped-call]
    return out_THD
