"""What is shipped of what was judged, and the identity of the bundle; without torch, so that finding one is quick."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tunesmith.artifacts import Identity, Scorecard, TunedModel, library_versions
from tunesmith.artifacts.bundle import KIND, BundleBody, Canary, Certificate, Form, Objection
from tunesmith.artifacts.scorecard import Task
from tunesmith.chat import Chat
from tunesmith.model.base import Base
from tunesmith.recipe import Export
from tunesmith.runtime import Runtime

VERSION: Final = 1
LIBRARIES: Final = ("torch", "transformers", "tokenizers", "safetensors", "torchao", "gguf")


@dataclass(frozen=True)
class Exporting:
    """One judged model and how it is to be shipped."""

    model: TunedModel
    base: Base
    """What it was trained from."""
    chat: Chat
    scorecard: Scorecard | None
    """None where the model was not judged."""
    dataset: str
    """Key of the Dataset."""
    section: Export
    name: str
    """Of the recipe: what the model is served as."""
    arm: str
    seed: int
    precision: str
    """`fp32`, `bf16` or `fp16`: what the judged model computed in."""
    task: Task
    labels: tuple[str, ...]
    """The classes, where labels are chosen."""
    recipe: str
    """The resolved recipe as YAML, without how the model is served."""
    prompt_style: str | None = None
    revision: str | None = None
    """Of the base, where it is a Hub id."""
    objections: Sequence[Objection] = ()
    """In spite of which it is shipped."""

    def identity(self) -> Identity:
        """The texts of the card are part of the bundle, and so decide it as the forms do."""
        inputs = {
            "model": self.model.key,
            "base": self.base.content_hash,
            "template": self.chat.fingerprint,
            "dataset": self.dataset,
            "scorecard": "" if self.scorecard is None else self.scorecard.key,
            "recipe": hashlib.sha256(self.recipe.encode()).hexdigest(),
        }
        section = {
            **self.section.model_dump(mode="json"),
            "name": self.name,
            "precision": self.precision,
            "objections": [each.model_dump(mode="json") for each in self.objections],
        }
        return Identity(KIND, VERSION, inputs, section, self.seed, library_versions(*LIBRARIES))


@dataclass(frozen=True, slots=True)
class Making:
    """One form in the making."""

    exporting: Exporting
    merged: Path
    """The merged model's folder, which every form but the adapter is made of; for `merged` itself it is `folder`."""
    folder: Path
    """Where the form goes: an empty folder of its name."""
    runtime: Runtime


WriteForm = Callable[[Making], Form]
"""Writes one form into its folder and says what it is."""


@dataclass(frozen=True, slots=True)
class Certified:
    """The proof that the forms answer like the judged model."""

    certificate: Certificate
    canaries: tuple[Canary, ...]


Certify = Callable[[Path, BundleBody], Certified]
"""Asks the forms that lie in a folder, before it is published: `model.form.load_form(folder, body, name, ...)` loads
one. Raises RunFailed `certificate-failed` where a form is beyond a limit; nothing is published then."""
