"""Flash attention's two operators written out, for CPU tensors: what they compute by their definition, look by look.

The forward gives softmax attention of each stretch of queries over its stretch of keys and the natural logarithms of
the softmax's sums. The backward is given output and logarithms of *all* keys that the queries looked at, and computes
from them what the keys it is shown add to the gradients (Dao 2023, arXiv:2307.08691, algorithm 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.library import _scoped_library


def _segments(bounds: Tensor) -> Iterator[slice]:
    assert bounds.dtype == torch.int32
    ends = bounds.tolist()
    assert ends[0] == 0
    return (slice(start, stop) for start, stop in pairwise(ends))


def _pairs(cum_q: Tensor, cum_k: Tensor, query: Tensor, key: Tensor, longest: tuple[int, int]) -> list[Any]:
    pairs = list(zip(_segments(cum_q), _segments(cum_k), strict=True))
    assert (pairs[-1][0].stop, pairs[-1][1].stop) == (len(query), len(key))
    assert longest == tuple(max(each[side].stop - each[side].start for each in pairs) for side in (0, 1))
    return pairs


def _scores(query: Tensor, key: Tensor, scale: float, is_causal: bool) -> Tensor:
    """(H, queries, keys) float64; the last query sees the last key where attention is causal."""
    shared = key.double().repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scores = torch.einsum("qhd,khd->hqk", query.double(), shared) * scale
    if is_causal:
        hidden = torch.ones(len(query), len(key), dtype=torch.bool).triu(len(key) - len(query) + 1)
        scores = scores.masked_fill(hidden, -torch.inf)
    return scores


def forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cum_q: Tensor,
    cum_k: Tensor,
    max_q: int,
    max_k: int,
    dropout: float,
    is_causal: bool,
    return_debug_mask: bool,
    *,
    scale: float,
    **_: Any,
) -> tuple[Tensor, ...]:
    assert dropout == 0.0
    assert not return_debug_mask
    out, log_sums = torch.empty_like(query), query.new_empty((query.shape[1], len(query)), dtype=torch.float32)
    for queries, keys in _pairs(cum_q, cum_k, query, key, (max_q, max_k)):
        scores = _scores(query[queries], key[keys], scale, is_causal)
        shared = value[keys].double().repeat_interleave(query.shape[1] // key.shape[1], dim=1)
        out[queries] = torch.einsum("hqk,khd->qhd", scores.softmax(-1), shared).to(out.dtype)
        log_sums[:, queries] = scores.logsumexp(-1).float()
    return out, log_sums, torch.zeros(2, dtype=torch.uint64), torch.empty(0), torch.empty(0)


def backward(
    grad: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    out: Tensor,
    log_sums: Tensor,
    cum_q: Tensor,
    cum_k: Tensor,
    max_q: int,
    max_k: int,
    dropout: float,
    is_causal: bool,
    *_: Any,
    scale: float,
    **__: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    assert dropout == 0.0
    assert log_sums.shape == (query.shape[1], len(query))
    num_together = query.shape[1] // key.shape[1]
    grads = (torch.zeros_like(query), torch.zeros_like(key), torch.zeros_like(value))
    for queries, keys in _pairs(cum_q, cum_k, query, key, (max_q, max_k)):
        shares = (_scores(query[queries], key[keys], scale, is_causal) - log_sums[:, queries, None].double()).exp()
        grad_out, shared_key, shared_value = (
            states.double().repeat_interleave(times, dim=1)
            for states, times in ((grad[queries], 1), (key[keys], num_together), (value[keys], num_together))
        )
        grad_value = torch.einsum("hqk,qhd->khd", shares, grad_out)
        dot = (grad_out * out[queries].double()).sum(-1).T[..., None]
        grad_scores = shares * (torch.einsum("qhd,khd->hqk", grad_out, shared_value) - dot) * scale
        grads[0][queries] = torch.einsum("hqk,khd->qhd", grad_scores, shared_key).to(query.dtype)
        grad_key = torch.einsum("hqk,qhd->khd", grad_scores, query[queries].double())
        for place, wide in ((1, grad_key), (2, grad_value)):
            grouped = wide.view(len(wide), -1, num_together, wide.shape[-1]).sum(2)
            grads[place][keys] = grouped.to(key.dtype)
    return grads


@contextmanager
def flash_on_cpu() -> Iterator[None]:
    """Torch's operators are these two for CPU tensors, where it has none of its own."""
    with _scoped_library("aten", "IMPL") as library:
        library.impl("_flash_attention_forward", forward, "CPU")
        library.impl("_flash_attention_backward", backward, "CPU")
        yield
