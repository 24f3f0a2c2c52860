"""How long `tunesmith --help` takes, and what every part of the package costs to import.

Each time is that of a fresh process with byte code already cached, as an installed command has it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import tunesmith
from benchmarks.outcome import Goal, Outcome

HELP: Final = "import sys; sys.argv = ['tunesmith', '--help']; from tunesmith.cli import main; sys.exit(main())"
"""What the installed console script does."""
IMPORT: Final = """
import sys, time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start, int("torch" in sys.modules))
"""
HELP_MODULES: Final = """
import sys
sys.argv = ["tunesmith", "--help"]
from tunesmith.cli import main
try:
    main()
finally:
    print(int("torch" in sys.modules), file=sys.stderr)
"""
TORCH_USERS: Final = {"model", "engine", "train", "evaluate", "export", "lifecycle"}
"""The parts that may load torch when imported."""
NUM_HELP_RUNS: Final = 10
NUM_IMPORTS: Final = 3
GOALS: Final = {
    "help_seconds_min": Goal(maximum=0.30),
    "help_loads_torch": Goal(maximum=0),
    "num_light_parts_loading_torch": Goal(maximum=0),
}


def run(*, quick: bool) -> Outcome:
    """Time `--help` and the imports; `quick` takes few runs and imports `cli` alone."""
    help_seconds = [_time_help() for _ in range(1 + (1 if quick else NUM_HELP_RUNS))][1:]  # the first fills the caches
    parts = ["cli"] if quick else _parts()
    imports = {name: _import(f"tunesmith.{name}", 1 if quick else NUM_IMPORTS) for name in parts}
    light_with_torch = [name for name, (_, loads) in imports.items() if loads and name not in TORCH_USERS]
    figures = {
        "help_seconds_min": min(help_seconds),
        "help_seconds_median": statistics.median(help_seconds),
        "help_loads_torch": float(_help_loads_torch()),
        "num_light_parts_loading_torch": float(len(light_with_torch)),
        **{f"import_seconds/{name}": seconds for name, (seconds, _) in imports.items()},
    }
    table = [
        ["", "seconds", "loads torch"],
        ["tunesmith --help (least)", f"{figures['help_seconds_min']:.3f}", _yes(bool(figures["help_loads_torch"]))],
        ["tunesmith --help (median)", f"{figures['help_seconds_median']:.3f}", ""],
        *([f"import tunesmith.{name}", f"{seconds:.3f}", _yes(loads)] for name, (seconds, loads) in imports.items()),
    ]
    details = {"help_seconds": help_seconds, "light_parts_loading_torch": light_with_torch}
    return Outcome(figures, table, details=details)


def _parts() -> list[str]:
    """Top-level modules and packages of `tunesmith`, by name."""
    folder = Path(tunesmith.__file__).parent
    modules = [file.stem for file in folder.glob("*.py") if not file.stem.startswith("_")]
    return sorted(modules + [file.parent.name for file in folder.glob("*/__init__.py")])


def _python(code: str) -> subprocess.CompletedProcess[str]:
    # byte code is cached, or every start would compile the package again
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)


def _time_help() -> float:
    start = time.perf_counter()
    _python(HELP)
    return time.perf_counter() - start


def _help_loads_torch() -> bool:
    return _python(HELP_MODULES).stderr.split()[-1] == "1"


def _import(module: str, num_runs: int) -> tuple[float, bool]:
    """Least seconds to import the module in a fresh process, and whether that loads torch."""
    runs = [_python(IMPORT.format(module=module)).stdout.split() for _ in range(num_runs)]
    return min(float(seconds) for seconds, _ in runs), runs[0][1] == "1"


def _yes(condition: bool) -> str:
    return "yes" if condition else "no"
