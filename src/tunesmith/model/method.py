"""From a recipe's method to a model of which exactly its part is trained, and from that to a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from transformers import PreTrainedModel

from tunesmith.model.fits import frozen_names
from tunesmith.model.lora import CONFIG_FILE, attach_lora, load_adapter, save_adapter, take_adapter
from tunesmith.model.virtual import (
    PREFIX,
    PROMPT,
    attach_prefix,
    attach_prompt,
    detach_prefix,
    load_virtual,
    save_virtual,
    take_virtual,
)
from tunesmith.recipe import Auto, Freeze, Full, Lora, Method, Prefix, Prompt

AdapterMethod = Lora | Prompt | Prefix
"""Methods that leave the base as it is and save what is put beside it."""


def begin_method(model: PreTrainedModel, method: Method, seed: int) -> None:
    """Let exactly the numbers that `method` trains want a gradient, new ones drawn from `seed`.

    Raises TunesmithError `lora-no-target`, `lora-no-experts`, `method-layers`, `freeze-pattern`, `freeze-all`,
    `method-architecture`.
    """
    match method:
        case Full():
            model.requires_grad_()
        case Freeze():
            frozen = frozen_names([name for name, _ in model.named_parameters()], method)
            for name, parameter in model.named_parameters():
                parameter.requires_grad_(name not in frozen)
        case Lora():
            attach_lora(model, method, seed)
            model.train(method.dropout > 0.0)
        case Prompt():
            attach_prompt(model, method, seed)
        case Prefix():
            attach_prefix(model, method, seed)
        case Auto():
            raise ValueError("`plan` resolves `auto` first")


def go_on_from(model: PreTrainedModel, method: Method, folder: Path) -> None:
    """Let what `begin_method` put beside the base have the numbers that a folder of PEFT's holds.

    Raises TunesmithError `adapter-base` where that is beside other layers, or of other sizes.
    """
    if isinstance(method, Lora):
        take_adapter(model, folder)
    else:
        take_virtual(model, folder)


def save_method(model: PreTrainedModel, method: AdapterMethod, base: str, folder: Path) -> None:
    """Write what was trained beside the base named `base`, as PEFT does."""
    if isinstance(method, Lora):
        save_adapter(model, method, base, folder)
    else:
        save_virtual(model, method, base, folder)


def load_method(model: PreTrainedModel, folder: Path) -> None:
    """Attach what a folder of PEFT's holds: LoRA, a prompt or a prefix.

    Raises TunesmithError `adapter-kind`, `adapter-base`, `method-architecture`.
    """
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    if config.get("peft_type") in (PROMPT, PREFIX):
        load_virtual(model, folder)
    else:
        load_adapter(model, folder)


@contextmanager
def attached(model: PreTrainedModel, folder: Path | None) -> Iterator[None]:
    """Let a base have what a folder of PEFT's holds, if any, while the block lasts; then it is the base to the bit.

    What a method adds stands in modules of its own, in the places of the base's. These keep their numbers, which
    nothing is merged into, and come back; only a head, where there is one, keeps what was saved of it.

    Raises what `load_method` raises.
    """
    own = dict(model.named_modules())
    try:
        if folder is not None:
            load_method(model, folder)
        yield
    finally:
        detach_prefix(model)
        for name, module in own.items():  # parents come before their children
            if model.get_submodule(name) is not module:
                model.set_submodule(name, module)
