"""The figures of memory that no formula gives.

Read off `fit-lora-bf16` and `fit-full-fp32` of `benchmarks/plan_jobs.py`, for torch 2.13 on Linux with glibc's
allocator; `python -m benchmarks.plan_fit` prints them fitted on all jobs of `FITTING`. Those of
`python -m benchmarks.run plan` are others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fitted:
    """Of one kind of device."""

    library_bytes: int
    """Interpreter, torch, transformers and the other imports of a training, before a model is loaded."""
    product_bytes: int
    """What the library keeps of each bf16 product of a shape of its own, and what the allocator loses by it."""
    slack_share: float
    """What the allocator holds beyond what is asked of it, as a share of activations and transients."""


FITTED: Final = {
    "cpu": Fitted(library_bytes=440 << 20, product_bytes=5 << 19, slack_share=0.25),
    "cuda": Fitted(library_bytes=0, product_bytes=0, slack_share=0.0),
}
