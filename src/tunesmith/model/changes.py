"""Another architecture made of a base: layers kept, dropped or added, another activation; saved as a base of its own.

A changed base is a folder like any other, so that every method and every stage works with it as with the base.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts import Identity, publish
from tunesmith.errors import TunesmithError
from tunesmith.model.base import DENSE_TYPES, ENCODER_TYPES, LEARNED_POSITION_TYPES, OTHER_NAMES, Base
from tunesmith.model.fits import LAYER, layer_number
from tunesmith.recipe import Changes

KIND: Final = "changed_base"
VERSION: Final = 1
WEIGHTS: Final = "weights"
"""The folder within the artifact that is a base."""
INDEX: Final = "model.safetensors.index.json"
LAST: Final = re.compile(r"\.(?:o_proj|down_proj|c_proj)\.(?:weight|bias)$")
"""What attention and feed-forward part of a decoder end with: where it is 0, the layer adds nothing to what it gets."""
ACTIVATIONS: Final = {"gpt2": "activation_function", "distilbert": "activation"}
"""What the configuration calls the activation where not `hidden_act`."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the changed model: that of the base, or a copy that adds nothing yet."""

    source: int
    is_added: bool


def layers_after(base: Base, changes: Changes) -> tuple[Layer, ...]:
    """The layers of the changed model, from the first on.

    Raises TunesmithError `changes-architecture`, `changes-layers` for a number that no layer has or that was dropped,
    `changes-none-left`.
    """
    _refuse_architecture(base, changes)
    num = int(base.config["num_hidden_layers"])
    named = (*(changes.keep_layers or ()), *changes.drop_layers, *changes.add_layers)
    if max(named, default=0) >= num:
        raise TunesmithError("changes-layers", asked=max(named), last=num - 1)
    wanted = set(range(num) if changes.keep_layers is None else changes.keep_layers) - set(changes.drop_layers)
    if not wanted:
        raise TunesmithError("changes-none-left", num=num)
    gone = set(changes.add_layers) - wanted
    if gone:
        raise TunesmithError("changes-added-to-dropped", asked=min(gone))
    kept = [Layer(number, is_added=False) for number in sorted(wanted)]
    added = [Layer(number, is_added=True) for number in changes.add_layers]
    return tuple(sorted((*kept, *added), key=lambda layer: (layer.source, layer.is_added)))


def _refuse_architecture(base: Base, changes: Changes) -> None:
    alike = (*DENSE_TYPES, *LEARNED_POSITION_TYPES, *ENCODER_TYPES)
    # the norm behind a layer of an encoder changes what the layer passes on
    known = (*DENSE_TYPES, *LEARNED_POSITION_TYPES) if changes.add_layers else alike
    if base.model_type not in known:
        change = "changes.add_layers" if base.model_type in alike else "changes"
        raise TunesmithError("changes-architecture", change=change, type=base.model_type, known=", ".join(known))


def changed_identity(base: Base, changes: Changes) -> Identity:
    """Raises what `layers_after` raises."""
    layers_after(base, changes)
    section = changes.model_dump(mode="json")
    return Identity(KIND, VERSION, {"base": base.content_hash}, section, seed=0, libraries={})


def make_changed(base: Base, changes: Changes, out: Path) -> None:
    """Write the changed base as an artifact at `out`; its folder WEIGHTS is a model folder. Imports torch.

    One weight file is in memory at a time. Raises what `layers_after` raises.
    """
    layers = layers_after(base, changes)
    with publish(out, changed_identity(base, changes)) as staging:
        folder = staging / WEIGHTS
        folder.mkdir()
        for file in sorted(base.folder.iterdir()):
            if (file.suffix in {".json", ".jinja"} and file.name != INDEX) or file.name.startswith("LICENSE"):
                shutil.copy(file, folder / file.name)
        config = json.loads((base.folder / "config.json").read_text(encoding="utf-8"))
        changed = _config(base, config, changes, layers)
        (folder / "config.json").write_text(json.dumps(changed, indent=2) + "\n", encoding="utf-8")
        _write_weights(base.folder, folder, layers)


def _config(base: Base, config: Mapping[str, Any], changes: Changes, layers: Sequence[Layer]) -> dict[str, Any]:
    own_names = {common: own for own, common in OTHER_NAMES.get(base.model_type, {}).items()}
    changed = {**config, own_names.get("num_hidden_layers", "num_hidden_layers"): len(layers)}
    if config.get("layer_types"):
        changed["layer_types"] = [config["layer_types"][layer.source] for layer in layers]
    if changes.activation is not None:
        changed[ACTIVATIONS.get(base.model_type, "hidden_act")] = changes.activation
    return changed


def _write_weights(source: Path, folder: Path, layers: Sequence[Layer]) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file
    from torch import zeros_like

    files: dict[str, str] = {}
    num_bytes = 0
    for file in sorted(source.glob("*.safetensors")):
        tensors = {}
        with safe_open(file, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118 - it is no mapping
                for target, is_zero in _targets(name, layers):
                    tensor = stored.get_tensor(name)  # all of one name may share memory
                    tensors[target] = zeros_like(tensor) if is_zero else tensor.clone()
        if tensors:
            save_file(tensors, folder / file.name, metadata={"format": "pt"})
        files |= dict.fromkeys(tensors, file.name)
        num_bytes += sum(tensor.nbytes for tensor in tensors.values())
    if set(files.values()) != {"model.safetensors"}:
        index = {"metadata": {"total_size": num_bytes}, "weight_map": files}
        (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def _targets(name: str, layers: Sequence[Layer]) -> list[tuple[str, bool]]:
    """What becomes of a tensor of the base: its names in the changed model, each with whether it is 0 there."""
    number = layer_number(name)
    if number is None:
        return [(name, False)]
    places = [(place, layer) for place, layer in enumerate(layers) if layer.source == number]
    return [(_renumbered(name, place), layer.is_added and bool(LAST.search(name))) for place, layer in places]


def _renumbered(name: str, number: int) -> str:
    return LAYER.sub(lambda found: found[0].replace(found[1], str(number)), name, count=1)
