"""The attention seam: one function, registered with transformers, that follows a flat layout when it gets one.

On a GPU flash attention computes all documents at once. Elsewhere short ones are computed as whole score matrices in a
few batched products with a backward pass of our own: on a CPU that beats a blocked kernel several times. Long ones go
to torch's scaled_dot_product_attention.

Shapes: T flat tokens, X tokens of a group, H query heads, K key heads, D head size, N nodes of a group, L tokens of
its longest node, A ancestors' tokens, G query heads per key head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from tunesmith.model.attention_layout import AttentionGroup, AttentionLayout
from tunesmith.model.behind import BehindLayout, attend_behind
from tunesmith.model.cached import CachedLayout, attend_cached
from tunesmith.model.kernels import SeenKeys, cached_attention, causal_attention, flash, is_native
from tunesmith.model.kernels.native import HEAD_UNIT

NAME: Final = "tunesmith"
Layout = AttentionLayout | BehindLayout | CachedLayout | SeenKeys
"""What a flat buffer's tokens look at."""


def attend(  # noqa: PLR0913 - transformers' signature
    module: nn.Module,
    query_1HTD: Tensor,
    key_1KTD: Tensor,
    value_1KTD: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    dropout: float = 0.0,
    layout: Layout | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention inside each document of `layout`; without a layout, over a padded batch with a prepared 4-D mask.

    Returns (1, T, H, D), as transformers expects. `dropout` is applied inside documents alone.
    """
    if layout is None:
        causal = attention_mask is None and query_1HTD.shape[2] > 1
        key, value = (_repeat(states, query_1HTD.shape[1]) for states in (key_1KTD, value_1KTD))
        out = scaled_dot_product_attention(
            query_1HTD, key, value, attn_mask=attention_mask, is_causal=causal, scale=scaling
        )
        return out.transpose(1, 2), None
    query_THD, key_TKD, value_TKD = (states[0].transpose(0, 1) for states in (query_1HTD, key_1KTD, value_1KTD))
    # values of latent attention are shorter than its keys
    num_missing = query_THD.shape[2] - value_TKD.shape[2]
    value_TKD = nn.functional.pad(value_TKD, (0, num_missing)) if num_missing else value_TKD
    out_THD = attend_flat(query_THD, key_TKD, value_TKD, layout, scaling, dropout)
    return out_THD[..., : query_THD.shape[2] - num_missing].unsqueeze(0), None


def attend_flat(
    query_THD: Tensor,
    key_TKD: Tensor,
    value_TKD: Tensor,
    layout: Layout,
    scaling: float,
    dropout: float = 0.0,
) -> Tensor:
    """(T, H, D): attention inside each document of `layout`, a share `dropout` of its weights dropped at random.

    Flash attention computes all of it where it can. With dropout every score is computed whole: the kernels write no
    weights down.
    """
    if isinstance(layout, BehindLayout):
        return attend_behind(query_THD, key_TKD, value_TKD, layout, scaling)
    if isinstance(layout, SeenKeys):
        return cached_attention(query_THD, key_TKD, value_TKD, layout, scaling)
    if isinstance(layout, CachedLayout):
        return attend_cached(query_THD, key_TKD, value_TKD, layout, scaling)
    if not dropout and flash.takes(query_THD):
        return flash.attend_looks(query_THD, key_TKD, value_TKD, layout.looks, scaling)
    groups = layout.groups
    pieces: list[Tensor] = []
    is_vector = query_THD.shape[2] % HEAD_UNIT == 0
    if layout.num_small and is_vector and is_native(query_THD) and not dropout:
        pieces.append(causal_attention(query_THD, key_TKD, value_TKD, layout.small_documents, scaling))
        groups = groups[layout.num_small :]
    short = [group for group in groups if dropout or group.is_short]
    if short:
        pieces.append(_ShortAttention.apply(query_THD, key_TKD, value_TKD, short, scaling, dropout))  # type: ignore[no-untyped-call]
    pieces += [_attend_long(group, query_THD, key_TKD, value_TKD, scaling) for group in groups[len(short) :]]
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


class _ShortAttention(torch.autograd.Function):
    """Softmax attention of the short groups, (X, H, D); their X tokens lie one after the other in the flat buffer.

    Dropout multiplies the weights, after the softmax, by 0 or by 1 over the share that is kept.
    """

    @staticmethod
    def forward(  # noqa: PLR0913 - what autograd is handed
        ctx: Any,
        query_THD: Tensor,
        key_TKD: Tensor,
        value_TKD: Tensor,
        groups: Sequence[AttentionGroup],
        scaling: float,
        dropout: float,
    ) -> Tensor:
        num_key_heads = key_TKD.shape[1]
        first = groups[0].start
        out_XHD = query_THD.new_empty((groups[-1].stop - first, *query_THD.shape[1:]))
        shares, masks = [], []
        for group in groups:
            query_BSD = _stack(_pad(query_THD, group), num_key_heads)
            key_BAD, value_BAD = (_keys(states, group) for states in (key_TKD, value_TKD))
            bias = _bias(group, query_BSD, num_key_heads)
            share_BSA = torch.baddbmm(bias, query_BSD, key_BAD.transpose(1, 2), alpha=scaling).softmax(-1)
            shares.append(share_BSA)
            if dropout:
                masks.append(torch.empty_like(share_BSA).bernoulli_(1.0 - dropout).div_(1.0 - dropout))
                share_BSA = share_BSA * masks[-1]
            out_NLHD = _unstack(share_BSA @ value_BAD, group)
            out_XHD[group.start - first : group.stop - first] = _unpad(out_NLHD, group)
        ctx.groups, ctx.scaling = groups, scaling
        ctx.save_for_backward(query_THD, key_TKD, value_TKD, out_XHD, *shares, *masks)
        return out_XHD

    @staticmethod
    def backward(ctx: Any, grad_XHD: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        query_THD, key_TKD, value_TKD, out_XHD, *others = ctx.saved_tensors
        shares, masks = others[: len(ctx.groups)], others[len(ctx.groups) :]
        num_key_heads, first = key_TKD.shape[1], ctx.groups[0].start
        # the other tokens get their gradient elsewhere
        grad_query_THD, grad_key_TKD, grad_value_TKD = (
            torch.zeros_like(states, memory_format=torch.contiguous_format)
            for states in (query_THD, key_TKD, value_TKD)
        )
        dot_XH1 = (grad_XHD * out_XHD).sum(-1, keepdim=True)
        for group, share_BSA, mask_BSA in zip(ctx.groups, shares, masks or [None] * len(shares), strict=True):
            grad_BSD = _stack(_pad(grad_XHD, group, first), num_key_heads)
            dot_BS1 = _stack(_pad(dot_XH1, group, first), num_key_heads)
            query_BSD = _stack(_pad(query_THD, group), num_key_heads)
            key_BAD, value_BAD = (_keys(states, group) for states in (key_TKD, value_TKD))
            grad_share_BSA = grad_BSD @ value_BAD.transpose(1, 2)
            kept_BSA = share_BSA
            if mask_BSA is not None:
                kept_BSA = share_BSA * mask_BSA
                grad_share_BSA.mul_(mask_BSA)
            grad_value_BAD = kept_BSA.transpose(1, 2) @ grad_BSD
            grad_score_BSA = grad_share_BSA.sub_(dot_BS1).mul_(share_BSA).mul_(ctx.scaling)
            grad_query_NLHD = _unstack(grad_score_BSA @ key_BAD, group)
            grad_query_THD[group.start : group.stop] = _unpad(grad_query_NLHD, group)
            _add_keys(grad_key_TKD, grad_score_BSA.transpose(1, 2) @ query_BSD, group)
            _add_keys(grad_value_TKD, grad_value_BAD, group)
        return grad_query_THD, grad_key_TKD, grad_value_TKD, None, None, None


def _bias(group: AttentionGroup, query_BSD: Tensor, num_key_heads: int) -> Tensor:
    """What hides keys, (1, G * L, A + L), or (N * K, 1, L) where attention is not causal."""
    bias_NLA = group.bias_NLA.to(query_BSD.dtype)
    if group.is_causal:
        return bias_NLA.repeat(1, query_BSD.shape[1] // group.length, 1)
    return bias_NLA.repeat_interleave(num_key_heads, dim=0)


def _pad(states_THD: Tensor, group: AttentionGroup, first: int = 0) -> Tensor:
    """(N, L, H, D) of the group's own tokens; padding is zero. The states begin with token `first` of the buffer."""
    own_XHD = states_THD[group.start - first : group.stop - first]
    if group.is_padded:
        padded = own_XHD.new_zeros((group.num_nodes * group.length, *own_XHD.shape[1:]))
        own_XHD = padded.index_copy_(0, group.slots_X, own_XHD)
    return own_XHD.view(group.num_nodes, group.length, *own_XHD.shape[1:])


def _unpad(states_NLHD: Tensor, group: AttentionGroup) -> Tensor:
    flat = states_NLHD.flatten(0, 1)
    return flat.index_select(0, group.slots_X) if group.is_padded else flat


def _stack(states_NLHD: Tensor, num_key_heads: int) -> Tensor:
    """(N * K, G * L, D): the query heads that share a key head lie one after the other."""
    num, length, num_heads, size = states_NLHD.shape
    grouped = states_NLHD.view(num, length, num_key_heads, num_heads // num_key_heads, size)
    return grouped.permute(0, 2, 3, 1, 4).reshape(num * num_key_heads, -1, size)


def _unstack(states_BSD: Tensor, group: AttentionGroup) -> Tensor:
    """(N, L, H, D) again."""
    size = states_BSD.shape[-1]
    heads = states_BSD.view(group.num_nodes, -1, group.length, size)
    return heads.transpose(1, 2)


def _keys(states_TKD: Tensor, group: AttentionGroup) -> Tensor:
    """(N * K, A + L, D): the ancestors' states once for each node, then its own."""
    own_NKLD = _pad(states_TKD, group).transpose(1, 2)
    if group.ancestors_A.numel():
        above_KAD = states_TKD[group.ancestors_A].transpose(0, 1)
        own_NKLD = torch.cat((above_KAD.expand(group.num_nodes, -1, -1, -1), own_NKLD), dim=2)
    return own_NKLD.reshape(-1, *own_NKLD.shape[2:])


def _add_keys(grad_TKD: Tensor, grad_BAD: Tensor, group: AttentionGroup) -> None:
    """Give the gradient of `_keys` back to the tokens it came from."""
    grad_NKAD = grad_BAD.view(group.num_nodes, -1, *grad_BAD.shape[1:])
    num_ancestors = group.ancestors_A.numel()
    grad_TKD[group.start : group.stop] += _unpad(grad_NKAD[:, :, num_ancestors:].transpose(1, 2), group)
    if num_ancestors:
        grad_TKD.index_add_(0, group.ancestors_A, grad_NKAD[:, :, :num_ancestors].sum(0).transpose(0, 1))


def _attend_long(
    group: AttentionGroup, query_THD: Tensor, key_TKD: Tensor, value_TKD: Tensor, scaling: float
) -> Tensor:
    """(X, H, D) by torch's blocked kernel; a long group has no padding."""
    num_heads, num_nodes = query_THD.shape[1], group.num_nodes
    query_NHLD = _pad(query_THD, group).transpose(1, 2)
    key_NHAD, value_NHAD = (
        _repeat(keys_BAD.view(num_nodes, -1, *keys_BAD.shape[1:]), num_heads)
        for keys_BAD in (_keys(states, group) for states in (key_TKD, value_TKD))
    )
    has_ancestors = group.ancestors_A.numel() > 0
    out_NHLD = scaled_dot_product_attention(
        query_NHLD,
        key_NHAD,
        value_NHAD,
        attn_mask=group.bias_NLA.to(query_NHLD.dtype) if has_ancestors else None,
        is_causal=group.is_causal and not has_ancestors,
        scale=scaling,
    )
    return out_NHLD.transpose(1, 2).flatten(0, 1)


def _repeat(states_NKLD: Tensor, num_heads: int) -> Tensor:
    """Grouped queries (Ainslie et al. 2023): every key head serves `num_heads / K` query heads."""
    num, num_key_heads, length, size = states_NKLD.shape
    if num_key_heads == num_heads:
        return states_NKLD
    expanded = states_NKLD.unsqueeze(2).expand(num, num_key_heads, num_heads // num_key_heads, length, size)
    return expanded.reshape(num, num_heads, length, size)


AttentionInterface.register(NAME, attend)
