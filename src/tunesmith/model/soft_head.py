"""The language-model head held against a teacher's at the same places, its gradient made in the forward pass.

Shapes: T flat tokens, D hidden of the student, E of the teacher, V vocabulary, P (position, target) pairs, C pairs of
one chunk, W tokens that both vocabularies have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tunesmith.model.head import CHUNK_PAIRS


@dataclass(frozen=True, slots=True)
class Teacher:
    """What the teacher says: its hidden states of the same flat batch and its head; never a gradient."""

    hidden_TE: Tensor
    head_VE: Tensor


@dataclass(frozen=True, slots=True)
class Softness:
    """`share` of the loss is the divergence from the teacher at `temperature`, the rest the true token's."""

    temperature: float
    share: float


class _SoftHead(torch.autograd.Function):
    """Sum over pairs of weight * ((1 - share) * cross entropy + share * temperature^2 * KL(teacher, student))."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_TD: Tensor,
        head_VD: Tensor,
        teacher: Teacher,
        pairs: tuple[Tensor, Tensor, Tensor],
        softness: Softness,
    ) -> tuple[Tensor, Tensor, Tensor]:
        positions_P, targets_P, weights_P = pairs
        needs_hidden, needs_head = ctx.needs_input_grad[:2]
        grad_hidden_TD = torch.zeros_like(hidden_TD) if needs_hidden else None
        grad_head_VD = torch.zeros_like(head_VD) if needs_head else None
        hard, soft, correct = hidden_TD.new_zeros(3, dtype=torch.float32).unbind()
        size = CHUNK_PAIRS[hidden_TD.device.type]
        for lo in range(0, positions_P.numel(), size):
            positions_C, targets_C = positions_P[lo : lo + size], targets_P[lo : lo + size]
            weights_C = weights_P[lo : lo + size]
            hidden_CD = hidden_TD[positions_C]
            logits_CV = (hidden_CD @ head_VD.T).float()
            taught_CV = (teacher.hidden_TE[positions_C] @ teacher.head_VE.T).float()
            logs_CV = logits_CV.log_softmax(1)
            at_target_C = logs_CV.gather(1, targets_C[:, None])[:, 0]
            hard -= (at_target_C * weights_C).sum()
            correct += ((at_target_C >= logs_CV.amax(1)) * weights_C).sum()
            # padded vocabularies differ in length where their tokens do not
            num_shared = min(logits_CV.shape[1], taught_CV.shape[1])
            soft_CW = (logits_CV[:, :num_shared] / softness.temperature).log_softmax(1)
            taught_CW = (taught_CV[:, :num_shared] / softness.temperature).log_softmax(1)
            odds_CW = taught_CW.exp()
            soft += ((odds_CW * (taught_CW - soft_CW)).sum(1) * weights_C).sum()
            if not (needs_hidden or needs_head):
                continue
            grad_CV = logs_CV.exp_()
            grad_CV.scatter_add_(1, targets_C[:, None], -torch.ones_like(weights_C)[:, None])
            grad_CV.mul_(1.0 - softness.share)
            grad_CV[:, :num_shared] += softness.share * softness.temperature * (soft_CW.exp_() - odds_CW)
            grad_CV = grad_CV.mul_(weights_C[:, None]).to(hidden_TD.dtype)
            if grad_hidden_TD is not None:
                grad_hidden_TD.index_add_(0, positions_C, grad_CV @ head_VD)
            if grad_head_VD is not None:
                grad_head_VD.addmm_(grad_CV.T, hidden_CD)
        ctx.grads = (grad_hidden_TD, grad_head_VD)
        ctx.mark_non_differentiable(soft, correct)
        total = (1.0 - softness.share) * hard + softness.share * softness.temperature**2 * soft
        return total, soft, correct

    @staticmethod
    def backward(ctx: Any, grad_total: Tensor, *_: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        grad_hidden_TD, grad_head_VD = (
            None if grad is None else grad.mul_(grad_total.to(grad.dtype)) for grad in ctx.grads
        )
        return grad_hidden_TD, grad_head_VD, None, None, None


def distillation_of_pairs(
    hidden_TD: Tensor,
    head_VD: Tensor,
    teacher: Teacher,
    pairs: tuple[Tensor, Tensor, Tensor],
    softness: Softness,
) -> tuple[Tensor, Tensor, Tensor]:
    """The weighted sums of the mixed loss, of the divergence alone at `temperature`, both in nats, and of the targets
    that were the argmax; each 0-dimensional float32.

    `pairs` are positions (P,), targets (P,) and weights (P,). The divergence is KL(teacher || student) times the
    temperature squared, which keeps its gradient at one size (Hinton et al. 2015, arXiv:1503.02531).
    """
    if not torch.is_grad_enabled():  # a custom function is told of parameters that want a gradient all the same
        hidden_TD, head_VD = hidden_TD.detach(), head_VD.detach()
    total, soft, correct = _SoftHead.apply(hidden_TD, head_VD, teacher, pairs, softness)  # type: ignore[no-untyped-call]
    return total, soft, correct
