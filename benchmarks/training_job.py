"""What the sides of a training comparison are told, word for word the same but for what is being compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class TrainingJob:
    """Sent to a worker as its first JSON line. AdamW with a constant rate and no warm-up; the loss of a step is the
    mean over its supervised tokens."""

    model: str
    """Folder with configuration, safetensors and tokenizer."""
    adapter: str
    """PEFT folder with the LoRA weights all sides start from."""
    rows: str
    """JSON lines with `input_ids` and `completion_mask`; step n takes the n-th `rows_per_step` of them, and after
    the last row the first comes again."""
    precision: Literal["fp32", "bf16"]
    num_threads: int
    max_steps: int
    rows_per_step: int = 4
    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    device: Literal["cpu", "cuda"] = "cpu"
    shares_prefixes: bool = True
    """Whether our side computes common beginnings of a step's rows once; a peer does not read it."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """A peer's own options in its own words, over its documented defaults; ours does not read them."""


@dataclass(frozen=True)
class TakenStep:
    """A worker's answer: one optimiser step as it was timed inside the worker."""

    seconds: float
    loss: float
    """Nats per supervised token, before the update."""
    grad_norm: float
    """Of that mean loss, before clipping."""
    num_tokens: int
    """Real tokens: padding is never counted, and what sharing saved is not subtracted."""
    peak_bytes: int
    """Largest memory of the process so far; on a GPU, of the GPU."""

    @property
    def rate(self) -> float:
        """Real tokens per second."""
        return self.num_tokens / self.seconds
