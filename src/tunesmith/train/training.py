"""What is trained on what, and the identity of what comes of it; without torch, so that finding a model is quick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tunesmith.artifacts import Dataset, Identity, Plan, library_versions
from tunesmith.artifacts.tuned_model import KIND
from tunesmith.chat import Chat
from tunesmith.model.base import Base
from tunesmith.recipe import Train

VERSION: Final = 2


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

    def identity(self) -> Identity:
        inputs = {
            "dataset": self.dataset.key,
            "base": self.base.content_hash,
            "template": self.chat.fingerprint,
            "plan": self.plan.key,
        }
        section = self.section.model_dump(mode="json", exclude={"trackers", "checkpoint_every"})
        libraries = library_versions("torch", "transformers", "tokenizers")
        return Identity(KIND, VERSION, inputs, section, self.seed, libraries)
