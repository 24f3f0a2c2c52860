from __future__ import annotations

from pathlib import Path

import pytest

from tunesmith.cli.shipped import copy_recipe, recipe_text, shipped_recipes, start_project
from tunesmith.errors import TunesmithError
from tunesmith.recipe import load_recipe


def test_every_shipped_recipe_says_what_it_is_for_and_is_sound(tmp_path: Path) -> None:
    found = shipped_recipes()
    assert "quickstart" in found
    for name, about in found.items():
        assert len(about) > 20
        copy_recipe(name, tmp_path / name / "recipe.yaml")
        load_recipe(tmp_path / name / "recipe.yaml")


def test_a_mistyped_recipe_is_answered_with_the_closest() -> None:
    with pytest.raises(TunesmithError) as failure:
        recipe_text("quikstart")
    assert failure.value.code == "recipe-unknown"
    assert "`quickstart`" in failure.value.hint("zh")


def test_a_project_holds_the_recipe_and_just_the_data_that_it_reads(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "desk"
    made = start_project(folder, "quickstart", force=False)
    assert made == sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "runs/\nartifacts/\n"
    recipe = load_recipe(folder / "recipe.yaml")
    sources = [Path(str(source.path)) for source in recipe.prepare.sources]
    assert all((folder / source).is_file() for source in sources)
    copied = {Path(name).parent for name in made if name.startswith("examples/")}
    assert copied == {source.parent for source in sources}


def test_nothing_is_written_over_unless_told(tmp_path: Path) -> None:
    kept = tmp_path / "recipe.yaml"
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(TunesmithError, match="folder-not-empty"):
        start_project(tmp_path, "quickstart", force=False)
    with pytest.raises(TunesmithError, match="file-exists"):
        copy_recipe("quickstart", kept)
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]
    assert kept.read_text(encoding="utf-8") == "mine"
    start_project(tmp_path, "quickstart", force=True)
    assert kept.read_text(encoding="utf-8") == recipe_text("quickstart")
