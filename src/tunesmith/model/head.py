"""The language-model head on supervised tokens only, its gradient made in the forward pass.

Logits exist for one chunk of pairs at a time: a frozen head costs two matrix products a chunk, a trained one three.

Shapes: T flat tokens, D hidden, V vocabulary, P (position, target) pairs, C pairs of one chunk, U states, Q what is
asked of them, K of those of a chunk.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tunesmith.model.kernels import kernels_of
from tunesmith.model.layout import PAIRS_UNIT, round_up
from tunesmith.model.quantise import Int8Weight

CHUNK_PAIRS: Final = {"cpu": 256, "cuda": 4096}
"""On a CPU a chunk's logits should stay in its cache; a GPU wants large products."""


def logits_after(hidden_CD: Tensor, head_VD: Tensor | Int8Weight) -> Tensor:
    """(C, V), whatever the head is kept in."""
    return head_VD.product(hidden_CD) if isinstance(head_VD, Int8Weight) else hidden_CD @ head_VD.T


class _IndexListHead(torch.autograd.Function):
    """Sum over pairs of weight * cross entropy between softmax(hidden W^T) and the smoothed target."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_TD: Tensor,
        head_VD: Tensor,
        pairs: tuple[Tensor, Tensor, Tensor],
        label_smoothing: float,
    ) -> tuple[Tensor, Tensor]:
        positions_P, targets_P, weights_P = pairs
        needs_hidden, needs_head = ctx.needs_input_grad[:2]
        grad_hidden_TD = torch.zeros_like(hidden_TD) if needs_hidden else None
        grad_head_VD = torch.zeros_like(head_VD) if needs_head else None
        total = hidden_TD.new_zeros((), dtype=torch.float32)
        correct = hidden_TD.new_zeros((), dtype=torch.float32)
        kernels, wants_gradient = kernels_of(hidden_TD), needs_hidden or needs_head
        size = CHUNK_PAIRS[hidden_TD.device.type]
        for lo in range(0, positions_P.numel(), size):
            positions_C = positions_P[lo : lo + size]
            weights_C = weights_P[lo : lo + size]
            hidden_CD = hidden_TD[positions_C]
            # turned into their own gradient
            logits_CV = hidden_CD @ head_VD.T
            losses_C, correct_C = kernels.cross_entropy(
                logits_CV, targets_P[lo : lo + size], weights_C, label_smoothing, wants_gradient=wants_gradient
            )
            total += losses_C @ weights_C
            correct += correct_C @ weights_C
            if grad_hidden_TD is not None:
                grad_hidden_TD.index_add_(0, positions_C, logits_CV @ head_VD)
            if grad_head_VD is not None:
                grad_head_VD.addmm_(logits_CV.T, hidden_CD)
        ctx.grads = (grad_hidden_TD, grad_head_VD)
        ctx.mark_non_differentiable(correct)
        return total, correct

    @staticmethod
    def backward(ctx: Any, grad_total: Tensor, _: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        grad_hidden_TD, grad_head_VD = (
            None if grad is None else grad.mul_(grad_total.to(grad.dtype)) for grad in ctx.grads
        )
        return grad_hidden_TD, grad_head_VD, None, None


def cross_entropy_of_pairs(
    hidden_TD: Tensor,
    head_VD: Tensor,
    positions_P: Tensor,
    targets_P: Tensor,
    weights_P: Tensor,
    label_smoothing: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Weighted sum of the negative log-likelihoods in nats, and the weighted number of targets that were the argmax.

    Both are 0-dimensional float32. Weights may be negative (policy gradients). With label smoothing e the target is
    1 - e on the token and e spread over the vocabulary (Szegedy et al. 2016, arXiv:1512.00567).
    """
    if not torch.is_grad_enabled():  # a custom function is told of parameters that want a gradient all the same
        hidden_TD, head_VD = hidden_TD.detach(), head_VD.detach()
    total, correct = _IndexListHead.apply(hidden_TD, head_VD, (positions_P, targets_P, weights_P), label_smoothing)  # type: ignore[no-untyped-call]
    return total, correct


def log_likelihood_of_pairs(
    hidden_TD: Tensor, head_VD: Tensor | Int8Weight, positions_P: Tensor, targets_P: Tensor
) -> Tensor:
    """(P,) float32 log-likelihood in nats of every pair, without gradient."""
    pieces = []
    kernels = kernels_of(hidden_TD)
    size = CHUNK_PAIRS[hidden_TD.device.type]
    num_pairs = positions_P.numel()
    # the last chunk too has a shape of the grid
    num_filler = round_up(num_pairs, PAIRS_UNIT) - num_pairs
    positions_P, targets_P = (torch.nn.functional.pad(part_P, (0, num_filler)) for part_P in (positions_P, targets_P))
    with torch.no_grad():
        for lo in range(0, positions_P.numel(), size):
            logits_CV = logits_after(hidden_TD[positions_P[lo : lo + size]], head_VD)
            targets_C = targets_P[lo : lo + size]
            ones_C = torch.ones(targets_C.shape, device=targets_C.device)
            pieces.append(-kernels.cross_entropy(logits_CV, targets_C, ones_C, 0.0, wants_gradient=False)[0])
    return torch.cat(pieces)[:num_pairs] if pieces else hidden_TD.new_zeros(0, dtype=torch.float32)


@torch.no_grad()
def log_likelihoods_after(
    states_UD: Tensor, head_VD: Tensor | Int8Weight, state_Q: NDArray[np.int64], targets_Q: NDArray[np.int64]
) -> Tensor:
    """(Q,) float32 log-likelihood in nats of each target after its state, without gradient; `state_Q` ascends.

    A state meets the head once, however many targets it has.
    """
    kernels, device = kernels_of(states_UD), states_UD.device
    size = CHUNK_PAIRS[device.type]
    num_states = len(states_UD)
    # the last chunk too has a shape of the grid
    states_UD = torch.nn.functional.pad(states_UD, (0, 0, 0, round_up(num_states, PAIRS_UNIT) - num_states))
    pieces = []
    for lo in range(0, len(states_UD), size):
        logits_CV = logits_after(states_UD[lo : lo + size], head_VD)
        first, last = np.searchsorted(state_Q, (lo, lo + size))
        rows_K, targets_K = (
            torch.from_numpy(part).to(device) for part in (state_Q[first:last] - lo, targets_Q[first:last])
        )
        zeros_C = torch.zeros(len(logits_CV), dtype=torch.int64, device=device)
        losses_C = kernels.cross_entropy(logits_CV, zeros_C, zeros_C.float(), 0.0, wants_gradient=False)[0]
        # what the exponentials of all logits sum to, as a logarithm
        totals_C = losses_C + logits_CV[:, 0].float()
        pieces.append(logits_CV[rows_K, targets_K].float() - totals_C[rows_K])
    return torch.cat(pieces) if pieces else states_UD.new_zeros(0, dtype=torch.float32)
