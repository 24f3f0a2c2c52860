"""The state of torch's generators, which dropout draws from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

_CPU, _CUDA = "random.cpu", "random.cuda"


def seed_process(seed: int, rank: int) -> None:
    """Seed torch's generators: by the seed itself in the first process, by seed and rank in the others."""
    torch.manual_seed(seed if rank == 0 else int(np.random.SeedSequence((seed, rank)).generate_state(1)[0]))


def random_state() -> dict[str, Tensor]:
    """State of the CPU's generator and, once it is in use, of the GPU's; copies, uint8 on the CPU."""
    state = {_CPU: torch.get_rng_state()}
    return {**state, _CUDA: torch.cuda.get_rng_state()} if torch.cuda.is_initialized() else state  # type: ignore[no-untyped-call]


def packed_random_state() -> bytes:
    """The same as the content of a safetensors file."""
    return save(random_state())


def restore_random_state(state: Mapping[str, Tensor]) -> None:
    """Put back what `random_state` gave."""
    torch.set_rng_state(state[_CPU])
    if _CUDA in state:
        torch.cuda.set_rng_state(state[_CUDA])
