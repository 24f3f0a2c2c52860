"""Features in a file, so that a window is looked at once: numbers, counts and vectors, no text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from safetensors import safe_open
from safetensors.numpy import save_file

from tunesmith.monitor.features import Features

_COUNTS: Final = "counts"
_NUMBERS: Final = "numbers."
_VECTORS: Final = "vectors."


def write_features(file: Path, features: Features) -> None:
    arrays = {f"{_NUMBERS}{name}": values for name, values in features.numbers.items()}
    vectors = {f"{_VECTORS}{name}": values for name, values in features.vectors.items()}
    counts = json.dumps({"classes": dict(features.classes), "shares": dict(features.shares)}, ensure_ascii=False)
    save_file({**arrays, **vectors}, file, metadata={_COUNTS: counts})


def read_features(file: Path) -> Features:
    with safe_open(file, framework="numpy") as opened:
        counts: dict[str, Any] = json.loads(opened.metadata()[_COUNTS])
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no mapping
    return Features(
        {name.removeprefix(_NUMBERS): values for name, values in arrays.items() if name.startswith(_NUMBERS)},
        counts["classes"],
        {name: (found, total) for name, (found, total) in counts["shares"].items()},
        {name.removeprefix(_VECTORS): values for name, values in arrays.items() if name.startswith(_VECTORS)},
    )
