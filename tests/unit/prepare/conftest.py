from __future__ import annotations

from pathlib import Path

import pytest
from prepare_material import Listening, Run, runner

from tunesmith.runtime import Runtime


@pytest.fixture
def progress() -> Listening:
    return Listening()


@pytest.fixture
def run(tmp_path: Path, runtime: Runtime, progress: Listening) -> Run:
    return runner(tmp_path / "artifacts", runtime, progress)
