"""What is trained on what, and the identity of what comes of it; without torch, so that finding a model is quick."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tunesmith.artifacts import Dataset, Identity, Plan, library_versions
from tunesmith.artifacts.tuned_model import KIND
from tunesmith.chat import Chat
from tunesmith.model.base import Base
from tunesmith.model.fits import FOUR_BIT_LIBRARY
from tunesmith.model.start import Start
from tunesmith.recipe import Train, is_four_bit
from tunesmith.recipe.watch import WATCHING

VERSION: Final = 7
DECIDING: Final = ("learning_rate", "precision", "num_steps", "evaluate_every")
"""Derived values of a plan that decide what comes of a training; its predictions and reasons do not."""


@dataclass(frozen=True)
class Training:
    """What is trained on what, and how."""

    name: str
    """The arm this becomes: `tuned`, or the name of a variant."""
    dataset: Dataset
    base: Base
    chat: Chat
    plan: Plan
    section: Train
    seed: int
    teacher: Base | None = None
    """The model whose probabilities or answers are learned, where the objective is distillation."""
    start: Start | None = None
    """What training goes on from; None for the base."""

    def checkpoints(self, run: Path) -> Path:
        """Where a run's folder keeps them while this is trained."""
        return run / "checkpoints" / self.name

    def identity(self) -> Identity:
        """All that decides the result; what is saved and shown on the way does not."""
        derived = self.plan.body.model_dump(mode="json", include=set(DECIDING))
        inputs = {
            "dataset": self.dataset.key,
            "base": self.base.content_hash,
            "template": self.chat.fingerprint,
            "device": self.plan.manifest.libraries["device"],
            **{f"plan.{name}": str(value) for name, value in derived.items()},
        }
        if self.teacher is not None:
            inputs["teacher"] = self.teacher.content_hash
        if self.start is not None:
            inputs["start"] = self.start.content_hash
        section = self.section.model_dump(mode="json", exclude=WATCHING | {"start"})
        quantising = (FOUR_BIT_LIBRARY,) if is_four_bit(self.section.method) else ()
        libraries = library_versions("torch", "transformers", "tokenizers", *quantising)
        return Identity(KIND, VERSION, inputs, section, self.seed, libraries)
