"""The Python API's names, what they cost to import, and how a recipe becomes a job."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tunesmith
from tunesmith import api
from tunesmith.errors import ManyErrors, TunesmithError
from tunesmith.recipe import Recipe
from tunesmith.runtime import Silent

RECIPE = {"name": "desk", "prepare": {"sources": "rows.jsonl"}, "train": {"method": "lora", "epochs": 2.0}}
ROOT = Path(__file__).parents[2]


def said_by(code: str) -> list[str]:
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return told.stdout.splitlines()


def test_importing_the_package_brings_nothing_with_it() -> None:
    code = (
        "import sys, tunesmith; print('train_steps' in dir(tunesmith));"
        "print([name for name in ('torch', 'numpy', 'pydantic', 'typer', 'tunesmith.api') if name in sys.modules])"
    )
    assert said_by(code) == ["True", "[]"]


@pytest.mark.thorough
def test_naming_a_verb_does_not_load_torch() -> None:
    code = (
        "import sys, tunesmith; tunesmith.open_job, tunesmith.run, tunesmith.train_steps, tunesmith.api.prepare;"
        "print([name for name in ('torch', 'transformers', 'typer') if name in sys.modules])"
    )
    assert said_by(code) == ["[]"]


def test_editors_see_the_names_that_there_are() -> None:
    stub = ast.parse(Path(tunesmith.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {
        name.asname: str(node.module).removeprefix("tunesmith").removeprefix(".")
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert homes == tunesmith._HOMES | dict.fromkeys(tunesmith._MODULES, "")
    assert all(tunesmith.__getattr__(name) is not None for name in homes)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tunesmith.nothing  # noqa: B018


def test_a_recipe_is_a_file_a_folder_a_mapping_or_itself(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("name: desk\nprepare: {sources: rows.jsonl}\ntrain: {method: lora, epochs: 2}\n", encoding="utf-8")
    run = tmp_path / "run"
    run.mkdir()
    (run / "recipe.resolved.yaml").write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    expected = Recipe.model_validate(RECIPE)
    sources = {**RECIPE, "prepare": {"sources": Path("rows.jsonl")}}
    for recipe in (str(file), file, run, RECIPE, sources, expected):
        job = tunesmith.open_job(recipe, workspace=tmp_path)
        assert job.recipe == expected
        changed = tunesmith.open_job(recipe, "train.epochs=3", "seed=4").recipe
        assert (changed.train.epochs, changed.seed) == (3.0, 4)
    assert (job.runtime.workspace, isinstance(job.progress, Silent)) == (tmp_path, True)


def test_mistakes_of_a_mapping_have_their_codes() -> None:
    with pytest.raises(ManyErrors) as caught:
        tunesmith.open_job({**RECIPE, "train": {"epoch": 2, "batch_rows": "many"}})
    assert [error.code for error in caught.value.errors] == ["recipe-value", "recipe-unknown-key"]
    with pytest.raises(TunesmithError, match="recipe-missing"):
        api.run("nowhere.yaml")


def test_one_of_several_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "0" if name == "RANK" else "2")
    with pytest.raises(TunesmithError) as caught:
        tunesmith.open_job(RECIPE)
    assert caught.value.code == "api-processes"
    assert "2" in caught.value.message("zh")
