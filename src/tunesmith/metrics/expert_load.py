"""How evenly a mixture's router spreads the tokens over its experts.

Switch Transformers (Fedus et al. 2021, arXiv:2101.03961, section 2.2) calls for an even load: an expert that few tokens
reach learns little, and one that most of them reach does the work of all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """Of one layer: 1 and 1 where every expert gets the same, the number of experts and 0 where one gets all."""

    largest: float
    """Share of the busiest expert, times the number of experts."""
    entropy: float
    """Of the shares, over that of even ones."""


def load_of(counts_E: Sequence[int]) -> Load:
    """From how many tokens each of two or more experts got; at least one token."""
    total, num_experts = sum(counts_E), len(counts_E)
    shares = [count / total for count in counts_E if count]
    entropy = math.fsum(-share * math.log(share) for share in shares)
    return Load(max(shares) * num_experts, entropy / math.log(num_experts))


def most_uneven(layers: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """`expert_load_max` and `expert_load_entropy` of the layers where they are farthest from 1."""
    loads = [load_of(counts_E) for counts_E in layers.values()]
    return {
        "expert_load_max": max(load.largest for load in loads),
        "expert_load_entropy": min(load.entropy for load in loads),
    }
