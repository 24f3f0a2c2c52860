"""What is shipped of what was judged, and the identity of the bundle; without torch, so that finding one is quick."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from tunesmith.artifacts import Dataset, Identity, Scorecard, TunedModel, library_versions
from tunesmith.artifacts.bundle import KIND, BaseOfBundle, BundleBody, Canary, Certificate, Form, Objection
from tunesmith.artifacts.scorecard import Task
from tunesmith.chat import Chat
from tunesmith.errors import Place, TunesmithError
from tunesmith.export.fits import refuse_form
from tunesmith.metrics.faults import REFUSED
from tunesmith.model.base import Base
from tunesmith.model.decoding import decoding_of
from tunesmith.model.fits import INT8_LIBRARY
from tunesmith.recipe import Recipe, dump_recipe
from tunesmith.recipe.export import FormName
from tunesmith.recipe.serve import Serve
from tunesmith.records import Sampling
from tunesmith.runtime import Runtime

VERSION: Final = 3
LIBRARIES: Final = ("torch", "transformers", "tokenizers", "safetensors", "gguf")
VIRTUAL: Final = ("prompt", "prefix")
"""Methods whose learned tokens no weight of the base can take up."""


def as_shipped(recipe: Recipe) -> Recipe:
    """Without how the model is served."""
    return recipe.model_copy(update={"serve": Serve()})


def recipe_hash(recipe: Recipe) -> str:
    """By which a bundle's manifest names the recipe that it was made of."""
    return hashlib.sha256(dump_recipe(as_shipped(recipe)).encode()).hexdigest()


@dataclass(frozen=True)
class Exporting:
    """One judged model and how it is to be shipped."""

    model: TunedModel
    base: Base
    """What it was trained from."""
    chat: Chat
    dataset: Dataset
    scorecard: Scorecard | None
    """None where the model was not judged."""
    recipe: Recipe
    precision: str
    """`fp32`, `bf16` or `fp16`: what the judged model computed in."""
    task: Task
    labels: tuple[str, ...] = ()
    """The classes, where labels are chosen."""
    objections: tuple[Objection, ...] = ()
    """In spite of which it is shipped."""

    @property
    def reference(self) -> str:
        """The base as the recipe names it."""
        return self.recipe.model.base

    @property
    def sampling(self) -> Sampling:
        """How the judged model's answers were drawn."""
        return decoding_of(self.recipe.evaluate.decoding, self.base, self.recipe.seed)

    @property
    def is_base_changed(self) -> bool:
        """Whether the recipe changes the base before it is trained, so that nobody else has what an adapter needs."""
        return not self.recipe.model.changes.is_none

    @cached_property
    def shown_recipe(self) -> str:
        """The resolved recipe as YAML; how the model is served is no part of it."""
        return dump_recipe(as_shipped(self.recipe))

    def identity(self) -> Identity:
        """The recipe's name and the texts of the card are part of the bundle, and so decide it as the forms do."""
        inputs = {
            "model": self.model.key,
            "base": self.base.content_hash,
            "template": self.chat.fingerprint,
            "dataset": self.dataset.key,
            "scorecard": "" if self.scorecard is None else self.scorecard.key,
            "recipe": recipe_hash(self.recipe),
        }
        section = {
            **self.recipe.export.model_dump(mode="json"),
            "precision": self.precision,
            "objections": [each.model_dump(mode="json") for each in self.objections],
        }
        libraries = (*LIBRARIES, *((INT8_LIBRARY,) if "int8" in (self.recipe.export.forms or ()) else ()))
        return Identity(KIND, VERSION, inputs, section, self.recipe.seed, library_versions(*libraries))

    def forms(self) -> tuple[FormName, ...]:
        """The forms of the section; where it leaves them open, those of `adapter` and `merged` that there can be.

        Raises TunesmithError `form-adapter`, `form-base`, `form-virtual` for a form that the model cannot have, and
        what `refuse_form` raises.
        """
        method, asked = self.model.training()["method"], self.recipe.export.forms
        has_adapter = self.model.form == "adapter" and not self.is_base_changed
        if asked is None:
            return (*(("adapter",) if has_adapter else ()), *(() if method in VIRTUAL else ("merged",)))
        names = tuple(dict.fromkeys(asked))
        place = Place("recipe", field="export.forms")
        if "adapter" in names and not has_adapter:
            raise TunesmithError("form-base" if self.is_base_changed else "form-adapter", place=place)
        whole = [name for name in names if name != "adapter"]
        if whole and method in VIRTUAL:
            raise TunesmithError("form-virtual", place=place, form=whole[0], method=method)
        for name in names:
            refuse_form(name, self.base)
        return names

    def body(self, forms: Sequence[Form]) -> BundleBody:
        model, base = self.recipe.model, self.base
        return BundleBody(
            name=self.recipe.name,
            arm=self.recipe.export.arm,
            task=self.task,
            labels=list(self.labels),
            precision=self.precision,
            prompt_style=model.prompt_style,
            base=BaseOfBundle(
                reference=model.base,
                sha256=base.content_hash,
                model_type=base.model_type,
                revision=model.revision,
                four_bit=self.model.is_four_bit,
            ),
            abstain_below=self._abstain_below(),
            tuned_model=self.model.key,
            dataset=self.dataset.key,
            scorecard=None if self.scorecard is None else self.scorecard.key,
            forms=list(forms),
            objections=list(self.objections),
        )

    def _abstain_below(self) -> float | None:
        tables = {} if self.scorecard is None else self.scorecard.body.calibration.get(self.recipe.export.arm, {})
        mending = tables["label"].mending if "label" in tables else None
        return None if mending is None or mending.abstain is None else mending.abstain.confidence


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


def objections_to(scorecard: Scorecard, arm: str) -> tuple[Objection, ...]:
    """What a scorecard says against shipping an arm: a verdict *worse*, disallowed requests that the base refuses and
    the arm answers, and losses beyond the recipe's limit.

    Raises TunesmithError `export-not-compared` where it has no verdict on the arm.
    """
    body = scorecard.body
    if arm not in {verdict.arm for verdict in body.verdicts}:
        raise TunesmithError("export-not-compared", place=Place("recipe", field="evaluate.arms"), arm=arm)
    found = [
        Objection(code="verdict", suite="test")
        for verdict in body.verdicts
        if (verdict.arm, verdict.word) == (arm, "worse")
    ]
    changes = (safety.change for safety in body.safety)
    found += [
        Objection(code="safety", suite=change.suite)
        for change in changes
        if (change.arm, change.metric) == (arm, REFUSED) and change.worse
    ]
    # the verdict's own rule: the whole interval is a loss, and its middle lies beyond the limit
    found += [
        Objection(code="loss", suite=loss.suite)
        for loss in body.forgetting
        if loss.arm == arm and loss.difference.high < 0 and loss.difference.mean < -body.max_loss
    ]
    return tuple(found)
