"""Who may import whom, and what loads without the model libraries."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tunesmith

SOURCE = Path(tunesmith.__file__).parent
ROOT = Path(__file__).parents[2]
# these compute with models; everything else must load without them
HEAVY = {"model", "engine", "train", "evaluate", "export"}
# what joins stages by computing with models, imported where it is called
HEAVY_PARTS = ("tunesmith.lifecycle.certificate",)
LIGHT = sorted(
    {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    - HEAVY
    - {"__init__", "__main__"}
)
IMPORT_ALL = """
import importlib, pkgutil, sys
def import_all(name):
    if name in sys.argv[2:]:
        return
    module = importlib.import_module(name)
    for found in pkgutil.iter_modules(vars(module).get("__path__", ()), name + "."):
        import_all(found.name)
import_all("tunesmith." + sys.argv[1])
print(*sorted({"torch", "transformers", "peft", "datasets", "trl"} & set(sys.modules)))
"""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE.parent)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_the_import_ladder_holds() -> None:
    done = run(Path(sys.executable).with_name("lint-imports"), "--no-cache")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout


@pytest.mark.parametrize("name", LIGHT)
def test_it_loads_without_the_model_libraries(name: str) -> None:
    done = run(sys.executable, "-c", IMPORT_ALL, name, *HEAVY_PARTS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
