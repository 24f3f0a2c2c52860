"""Which bundle is served, and how: that of a recipe, or one in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tunesmith.artifacts import is_whole
from tunesmith.artifacts.bundle import RECIPE, Bundle
from tunesmith.artifacts.folder import MANIFEST
from tunesmith.errors import Place, TunesmithError
from tunesmith.export.exporting import objections_to
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.export import exporting_of, judged_of
from tunesmith.recipe import load_recipe
from tunesmith.recipe.serve import Serve


def is_bundle(target: Path) -> bool:
    return (target / MANIFEST).is_file()


def bundle_at(folder: Path, overrides: Sequence[str]) -> tuple[Bundle, Serve]:
    """A bundle in its folder, served as the overrides say. Raises what `Bundle.open` and `load_recipe` raise."""
    bundle = Bundle.open(folder)
    return bundle, load_recipe(folder / RECIPE, overrides).serve


def bundle_of(job: Job) -> Bundle:
    """The bundle that `export` made of a recipe. Raises TunesmithError `serve-unshipped`, what `judged_of` raises."""
    judged, arm = judged_of(job), job.recipe.export.arm
    if arm not in judged.models:
        raise TunesmithError("serve-unshipped", place=Place("recipe", field="export.arm"))
    folder = job.artifact(exporting_of(job, judged, objections_to(judged.scorecard, arm)).identity())
    if not is_whole(folder):
        raise TunesmithError("serve-unshipped", place=Place(str(job.run_folder)))
    return Bundle.open(folder)
