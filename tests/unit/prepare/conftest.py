from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prepare_material import Listening, Run

from tunesmith.artifacts import Dataset
from tunesmith.prepare import Fits, prepare
from tunesmith.recipe import Prepare
from tunesmith.runtime import Runtime


@pytest.fixture
def progress() -> Listening:
    return Listening()


@pytest.fixture
def run(tmp_path: Path, runtime: Runtime, progress: Listening) -> Run:
    """Prepare sources, with the other settings of the section as keywords."""

    def call(sources: Any, seed: int = 0, out: str = "out", fits: Fits | None = None, **section: Any) -> Dataset:
        settings = Prepare.model_validate({"sources": sources, **section})
        folder = tmp_path / "artifacts" / out
        return prepare(settings, seed=seed, runtime=runtime, progress=progress, out=folder, fits=fits)

    return call
