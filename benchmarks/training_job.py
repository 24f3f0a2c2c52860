"""What both sides of a training comparison are told, word for word the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainingJob:
    """Sent to a worker as its first JSON line. AdamW with a constant rate and no warm-up; the loss of a step is the
    mean over its supervised tokens."""

    model: str
    """Folder with configuration, safetensors and tokenizer."""
    adapter: str
    """PEFT folder with the LoRA weights both sides start from."""
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
