"""The state of torch's generators, which dropout draws from."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_CPU, _CUDA = "random.cpu", "random.cuda"


def random_state() -> dict[str, Tensor]:
    """State of the CPU's generator and, once it is in use, of the GPU's; copies, uint8 on the CPU."""
    state = {_CPU: torch.get_rng_state()}
    return {**state, _CUDA: torch.cuda.get_rng_state()} if torch.cuda.is_initialized() else state  # type: ignore[no-untyped-call]


def restore_random_state(state: Mapping[str, Tensor]) -> None:
    """Put back what `random_state` gave."""
    torch.set_rng_state(state[_CPU])
    if _CUDA in state:
        torch.cuda.set_rng_state(state[_CUDA])
