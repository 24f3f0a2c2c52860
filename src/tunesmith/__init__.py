"""Tunesmith: from raw domain rows to a proven better language model, with evidence at every step.

The names below are the Python API, each imported when it is first asked for. Verbs that share their names with packages
(`prepare`, `plan`, `train`, `evaluate`) are in `tunesmith.api`, which has all of them.
"""

import logging
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "open_job": "api",
    "run": "api",
    "train_steps": "api",
    "open_training": "api",
    "Recipe": "recipe",
    "Message": "records",
    "Sampling": "records",
    "Rendered": "records",
    "LossSum": "train.step",
    "Session": "train.session",
    "TunedModel": "artifacts",
    "TunesmithError": "errors",
}
_MODULES = ("api", "lifecycle")

# transformers imports torchao wherever that is installed, which tells at length of its own libraries for other machines
for _name in ("torchao", "torch.utils._pytree"):
    logging.getLogger(_name).setLevel(logging.ERROR)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return vars(import_module(f"{__name__}.{_HOMES[name]}"))[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_HOMES, *_MODULES]
