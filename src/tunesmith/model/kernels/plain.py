"""The kernels in torch, for every device: what they mean, and what is computed where nothing faster is at hand.

Shapes: T tokens, D numbers of a vector, H heads, C pairs, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rms_norm_forward(x_TD: Tensor, weight_D: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """x / sqrt(mean(x^2) + epsilon) * weight (Zhang & Sennrich 2019, arXiv:1910.07467), and the (T,) factors."""
    wide_TD = x_TD.float()
    inverse_T = (wide_TD.square().mean(-1) + epsilon).rsqrt()
    return (wide_TD * inverse_T[:, None] * weight_D.float()).to(x_TD.dtype), inverse_T


def rms_norm_backward(
    grad_TD: Tensor, x_TD: Tensor, weight_D: Tensor, inverse_T: Tensor, *, wants_weight: bool
) -> tuple[Tensor, Tensor | None]:
    """Gradients of x and, where it is wanted, of the weight."""
    grad_wide_TD, normed_TD = grad_TD.float(), x_TD.float() * inverse_T[:, None]
    aimed_TD = grad_wide_TD * weight_D.float()
    along_T1 = (aimed_TD * normed_TD).mean(-1, keepdim=True)
    grad_x_TD = ((aimed_TD - along_T1 * normed_TD) * inverse_T[:, None]).to(x_TD.dtype)
    return grad_x_TD, (grad_wide_TD * normed_TD).sum(0).to(weight_D.dtype) if wants_weight else None


def swiglu_forward(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) * up (Shazeer 2020, arXiv:2002.05202)."""
    return (torch.nn.functional.silu(gate.float()) * up.float()).to(gate.dtype)


def swiglu_backward(grad: Tensor, gate: Tensor, up: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of gate and up."""
    wide, grad_wide = gate.float(), grad.float()
    share = wide.sigmoid()
    grad_gate = grad_wide * up.float() * share * (1.0 + wide * (1.0 - share))
    return grad_gate.to(gate.dtype), (grad_wide * wide * share).to(up.dtype)


def rotate(x_THD: Tensor, cos_TD: Tensor, sin_TD: Tensor, direction: float) -> Tensor:
    """Rotary positions in the half-split order (Su et al. 2021, arXiv:2104.09864); direction -1 undoes them."""
    wide_THD, half = x_THD.float(), x_THD.shape[-1] // 2
    turned_THD = torch.cat((-wide_THD[..., half:], wide_THD[..., :half]), dim=-1) * direction
    return (wide_THD * cos_TD[:, None].float() + turned_THD * sin_TD[:, None].float()).to(x_THD.dtype)


def cross_entropy(
    logits_CV: Tensor, targets_C: Tensor, weights_C: Tensor, smoothing: float, *, wants_gradient: bool
) -> tuple[Tensor, Tensor]:
    """(C,) losses in nats and (C,) 1 where the target was the argmax, unweighted, float32.

    The target is 1 - smoothing on the token and the rest spread evenly. Where it is wanted, the logits become the
    gradient of weight * loss, in place.
    """
    wide_CV, targets_C1 = logits_CV.float(), targets_C[:, None]
    largest_C1 = wide_CV.amax(1, keepdim=True)
    at_target_C1 = wide_CV.gather(1, targets_C1)
    aimed_C1 = torch.lerp(at_target_C1, wide_CV.mean(1, keepdim=True), smoothing) if smoothing else at_target_C1
    odds_CV = (wide_CV - largest_C1).exp_()
    sums_C1 = odds_CV.sum(1, keepdim=True)
    losses_C, correct_C = (largest_C1 + sums_C1.log() - aimed_C1)[:, 0], (at_target_C1 >= largest_C1)[:, 0].float()
    if wants_gradient:
        weights_C1 = weights_C[:, None]
        spread_C1, own_C1 = weights_C1 * smoothing / wide_CV.shape[1], -(1.0 - smoothing) * weights_C1
        at_target_C1 = (at_target_C1 - largest_C1).exp() * (weights_C1 / sums_C1) - spread_C1 + own_C1
        logits_CV.copy_(odds_CV.mul_(weights_C1 / sums_C1).sub_(spread_C1))
        logits_CV.scatter_(1, targets_C1, at_target_C1.to(logits_CV.dtype))
    return losses_C, correct_C
