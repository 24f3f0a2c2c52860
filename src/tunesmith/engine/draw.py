"""Which token comes next, and from which generator a sample is drawn: the same rule for every local engine.

Shapes: B rows, V vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from tunesmith.records import Sampling


def seed_of(prompt: Sequence[int], number: int, seed: int) -> int:
    """Of one sample: decided by its prompt's tokens, which of the samples it is, and the seed of all."""
    digest = hashlib.sha256(f"{seed} {number} {list(prompt)}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def choose(logits_BV: Tensor, sampling: Sampling, generators: Sequence[np.random.Generator]) -> list[int]:
    """The next token of each row: the likeliest, or one drawn from the nucleus (Holtzman et al. 2020)."""
    if sampling.temperature == 0.0:
        greedy: list[int] = logits_BV.argmax(1).tolist()
        return greedy
    shares_BV, order_BV = (logits_BV / sampling.temperature).softmax(1).sort(1, descending=True)
    before_BV = shares_BV.cumsum(1) - shares_BV
    shares_BV = shares_BV.masked_fill(before_BV >= sampling.top_p, 0.0)
    drawn = torch.tensor([[generator.random()] for generator in generators], device=logits_BV.device)
    totals_BV = shares_BV.cumsum(1)
    aims = (drawn * totals_BV[:, -1:]).to(totals_BV.dtype)
    places = torch.searchsorted(totals_BV, aims).clamp(max=order_BV.shape[1] - 1)
    chosen: list[int] = order_BV.gather(1, places)[:, 0].tolist()
    return chosen
