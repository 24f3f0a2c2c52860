"""Where a training starts from when that is not the base: found, and held against base and method before any weight is
loaded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts import TunedModel, hash_folder, is_whole
from tunesmith.artifacts.bundle import KIND as BUNDLE
from tunesmith.artifacts.bundle import Bundle
from tunesmith.artifacts.folder import open_manifest
from tunesmith.artifacts.head import read_head
from tunesmith.artifacts.tuned_model import KIND as TUNED_MODEL
from tunesmith.errors import Place, TunesmithError
from tunesmith.model.base import Base
from tunesmith.model.fits import strange_settings
from tunesmith.recipe import Auto, Classification, Full, Lora, Method, Prefix, Prompt, Regression, Train, is_four_bit
from tunesmith.recipe.methods import Freeze

ADAPTER_CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "weights"


@dataclass(frozen=True, slots=True)
class Start:
    """The folder of an adapter, as PEFT has it, or of a model's weights."""

    folder: Path
    is_adapter: bool
    content_hash: str


def start_of(section: Train, base: Base) -> Start | None:
    """What a training starts from; None for the base.

    Raises TunesmithError `start-missing`, `start-base`, `start-method`, `adapter-kind` for an adapter that is more than
    plain LoRA, and what opening an artifact raises. Whether the same layers are adapted shows when the weights are
    loaded.
    """
    if section.start is None:
        return None
    given = Path(section.start)
    folder, four_bit = _payload(given, base, section.method)
    is_adapter = (folder / ADAPTER_CONFIG).is_file()
    if not isinstance(section.method, Auto):
        wants_adapter = not isinstance(section.method, Full | Freeze)
        if is_adapter != wants_adapter:
            found, wanted = ("adapter", WEIGHTS) if is_adapter else (WEIGHTS, "adapter")
            raise _unlike(folder, "method", found, wanted)
        if four_bit not in (None, is_four_bit(section.method)):
            raise _unlike(folder, "method", "qlora" if four_bit else "lora", section.method.name)
        if is_adapter:
            _check_adapter(folder, section.method)
        elif isinstance(section.objective, Classification | Regression):
            raise _unlike(folder, "objective", WEIGHTS, section.objective.name)
    return Start(folder, is_adapter, hash_folder(folder))


def refuse_other_classes(start: Start | None, classes: Sequence[str]) -> None:
    """Raises TunesmithError `start-classes` where the head that training goes on from tells other classes apart."""
    head = None if start is None else read_head(start.folder)
    if start is None or head is None or head.classes == tuple(classes):
        return
    pairs = zip_longest(head.classes, classes, fillvalue="")
    found, wanted = next((found, wanted) for found, wanted in pairs if found != wanted)
    raise TunesmithError("start-classes", place=Place(str(start.folder)), found=found, wanted=wanted)


def _payload(given: Path, base: Base, method: Method) -> tuple[Path, bool | None]:
    """The folder of what was trained, and whether its base was in 4 bits; None where nothing tells."""
    if not is_whole(given):
        if not (given / ADAPTER_CONFIG).is_file():
            raise TunesmithError("start-missing", place=Place(str(given)))
        return given, None
    if _kind(given) == BUNDLE:
        bundle = Bundle.open(given)
        form = bundle.form("merged" if isinstance(method, Full | Freeze) else "adapter")
        if form is None:
            raise TunesmithError("start-missing", place=Place(str(given)))
        _check_base(given, bundle.body.base.sha256, base)
        return form, bundle.body.base.four_bit
    model = TunedModel.open(given)
    _check_base(given, model.manifest.inputs["base"], base)
    return model.payload, model.is_four_bit


def _kind(folder: Path) -> str:
    try:
        open_manifest(folder, BUNDLE)
    except TunesmithError as failure:
        if failure.code != "artifact-kind":
            raise
        return TUNED_MODEL
    return BUNDLE


def _check_base(given: Path, found: str, base: Base) -> None:
    if found != base.content_hash:
        raise TunesmithError("start-base", place=Place(str(given)))


def _check_adapter(folder: Path, method: Method) -> None:
    file = folder / ADAPTER_CONFIG
    told = json.loads(file.read_text(encoding="utf-8"))
    for setting, (key, wanted) in _settings(method).items():
        found = told.get(key, False)
        if found != wanted:
            raise _unlike(folder, setting, found, wanted)
    strange = strange_settings(told) if isinstance(method, Lora) else []
    if strange:
        raise TunesmithError("adapter-kind", place=Place(str(file)), setting=strange[0])


def _settings(method: Method) -> dict[str, tuple[str, Any]]:
    """By the recipe's name of a setting, PEFT's name and the value that it must have."""
    match method:
        case Lora():
            return {
                "method": ("peft_type", "LORA"),
                "rank": ("r", method.rank),
                "alpha": ("lora_alpha", method.alpha),
                "rslora": ("use_rslora", method.rslora),
                "dora": ("use_dora", method.dora),
            }
        case Prompt() | Prefix():
            kind = "PROMPT_TUNING" if isinstance(method, Prompt) else "PREFIX_TUNING"
            return {"method": ("peft_type", kind), "virtual_tokens": ("num_virtual_tokens", method.virtual_tokens)}
    return {}


def _unlike(folder: Path, setting: str, found: object, wanted: object) -> TunesmithError:
    return TunesmithError("start-method", place=Place(str(folder)), setting=setting, found=found, wanted=wanted)
