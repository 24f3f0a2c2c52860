"""The passes over activations that a model's step is made of, each with its gradient, behind one seam.

A backend is a module with the functions of `Kernels`: `plain` says in torch what is computed, `native` does the same
on a CPU in one pass over memory, compiled on the machine where it runs.
"""

from tunesmith.model.kernels.backend import Kernels, describe_kernels, is_native, kernels_of
from tunesmith.model.kernels.fused import causal_attention, rms_norm, rotate, swiglu
from tunesmith.model.kernels.native import SeenKeys, cached_attention

__all__ = [
    "Kernels",
    "SeenKeys",
    "cached_attention",
    "causal_attention",
    "describe_kernels",
    "is_native",
    "kernels_of",
    "rms_norm",
    "rotate",
    "swiglu",
]
