"""Which bundle is served, and how: that of a recipe, or one in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tunesmith.artifacts.bundle import BODY, RECIPE, Bundle, BundleBody
from tunesmith.artifacts.bundle import KIND as BUNDLE
from tunesmith.artifacts.folder import MANIFEST, read_body
from tunesmith.errors import Place, TunesmithError
from tunesmith.export.exporting import as_shipped, recipe_hash
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.lineage import Node, newest_in, read_lineage
from tunesmith.recipe import Recipe, load_recipe
from tunesmith.recipe.serve import Serve

MAX_CHANGED: Final = 5


def is_bundle(target: Path) -> bool:
    return (target / MANIFEST).is_file()


def bundle_at(folder: Path, overrides: Sequence[str]) -> tuple[Bundle, Serve]:
    """A bundle in its folder, served as the overrides say. Raises what `Bundle.open` and `load_recipe` raise."""
    bundle = Bundle.open(folder)
    return bundle, load_recipe(folder / RECIPE, overrides).serve


def bundle_of(job: Job) -> Bundle:
    """The bundle that was exported last of this recipe, however that is served; neither rows nor models are looked for.

    The run tells which is the last; without its word, the time of the files, which a copy changes.
    Raises TunesmithError `serve-unshipped` where nothing was exported under the recipe's name, `serve-stale` where all
    that was is of a recipe that has changed since, what `Bundle.open` raises.
    """
    recipe = job.recipe
    shipped = sorted(read_lineage(job.runtime.workspace).of_kind(BUNDLE), key=_published)
    wanted = recipe_hash(recipe)
    made = {node.key: node.folder for node in shipped if node.manifest.inputs.get("recipe") == wanted}
    if made:
        return Bundle.open(made[newest_in(job.run_folder, BUNDLE, made) or list(made)[-1]])
    earlier = [node for node in shipped if _name_of(node) == recipe.name]
    if not earlier:
        raise TunesmithError("serve-unshipped", place=Place(str(job.run_folder)))
    before = load_recipe(earlier[-1].folder / RECIPE)
    changed = _changed(_flat(before), _flat(as_shipped(recipe)))
    place = Place(str(earlier[-1].folder))
    raise TunesmithError("serve-stale", place=place, key=earlier[-1].key, changed=", ".join(changed) or "-")


def _published(node: Node) -> int:
    """When, in nanoseconds: the manifest is written last."""
    return (node.folder / MANIFEST).stat().st_mtime_ns


def _name_of(node: Node) -> str:
    return read_body(node.folder / BODY, BundleBody, BUNDLE).name


def _flat(recipe: Recipe) -> dict[str, object]:
    """Values by dotted key, as overrides name them."""
    open_, found = [("", recipe.model_dump(mode="json"))], dict[str, object]()
    while open_:
        above, values = open_.pop()
        for key, value in values.items():
            if isinstance(value, dict) and value:
                open_.append((f"{above}{key}.", value))
            else:
                found[f"{above}{key}"] = value
    return found


def _changed(before: dict[str, object], now: dict[str, object]) -> list[str]:
    """The first few keys whose values differ, or that only one of both has."""
    keys = [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]
    return keys if len(keys) <= MAX_CHANGED else [*keys[:MAX_CHANGED], f"… (+{len(keys) - MAX_CHANGED})"]
