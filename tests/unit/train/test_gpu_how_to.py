"""The page on GPUs: its recipe is sound, the same in both languages, refused on a CPU, and trains on a GPU."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from tunesmith import lifecycle
from tunesmith.cli.app import app
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.base_checks import check_device
from tunesmith.recipe import Recipe
from tunesmith.recipe.tree import parse_yaml
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[3]


def page(language: str) -> str:
    """The recipe of the page."""
    text = (ROOT / "docs" / language / "how-to" / "train-on-a-gpu.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return str(block)


def recipe_of(language: str) -> Any:
    return parse_yaml(page(language), "page", [])[0]


def write_rows(folder: Path) -> Path:
    lines = [{"prompt": f"What is {n} plus {n}?", "completion": f"It is {2 * n}."} for n in range(60)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder / "rows.jsonl"


def test_both_languages_have_the_same_recipe_which_a_cpu_refuses(runtime: Runtime) -> None:
    assert recipe_of("en") == recipe_of("zh")
    recipe = Recipe.model_validate(recipe_of("en"))
    assert (recipe.train.precision, recipe.train.compile) == ("fp16", True)
    with pytest.raises(TunesmithError, match="fp16-device"):
        check_device(Job(recipe, runtime, Silent()))


@pytest.mark.thorough
@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ([], "fp16-device"),
        (["train.precision=auto"], "compile-device"),
        (["train.precision=auto", "train.compile=false"], None),
    ],
)
def test_check_looks_at_the_devices_where_a_setting_asks_for_one(
    tmp_path: Path, overrides: list[str], code: str | None
) -> None:
    (tmp_path / "recipe.yaml").write_text(page("en"), encoding="utf-8")
    arguments = ["-w", str(tmp_path / "workspace"), "check", str(tmp_path / "recipe.yaml")]
    told = CliRunner().invoke(app, [*arguments, f"prepare.sources={write_rows(tmp_path)}", *overrides])
    if code is None:
        assert told.exit_code == 0, told.output
    else:
        assert isinstance(told.exception, TunesmithError)
        assert told.exception.code == code


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("default")
def test_the_recipe_trains_on_a_gpu(runtime: Runtime, tmp_path: Path) -> None:
    told = recipe_of("en")
    told["prepare"]["sources"] = str(write_rows(tmp_path))
    job = Job(Recipe.model_validate(told), replace(runtime, device="cuda"), Silent())
    (model,) = lifecycle.models_of(job).values()
    assert model.payload.is_dir()
