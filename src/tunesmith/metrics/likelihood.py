"""Likelihoods in a unit that does not depend on the tokenizer."""

from __future__ import annotations

import math


def bits_per_byte(negative_log_likelihood_nats_sum: float, num_bytes: int) -> float:
    """Return the bits spent per UTF-8 byte of the scored text, from 0 upwards, lower is better.

    Raises ValueError when `num_bytes` is not positive.
    """
    if num_bytes <= 0:
        raise ValueError(f"bits per byte need at least one byte of text, got {num_bytes}")
    return negative_log_likelihood_nats_sum / (math.log(2) * num_bytes)
