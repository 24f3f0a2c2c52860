"""What is judged on what, and the identity of what comes of it; without torch, so that finding a scorecard is quick."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from tunesmith.artifacts import Dataset, Identity, TunedModel, library_versions
from tunesmith.artifacts.folder import hash_file
from tunesmith.artifacts.scorecard import KIND
from tunesmith.chat import Chat
from tunesmith.evaluate.items import GENERAL_FILE
from tunesmith.model.base import Base
from tunesmith.recipe import Evaluate

VERSION: Final = 3


@dataclass(frozen=True)
class Evaluation:
    """What is judged on what."""

    dataset: Dataset
    base: Base
    chat: Chat
    models: Mapping[str, TunedModel]
    """`tuned` and the variants, by arm name."""
    section: Evaluate
    precision: str
    seed: int
    trained_base: Base | None = None
    """What the run's own models were trained from, where that is not the base itself."""

    def base_of(self, model: TunedModel | None) -> Base:
        """What a model was trained from; the base for None."""
        if model is None or self.trained_base is None:
            return self.base
        return self.trained_base if model.manifest.inputs["base"] == self.trained_base.content_hash else self.base

    def identity(self) -> Identity:
        suite = (files("tunesmith.evaluate") / GENERAL_FILE).read_bytes()
        inputs = {
            "dataset": self.dataset.key,
            "base": self.base.content_hash,
            "template": self.chat.fingerprint,
            "general": hashlib.sha256(suite).hexdigest(),
            **{f"suite.{name}": hash_file(Path(file)) for name, file in self.section.suites.items()},
            **{f"model.{name}": model.key for name, model in self.models.items()},
        }
        libraries = library_versions("torch", "transformers", "tokenizers", "numpy", "scikit-learn")
        section = {**self.section.model_dump(mode="json"), "precision": self.precision}
        return Identity(KIND, VERSION, inputs, section, self.seed, libraries)
