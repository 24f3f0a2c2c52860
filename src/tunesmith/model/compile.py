"""The layers of a decoder through torch's compiler, which fuses what lies between their matrix products."""

from __future__ import annotations

from typing import Any

import torch
from transformers import PreTrainedModel

from tunesmith.model.attention import attend_flat
from tunesmith.model.fuse import RotaryAttention
from tunesmith.model.kernels.compiled import OPTIONS


def compile_layers(model: PreTrainedModel, backend: str = "inductor") -> None:
    """Compile each layer of a dense decoder when it is first run; equal layers share what is compiled.

    Attention stays as it is: it follows a layout that is another in every micro-batch. `backend` is one of
    `torch.compiler.list_backends`.
    """
    options: dict[str, Any] | None = OPTIONS if backend == "inductor" else None
    for layer in model.base_model.layers:
        assert isinstance(layer.self_attn, RotaryAttention)
        layer.self_attn.attend_flat = torch.compiler.disable(attend_flat)  # type: ignore[no-untyped-call]
        layer.compile(backend=backend, options=options)
