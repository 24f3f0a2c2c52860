"""The TunedModel on disk: a reference to its base and what training changed.

`adapter/` in PEFT's format, or `weights/` as a complete model folder in safetensors; `training.json` tells how it went.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tunesmith.artifacts.folder import Manifest, read_manifest

KIND: Final = "tuned_model"
ADAPTER: Final = "adapter"
WEIGHTS: Final = "weights"
TRAINING: Final = "training.json"


@dataclass(frozen=True)
class TunedModel:
    """`adapter/` or `weights/`, and `training.json`."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> TunedModel:
        return cls(folder, read_manifest(folder, KIND))

    @property
    def key(self) -> str:
        return self.manifest.key

    @property
    def form(self) -> Literal["adapter", "weights"]:
        return "adapter" if (self.folder / ADAPTER).is_dir() else "weights"

    @property
    def payload(self) -> Path:
        """The folder that PEFT or transformers loads."""
        return self.folder / (ADAPTER if self.form == "adapter" else WEIGHTS)

    def training(self) -> dict[str, Any]:
        """Steps, losses, speed, environment, seeds: the summary of the run that made it."""
        training: dict[str, Any] = json.loads((self.folder / TRAINING).read_text(encoding="utf-8"))
        return training
