"""The same numbers from torch's vector functions in every process."""

from __future__ import annotations

from typing import Final

import torch

_FUNCTIONS: Final = (
    *(torch.cos, torch.sin, torch.tan, torch.acos, torch.asin, torch.atan, torch.tanh, torch.exp),
    *(torch.log, torch.log2, torch.log10, torch.sqrt, torch.erf, torch.erfc, torch.erfinv, torch.trunc),
)
"""What torch leaves to MKL's vector mathematics on a CPU."""


def choose_kernels() -> None:
    """Call every vector function once, from this thread alone; to be done before a model computes anything.

    MKL 2024 chooses a function's kernel when it is first called. Where several threads make that call, one of them may
    be given a kernel of low accuracy for its part: the rotary positions of a first step are then right to four digits
    (https://github.com/pytorch/pytorch/issues/188792).
    """
    for function in _FUNCTIONS:
        for dtype in (torch.float32, torch.float64):
            function(torch.full((1,), 0.5, dtype=dtype))
