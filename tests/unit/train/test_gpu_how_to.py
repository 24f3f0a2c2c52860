"""The page on GPUs: its recipe is sound, the same in both languages, refused on a CPU, and trains on a GPU."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tunesmith import lifecycle
from tunesmith.errors import TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.base_checks import check_device
from tunesmith.recipe import Recipe
from tunesmith.recipe.tree import parse_yaml
from tunesmith.runtime import Runtime, Silent

ROOT = Path(__file__).parents[3]


def recipe_of(language: str) -> Any:
    text = (ROOT / "docs" / language / "how-to" / "train-on-a-gpu.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return parse_yaml(block, "page", [])[0]


def test_both_languages_have_the_same_recipe_which_a_cpu_refuses(runtime: Runtime) -> None:
    assert recipe_of("en") == recipe_of("zh")
    recipe = Recipe.model_validate(recipe_of("en"))
    assert (recipe.train.precision, recipe.train.compile) == ("fp16", True)
    with pytest.raises(TunesmithError, match="fp16-device"):
        check_device(Job(recipe, runtime, Silent()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("default")
def test_the_recipe_trains_on_a_gpu(runtime: Runtime, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    lines = [{"prompt": f"What is {n} plus {n}?", "completion": f"It is {2 * n}."} for n in range(60)]
    rows.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    told = recipe_of("en")
    told["prepare"]["sources"] = str(rows)
    job = Job(Recipe.model_validate(told), replace(runtime, device="cuda"), Silent())
    (model,) = lifecycle.models_of(job).values()
    assert model.payload.is_dir()
