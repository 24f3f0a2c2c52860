"""The kernels of `plain` as torch's compiler fuses them for a GPU: one pass over memory each, where plain ones take
several.

What they compute stands in `plain` alone. Each is compiled when it is first called.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import torch
from torch import Tensor

from tunesmith.model.kernels import plain

if TYPE_CHECKING:
    from tunesmith.model.kernels.backend import Kernels

P = ParamSpec("P")
R = TypeVar("R")

MIN_CAPABILITY: Final = (7, 0)
"""Of the GPUs that Triton compiles for."""
COMPILERS: Final = ("cc", "gcc", "clang")
"""Triton builds what starts a kernel with one of them."""
OPTIONS: Final[dict[str, Any]] = {"deterministic": True}
"""Nothing is chosen by timing it, so that a resumed training computes by the same kernels."""


@functools.cache
def is_available() -> bool:
    """Whether this machine's GPU can be compiled for."""
    return (
        torch.cuda.is_available()
        and torch.cuda.get_device_capability() >= MIN_CAPABILITY
        and find_spec("triton") is not None
        and any(map(shutil.which, COMPILERS))
    )


@functools.cache
def kernels() -> Kernels:
    """Loads torch's compiler, which takes seconds."""

    class _Compiled:
        rms_norm_forward = staticmethod(_fused(plain.rms_norm_forward))
        rms_norm_backward = staticmethod(_fused(plain.rms_norm_backward))
        swiglu_forward = staticmethod(_fused(plain.swiglu_forward))
        swiglu_backward = staticmethod(_fused(plain.swiglu_backward))
        rotate = staticmethod(_fused(plain.rotate))
        cross_entropy = staticmethod(_fused(plain.cross_entropy))

    return _Compiled()


def _fused(function: Callable[P, R]) -> Callable[P, R]:
    """The same function in one pass, compiled once for each type and width, whatever the number of tokens."""
    compiled: Callable[..., R] = torch.compile(function, options=OPTIONS)

    def call(*arguments: P.args, **settings: P.kwargs) -> R:
        return compiled(*(_bare(each) if isinstance(each, Tensor) else each for each in arguments), **settings)

    return call


def _bare(tensor: Tensor) -> Tensor:
    """The same numbers without what would be compiled for apart: the wish for a gradient, the number of tokens."""
    bare = tensor.detach()
    torch._dynamo.maybe_mark_dynamic(bare, 0)
    for axis in range(1, bare.ndim):
        torch._dynamo.mark_static(bare, axis)
    return bare
