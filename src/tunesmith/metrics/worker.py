"""The process that runs a user's metric: cases in and values out, a JSON line each, over its standard streams.

    python -m tunesmith.metrics.worker module:function

Its first line says that the function was found. It imports nothing of the package, so that it starts at once.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
from collections.abc import Callable
from typing import Any, TextIO


def main() -> None:
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the function prints is no part of the talk
    module, _, name = sys.argv[1].partition(":")
    found = vars(importlib.import_module(module))
    function = found.get(name)
    if not callable(function):
        raise SystemExit(f"{module} has no function {name}")
    _say(said, {"ready": name})
    for line in sys.stdin.buffer:
        _say(said, _judged(function, json.loads(line)))


def _judged(function: Callable[[Any], Any], case: dict[str, Any]) -> dict[str, Any]:
    try:
        value = function(case)
        if value is None:
            return {"value": None}
        number = float("nan") if isinstance(value, str) else float(value)
    except Exception as failure:
        return {"failed": f"{type(failure).__name__}: {failure}"}
    if math.isnan(number) or not 0.0 <= number <= 1.0:
        return {"failed": f"gave {value!r}, not a number from 0 to 1"}
    return {"value": number}


def _say(stream: TextIO, record: dict[str, Any]) -> None:
    stream.write(json.dumps(record) + "\n")
    stream.flush()


if __name__ == "__main__":
    main()
