"""A peer's own virtual environment, made from its pins once and made again when they change."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.process import CACHE


def peer_python(name: str) -> Path:
    """The interpreter of the environment of peer `name`; downloads hundreds of megabytes the first time.

    Raises subprocess.CalledProcessError when an installation fails; nothing half-made is used afterwards.
    """
    requirements = Path(__file__).parent / name / "requirements.txt"
    folder = CACHE / name
    made = folder / "made-from.sha256"
    pins = hashlib.sha256(requirements.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if made.is_file() and made.read_text(encoding="utf-8") == pins:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    # torch alone first: pip then takes the CPU build where one is offered, instead of gigabytes of CUDA
    torch = [line for line in requirements.read_text(encoding="utf-8").splitlines() if line.startswith("torch==")]
    for wanted in ([torch] if torch else []) + [["-r", str(requirements)]]:
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=True)
    made.write_text(pins, encoding="utf-8")
    return python
