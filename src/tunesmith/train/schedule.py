"""Learning rates as pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

Schedule = Callable[[int], float]


def make_schedule(kind: Literal["cosine", "constant"], peak: float, num_steps: int, warmup_share: float) -> Schedule:
    """Rate of optimiser step 0, 1, ...: linear warm-up over ceil(share * steps), then `kind`.

    cosine: peak * (1 + cos(pi * progress)) / 2 (Loshchilov & Hutter 2017, arXiv:1608.03983), reaching 0 after the
    last step; warm-up gives step i the rate peak * (i + 1) / warm-up steps.
    """
    num_warmup = math.ceil(warmup_share * num_steps)

    def rate(step: int) -> float:
        if step < num_warmup:
            return peak * (step + 1) / num_warmup
        if kind == "constant":
            return peak
        progress = (step - num_warmup) / max(1, num_steps - num_warmup)
        return peak * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))

    return rate
