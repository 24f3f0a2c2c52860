"""Attention of documents of any length on a GPU by flash attention (Dao 2023, arXiv:2307.08691).

The operators are those that `torch.nn.attention.varlen` calls. Its function is no help where a document hangs on a
shared beginning: it gives the logarithms of the softmax's sums no gradient. It also takes other arguments in each
version of torch.

A token looks at its own node of the prefix tree, causally, and at each of the node's ancestors whole. Each look is a
softmax over a part of the keys; the logarithms of their sums say how to put the results together to the softmax over
all of them. From the result of the whole, its logarithms and its gradient, the backward operator computes each look's
share of the gradients by itself, as devices do that hold parts of a sequence (Liu et al. 2023, arXiv:2310.01889).

Shapes: T flat tokens, X queries and Y keys of a look in N stretches, H query heads, K key heads, D head size.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

TYPES: Final = (torch.float16, torch.bfloat16)
MIN_CAPABILITY: Final = (8, 0)
HEAD_UNIT: Final = 8
"""A head's size must be a multiple of this."""
MAX_HEAD: Final = 192
"""Of larger heads some GPUs cannot compute the gradient."""

_flash = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Look:
    """N stretches of queries, each of which looks at the stretch of keys of the same number."""

    queries_X: Tensor | None
    """Their places in the flat buffer, int64; None for all tokens in order."""
    keys_Y: Tensor | None
    query_bounds: Tensor
    """(N + 1,) int32: the stretches of the X queries begin at 0 and end here."""
    key_bounds: Tensor
    max_queries: int
    """Of one stretch."""
    max_keys: int
    is_causal: bool


def takes(query_THD: Tensor) -> bool:
    """Whether flash attention computes heads of this size and type on the device they are on."""
    return (
        query_THD.device.type == "cuda"
        and query_THD.dtype in TYPES
        and fits_heads(query_THD.shape[2])
        and is_available()
    )


def fits_heads(head_size: int) -> bool:
    return head_size % HEAD_UNIT == 0 and head_size <= MAX_HEAD


@functools.cache
def is_available() -> bool:
    """Whether this machine's GPU has it; ROCm's operators give the logarithms in another shape."""
    return (
        torch.cuda.is_available() and torch.version.hip is None and torch.cuda.get_device_capability() >= MIN_CAPABILITY
    )


def attend_looks(
    query_THD: Tensor, key_TKD: Tensor, value_TKD: Tensor, looks: Sequence[Look], scaling: float
) -> Tensor:
    """(T, H, D): attention of every token over all that it looks at.

    The first look is of all tokens at their own nodes; no token is twice among the queries of another, nor a key.
    """
    states = (query_THD.contiguous(), key_TKD.contiguous(), value_TKD.contiguous())
    out_THD: Tensor = _FlashAttention.apply(*states, looks, scaling)  # type: ignore[no-untyped-call]
    return out_THD


class _FlashAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query_THD: Tensor, key_TKD: Tensor, value_TKD: Tensor, looks: Sequence[Look], scaling: float
    ) -> Tensor:
        own, *above = looks
        out_THD, log_sums_HT, *random = _forward(own, query_THD, key_TKD, value_TKD, scaling)
        for look in above:
            queries_X = look.queries_X
            assert queries_X is not None
            states = _states_of(look, query_THD, key_TKD, value_TKD)
            part_XHD, part_HX, *_ = _forward(look, *states, scaling)
            before_HX = log_sums_HT.index_select(1, queries_X)
            both_HX = torch.logaddexp(before_HX, part_HX)
            kept_XH1, added_XH1 = ((logs_HX - both_HX).exp_().T[..., None] for logs_HX in (before_HX, part_HX))
            both_XHD = out_THD.index_select(0, queries_X) * kept_XH1 + part_XHD * added_XH1
            out_THD.index_copy_(0, queries_X, both_XHD.to(out_THD.dtype))
            log_sums_HT.index_copy_(1, queries_X, both_HX)
        ctx.looks, ctx.scaling, ctx.random = looks, scaling, random
        ctx.save_for_backward(query_THD, key_TKD, value_TKD, out_THD, log_sums_HT)
        return out_THD

    @staticmethod
    def backward(ctx: Any, grad_THD: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        query_THD, key_TKD, value_TKD, out_THD, log_sums_HT = ctx.saved_tensors
        grad_THD = grad_THD.contiguous()
        own, *above = ctx.looks
        grads = _backward(
            own, grad_THD, (query_THD, key_TKD, value_TKD), (out_THD, log_sums_HT, *ctx.random), ctx.scaling
        )
        for look in above:
            queries_X, states = look.queries_X, _states_of(look, query_THD, key_TKD, value_TKD)
            results = (out_THD.index_select(0, queries_X), log_sums_HT.index_select(1, queries_X), *ctx.random)
            parts = _backward(look, grad_THD.index_select(0, queries_X), states, results, ctx.scaling)
            places = (queries_X, look.keys_Y, look.keys_Y)
            for grad, part, place in zip(grads, parts, places, strict=True):
                grad.index_add_(0, place, part)
        return *grads, None, None


def _states_of(look: Look, query_THD: Tensor, key_TKD: Tensor, value_TKD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The queries, keys and values of a look at ancestors."""
    assert look.queries_X is not None
    assert look.keys_Y is not None
    return (
        query_THD.index_select(0, look.queries_X),
        key_TKD.index_select(0, look.keys_Y),
        value_TKD.index_select(0, look.keys_Y),
    )


def _forward(
    look: Look, query_XHD: Tensor, key_YKD: Tensor, value_YKD: Tensor, scaling: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The (X, H, D) result, the (H, X) logarithms of the sums, and what dropout would need again."""
    out_XHD, log_sums_HX, random_state, unused, _ = _flash._flash_attention_forward.default(
        query_XHD,
        key_YKD,
        value_YKD,
        look.query_bounds,
        look.key_bounds,
        look.max_queries,
        look.max_keys,
        0.0,
        look.is_causal,
        False,
        scale=scaling,
    )
    return out_XHD, log_sums_HX, random_state, unused


def _backward(
    look: Look,
    grad_XHD: Tensor,
    states: tuple[Tensor, Tensor, Tensor],
    results: tuple[Tensor, Tensor, Tensor, Tensor],
    scaling: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """What the keys of a look add to the gradients of queries, keys and values; `results` are those of all keys."""
    out_XHD, log_sums_HX, random_state, unused = results
    grads: tuple[Tensor, Tensor, Tensor] = _flash._flash_attention_backward.default(
        grad_XHD,
        *states,
        out_XHD,
        log_sums_HX,
        look.query_bounds,
        look.key_bounds,
        look.max_queries,
        look.max_keys,
        0.0,
        look.is_causal,
        random_state,
        unused,
        scale=scaling,
    )
    return grads
