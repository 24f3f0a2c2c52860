"""Which token comes next, and from which generator a sample is drawn: the same rule for every local engine.

Shapes: B rows, V vocabulary, K likeliest tokens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from tunesmith.records import Sampling

LARGE_VOCABULARY: Final = 32_768
"""From so many tokens on, sorting all of them takes longer than a step of a small model."""
NUM_LIKELIEST: Final = 256
"""Tokens among which nearly every draw of a trained model ends."""
LEAST_TEMPERATURE: Final = 1e-5
"""Below it a draw is the likeliest token, as in vLLM: logits over less may be beyond float32."""
SLACK: Final = 1e-6
"""For the rounding of what is compared with a sum."""


def seed_of(prompt: Sequence[int], number: int, seed: int) -> int:
    """Of one sample: decided by its prompt's tokens, which of the samples it is, and the seed of all."""
    digest = hashlib.sha256(f"{seed} {number} {list(prompt)}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def choose(logits_BV: Tensor, sampling: Sampling, generators: Sequence[np.random.Generator]) -> list[int]:
    """The next token of each row: the likeliest, or one drawn from the nucleus (Holtzman et al. 2020)."""
    if sampling.temperature < LEAST_TEMPERATURE:
        # on a CPU many times faster than torch's
        on_cpu = logits_BV.device.type == "cpu"
        greedy: list[int] = (logits_BV.numpy().argmax(1) if on_cpu else logits_BV.argmax(1)).tolist()
        return greedy
    shares_BV = (logits_BV / sampling.temperature).softmax(1)
    drawn_B1 = torch.tensor([[generator.random()] for generator in generators], device=logits_BV.device)
    chosen_B = _drawn_of_few if logits_BV.shape[1] >= LARGE_VOCABULARY else _drawn
    chosen: list[int] = chosen_B(shares_BV, drawn_B1, sampling.top_p).tolist()
    return chosen


def _drawn(shares_BV: Tensor, drawn_B1: Tensor, top_p: float) -> Tensor:
    """(B,) the token at which the shares, the largest first, sum to the drawn part of the nucleus."""
    shares_BV, order_BV = shares_BV.sort(1, descending=True)
    totals_BV = _nucleus(shares_BV, top_p).cumsum(1)
    aims_B1 = (drawn_B1 * totals_BV[:, -1:]).to(totals_BV.dtype)
    places_B1 = torch.searchsorted(totals_BV, aims_B1).clamp(max=order_BV.shape[1] - 1)
    return order_BV.gather(1, places_B1)[:, 0]


def _nucleus(shares_BV: Tensor, top_p: float) -> Tensor:
    """Sorted shares, 0 where those before a token already sum to `top_p`."""
    before_BV = shares_BV.cumsum(1) - shares_BV
    return shares_BV.masked_fill(before_BV >= top_p, 0.0)


def _drawn_of_few(shares_BV: Tensor, drawn_B1: Tensor, top_p: float) -> Tensor:
    """What `_drawn` gives; all tokens are sorted only for rows that the likeliest ones do not decide."""
    shares_BK, order_BK = shares_BV.topk(NUM_LIKELIEST, dim=1)
    inside_BK = _nucleus(shares_BK, top_p)
    totals_BK = inside_BK.cumsum(1)
    ends_B1 = inside_BK[:, -1:] == 0.0  # the nucleus is among them
    low_B1, high_B1 = (
        torch.searchsorted(totals_BK, (drawn_B1 * total_B1).to(totals_BK.dtype))
        for total_B1 in _bounds(shares_BV, shares_BK, totals_BK[:, -1:].double(), ends_B1)
    )
    chosen_B = order_BK.gather(1, low_B1.clamp(max=NUM_LIKELIEST - 1))[:, 0]
    # how much a nucleus holds that ends behind them is not known, unless it is all there is
    is_known_B1 = ends_B1 if top_p < 1.0 else torch.ones_like(ends_B1)
    open_B = ((low_B1 != high_B1) | (high_B1 >= NUM_LIKELIEST) | ~is_known_B1)[:, 0]
    if open_B.any():
        chosen_B[open_B] = _drawn(shares_BV[open_B], drawn_B1[open_B], top_p)
    return chosen_B


def _bounds(shares_BV: Tensor, shares_BK: Tensor, few_B1: Tensor, ends_B1: Tensor) -> tuple[Tensor, Tensor]:
    """Between what a sum of all shares, one after the other in float32, lies; `few_B1` is that of the likeliest.

    A sum only grows, each addition rounds by half a unit in the last place at most, and what is less than that either
    leaves it as it is or at most counts double.
    """
    whole_B1, rest_B1 = (shares.sum(1, keepdim=True, dtype=torch.float64) for shares in (shares_BV, shares_BK))
    error = shares_BV.shape[1] * torch.finfo(torch.float32).eps
    low_B1 = torch.maximum(few_B1, whole_B1 - error)
    high_B1 = torch.minimum(few_B1 + 2.0 * (whole_B1 - rest_B1), whole_B1 + error)
    return torch.where(ends_B1, few_B1, low_B1 - SLACK), torch.where(ends_B1, few_B1, high_B1 + SLACK)
