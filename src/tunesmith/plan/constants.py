"""The figures of memory that no formula gives.

Fitted by `python -m benchmarks.plan_fit` on the jobs of `FITTING` in `benchmarks/plan_jobs.py`, for torch 2.13 on
Linux with glibc's allocator. Those of `python -m benchmarks.run plan` are others.
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
    """What oneDNN keeps of each bf16 product of a shape of its own, and what the allocator loses by it: 1.02 MiB are
    fitted on a CPU with AVX-512, 1.31 on one with AMX."""
    slack_share: float
    """What the allocator holds beyond what is asked of it, as a share of activations and transients."""


FITTED: Final = {
    "cpu": Fitted(library_bytes=440 << 20, product_bytes=1 << 20, slack_share=0.25),
    "cuda": Fitted(library_bytes=0, product_bytes=0, slack_share=0.0),
}
