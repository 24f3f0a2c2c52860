"""Another architecture made of a base: layers kept, dropped or added, parts pruned, another activation; saved as a base
of its own.

A changed base is a folder like any other, so that every method and every stage works with it as with the base.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tunesmith.artifacts import Identity, library_versions, publish
from tunesmith.artifacts.pruned import PRUNED, Pruned, Size, read_pruned, write_pruned
from tunesmith.errors import TunesmithError
from tunesmith.model.base import DENSE_TYPES, ENCODER_TYPES, LEARNED_POSITION_TYPES, OTHER_NAMES, Base
from tunesmith.model.fits import LAYER, layer_number, linear_names, weight_shapes
from tunesmith.model.prune_fits import sizes_after
from tunesmith.recipe import Changes

if TYPE_CHECKING:
    from torch import Tensor

    from tunesmith.model.prune import Cuts

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


Texts = Sequence[Sequence[int]]
"""Token ids of the texts over which layers are measured; none are needed where no layer is chosen by measuring."""


@dataclass(frozen=True, slots=True)
class _Cutting:
    """What becomes of the weights of a base."""

    layers: tuple[Layer, ...]
    cuts: Cuts = field(default_factory=dict)
    sparse: frozenset[str] = frozenset()
    """Names of the weights, as in the base, a share of whose numbers becomes 0."""
    share: float = 0.0


def layers_after(base: Base, changes: Changes, measured: Sequence[int] = ()) -> tuple[Layer, ...]:
    """The layers of the changed model, from the first on, without those that were `measured` to change least.

    Raises TunesmithError `changes-architecture`, `changes-layers` for a number that no layer has or that was dropped,
    `changes-none-left`.
    """
    _refuse_architecture(base, changes)
    num = int(base.config["num_hidden_layers"])
    named = (*(changes.keep_layers or ()), *changes.drop_layers, *changes.add_layers)
    if max(named, default=0) >= num:
        raise TunesmithError("changes-layers", asked=max(named), last=num - 1)
    wanted = set(range(num) if changes.keep_layers is None else changes.keep_layers) - set(changes.drop_layers)
    wanted -= set(measured)
    if not wanted or changes.prune.layers >= num:
        raise TunesmithError("changes-none-left", num=num)
    gone = set(changes.add_layers) - wanted
    if gone:
        raise TunesmithError("changes-added-to-dropped", asked=min(gone))
    kept = [Layer(number, is_added=False) for number in sorted(wanted)]
    added = [Layer(number, is_added=True) for number in changes.add_layers]
    return tuple(sorted((*kept, *added), key=lambda layer: (layer.source, layer.is_added)))


def _refuse_architecture(base: Base, changes: Changes) -> None:
    alike, decoders = (*DENSE_TYPES, *LEARNED_POSITION_TYPES, *ENCODER_TYPES), (*DENSE_TYPES, *LEARNED_POSITION_TYPES)
    wanted: dict[str, tuple[bool, tuple[str, ...]]] = {
        "changes": (True, alike),
        # the norm behind a layer of an encoder changes what the layer passes on
        "changes.add_layers": (bool(changes.add_layers), decoders),
        "changes.prune.layers": (bool(changes.prune.layers), decoders),
        # other configurations cannot say how large a head is
        "changes.prune.heads": (bool(changes.prune.heads), DENSE_TYPES),
    }
    for change, (is_asked, known) in wanted.items():
        if is_asked and base.model_type not in known:
            raise TunesmithError("changes-architecture", change=change, type=base.model_type, known=", ".join(known))


def changed_identity(base: Base, changes: Changes, texts: Texts = ()) -> Identity:
    """Raises what `layers_after` and `sizes_after` raise."""
    layers_after(base, changes)
    sizes_after(base, changes.prune)
    inputs, libraries = {"base": base.content_hash}, {}
    if changes.prune.layers:  # measured, and so a matter of texts and of how sums are rounded
        inputs["texts"] = hashlib.sha256(json.dumps([[*ids] for ids in texts]).encode()).hexdigest()
        libraries = library_versions("torch", "transformers")
    section = changes.model_dump(mode="json")
    return Identity(KIND, VERSION, inputs, section, seed=0, libraries=libraries)


def make_changed(base: Base, changes: Changes, out: Path, texts: Texts = ()) -> None:
    """Write the changed base as an artifact at `out`; its folder WEIGHTS is a model folder. Imports torch.

    One weight file is in memory at a time, but while layers are measured. Raises what `changed_identity` raises.
    """
    identity = changed_identity(base, changes, texts)
    cutting, pruned = _chosen(base, changes, texts)
    with publish(out, identity) as staging:
        folder = staging / WEIGHTS
        folder.mkdir()
        for file in sorted(base.folder.iterdir()):
            if file.name in (INDEX, PRUNED):
                continue
            if file.suffix in {".json", ".jinja"} or file.name.startswith("LICENSE"):
                shutil.copy(file, folder / file.name)
        config = json.loads((base.folder / "config.json").read_text(encoding="utf-8"))
        changed = _config(base, config, changes, cutting.layers)
        (folder / "config.json").write_text(json.dumps(changed, indent=2) + "\n", encoding="utf-8")
        _write_weights(base.folder, folder, cutting)
        if not changes.prune.is_none or pruned.weights:
            write_pruned(folder, pruned.model_copy(update={"after": _size(folder)}))


def _chosen(base: Base, changes: Changes, texts: Texts) -> tuple[_Cutting, Pruned]:
    """What goes, told by measuring and by the weights; the size that comes of it is not known yet."""
    prune, before, size = changes.prune, read_pruned(base.folder), _size(base.folder)
    distances = _distances(base, changes, texts)
    first = distances.index(min(distances)) if distances else 0
    measured = range(first, first + prune.layers)
    layers = layers_after(base, changes, measured)
    cuts, heads = _cuts(base, changes, {layer.source for layer in layers})
    sparse = [f"{name}.weight" for name in linear_names(weight_shapes(base.folder))] if prune.weights else []
    num_neurons = int(base.config["intermediate_size"])
    pruned = Pruned(
        before=size,
        after=size,
        layers=tuple(measured),
        distances=distances,
        heads=heads,
        neurons=num_neurons - sizes_after(base, prune).get("intermediate_size", num_neurons),
        # zeros that a base came with stay zeros
        weights=prune.weights or (before.weights if before is not None else 0.0),
    )
    return _Cutting(layers, cuts, frozenset(sparse), prune.weights), pruned


def _distances(base: Base, changes: Changes, texts: Texts) -> tuple[float, ...]:
    if not changes.prune.layers:
        return ()
    from tunesmith.model.depth import block_distances  # brings transformers

    return tuple(block_distances(base, changes.prune.layers, texts))


def _cuts(base: Base, changes: Changes, layers: set[int]) -> tuple[Cuts, dict[int, tuple[int, ...]]]:
    """What stays of the weights of these layers, and which heads of each are gone."""
    from tunesmith.model.prune import head_cuts, heads_that_stay, neuron_cuts

    prune, num_heads = changes.prune, int(base.config["num_attention_heads"])
    kept = heads_that_stay(base, prune.heads, layers) if prune.heads else {}
    cuts = head_cuts(base, prune.heads, kept) if prune.heads else {}
    if prune.neurons:
        cuts |= neuron_cuts(base, prune.neurons, layers)
    gone = {layer: tuple(sorted({*range(num_heads)} - {*kept_H.tolist()})) for layer, kept_H in kept.items()}
    return cuts, gone


def _size(folder: Path) -> Size:
    num_bytes = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    num_parameters = sum(math.prod(shape) for shape in weight_shapes(folder).values())
    return Size(num_parameters=num_parameters, num_bytes=num_bytes)


def _config(base: Base, config: Mapping[str, Any], changes: Changes, layers: Sequence[Layer]) -> dict[str, Any]:
    own_names = {common: own for own, common in OTHER_NAMES.get(base.model_type, {}).items()}
    sizes = {"num_hidden_layers": len(layers), **sizes_after(base, changes.prune)}
    changed = {**config, **{own_names.get(name, name): size for name, size in sizes.items()}}
    if config.get("layer_types"):
        changed["layer_types"] = [config["layer_types"][layer.source] for layer in layers]
    if changes.activation is not None:
        changed[ACTIVATIONS.get(base.model_type, "hidden_act")] = changes.activation
    return changed


def _write_weights(source: Path, folder: Path, cutting: _Cutting) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    files: dict[str, str] = {}
    num_bytes = 0
    for file in sorted(source.glob("*.safetensors")):
        tensors = {}
        with safe_open(file, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118 - it is no mapping
                for target, is_zero in _targets(name, cutting.layers):
                    tensors[target] = _changed(name, stored.get_tensor(name), cutting, is_zero=is_zero)
        if tensors:
            save_file(tensors, folder / file.name, metadata={"format": "pt"})
        files |= dict.fromkeys(tensors, file.name)
        num_bytes += sum(tensor.nbytes for tensor in tensors.values())
    if set(files.values()) != {"model.safetensors"}:
        index = {"metadata": {"total_size": num_bytes}, "weight_map": files}
        (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def _changed(name: str, tensor: Tensor, cutting: _Cutting, *, is_zero: bool) -> Tensor:
    """What a tensor of the base becomes, as a copy: those of one name may share memory."""
    from torch import zeros_like

    from tunesmith.model.prune import zeroed

    if name in cutting.cuts:
        axis, kept_K = cutting.cuts[name]
        tensor = tensor.index_select(axis, kept_K)
    if is_zero:
        return zeros_like(tensor)
    return zeroed(tensor, cutting.share) if name in cutting.sparse else tensor.clone()


def _targets(name: str, layers: Sequence[Layer]) -> list[tuple[str, bool]]:
    """What becomes of a tensor of the base: its names in the changed model, each with whether it is 0 there."""
    number = layer_number(name)
    if number is None:
        return [(name, False)]
    places = [(place, layer) for place, layer in enumerate(layers) if layer.source == number]
    return [(_renumbered(name, place), layer.is_added and bool(LAST.search(name))) for place, layer in places]


def _renumbered(name: str, number: int) -> str:
    return LAYER.sub(lambda found: found[0].replace(found[1], str(number)), name, count=1)
