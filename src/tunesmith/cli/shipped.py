"""Recipes and examples that come with the package."""

from __future__ import annotations

import difflib
import shutil
from pathlib import Path
from typing import Final

from tunesmith.errors import Place, TunesmithError

PACKAGE: Final = Path(__file__).parents[1]
REPOSITORY: Final = PACKAGE.parents[1]


def shipped(kind: str) -> Path:
    """`recipes` or `examples`: inside an installed package, or at the root of a checkout."""
    installed = PACKAGE / "shipped" / kind
    return installed if installed.is_dir() else REPOSITORY / kind


def shipped_recipes() -> dict[str, str]:
    """What each recipe is for, by name: its first comment line."""
    files = sorted(shipped("recipes").glob("*.yaml"))
    return {file.stem: file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for file in files}


def recipe_text(name: str) -> str:
    """The text of a shipped recipe. Raises TunesmithError `recipe-unknown` with the closest name."""
    names = list(shipped_recipes())
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1) or names[:1]
        raise TunesmithError("recipe-unknown", name=name, suggestion=close[0] if close else "")
    return (shipped("recipes") / f"{name}.yaml").read_text(encoding="utf-8")


def copy_recipe(name: str, target: Path) -> None:
    """Copy a shipped recipe. Raises TunesmithError `file-exists` rather than overwrite."""
    content = recipe_text(name)
    if target.exists():
        raise TunesmithError("file-exists", place=Place(str(target)))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, encoding="utf-8")


def start_project(folder: Path, recipe: str, *, force: bool) -> list[str]:
    """Make a project folder: the recipe and the example data that it reads. Returns the files made.

    Raises TunesmithError `folder-not-empty` unless `force`.
    """
    content = recipe_text(recipe)
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise TunesmithError("folder-not-empty", place=Place(str(folder)))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(content, encoding="utf-8")
    (folder / ".gitignore").write_text("runs/\nartifacts/\n", encoding="utf-8")
    for example in sorted(shipped("examples").iterdir()):
        if f"examples/{example.name}" in content:
            shutil.copytree(example, folder / "examples" / example.name, dirs_exist_ok=True)
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
