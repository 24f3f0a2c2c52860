"""The jobs of `method-advice`: recipes that can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.method_advice import JOBS, SMOKE, AdviceJob
from tunesmith.model.base import BUILTIN
from tunesmith.recipe import Auto


@pytest.mark.parametrize("job", [*JOBS, SMOKE], ids=lambda job: job.name)
def test_every_job_is_a_recipe_whose_method_is_open(job: AdviceJob, tmp_path: Path) -> None:
    recipe = job.recipe(BUILTIN, tmp_path)
    assert isinstance(recipe.train.method, Auto)
    assert {Path(source.path).parent for source in recipe.prepare.sources if source.path} == {tmp_path}
