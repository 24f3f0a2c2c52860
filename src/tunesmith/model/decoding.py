"""How a model's answers are drawn where nothing else is asked for: judged so, and served so."""

from __future__ import annotations

from tunesmith.model.base import Base
from tunesmith.recipe import Decoding
from tunesmith.records import Sampling


def decoding_of(wanted: Decoding, base: Base, seed: int) -> Sampling:
    """The recipe's decoding, filled from the model's generation_config (R1: 0.6 / 0.95), greedy without one."""
    settings = base.generation_config()
    draws = bool(settings.get("do_sample", False))
    temperature = wanted.temperature
    if temperature is None:
        temperature = float(settings.get("temperature", 1.0)) if draws else 0.0
    top_p = wanted.top_p if wanted.top_p is not None else float(settings.get("top_p", 1.0)) if draws else 1.0
    return Sampling(temperature, top_p, wanted.num_samples, wanted.max_new_tokens, seed)
