"""What is judged on what, and the identity of what comes of it; without torch, so that finding a scorecard is quick."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

from tunesmith.artifacts import Dataset, DatasetReport, Identity, TunedModel, hash_folder, library_versions
from tunesmith.artifacts.folder import hash_file
from tunesmith.artifacts.scorecard import KIND, Task
from tunesmith.chat import Chat
from tunesmith.errors import Place, TunesmithError
from tunesmith.evaluate.harness_tasks import harness_inputs
from tunesmith.evaluate.items import GENERAL_FILE, SAFETY_FILE
from tunesmith.evaluate.kinds import require_kinds
from tunesmith.metrics.registry import require_fit
from tunesmith.metrics.scorers import hashes, scorers
from tunesmith.model.base import Base, model_folder
from tunesmith.recipe import Evaluate
from tunesmith.recipe.metrics import AnyMetric, BertScore

VERSION: Final = 10
CHANGED: Final = "base_changed"
"""The arm that is the base after the recipe's changes, before it is trained."""


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
    split: Literal["test", "validation"] = "test"
    """The rows that are asked: those of validation where a choice is still to be made."""

    def untuned(self) -> dict[str, Base]:
        """The bases that are asked as they are, by arm; an encoder says nothing before it has a head."""
        if self.base.is_encoder:
            return {}
        untuned = {"base": self.base}
        if self.trained_base is not None and CHANGED in self.section.arms:
            untuned[CHANGED] = self.trained_base
        return untuned

    def base_of(self, model: TunedModel | None) -> Base:
        """What a model was trained from; the base for None."""
        if model is None or self.trained_base is None:
            return self.base
        return self.trained_base if model.manifest.inputs["base"] == self.trained_base.content_hash else self.base

    def identity(self) -> Identity:
        general, safety = ((files("tunesmith.evaluate") / name).read_bytes() for name in (GENERAL_FILE, SAFETY_FILE))
        inputs = {
            "dataset": self.dataset.key,
            "base": self.base.content_hash,
            "template": self.chat.fingerprint,
            "general": hashlib.sha256(general).hexdigest(),
            "safety": hashlib.sha256(safety).hexdigest(),
            **{f"suite.{name}": hash_file(Path(file)) for name, file in self.section.suites.items()},
            **{f"model.{name}": model.key for name, model in self.models.items()},
            **metric_hashes(self.section.metrics),
            **(harness_inputs(self.section.harness) if self.section.harness else {}),
        }
        if self.split != "test":
            inputs["split"] = self.split
        libraries = library_versions("torch", "transformers", "tokenizers", "numpy", "scikit-learn", "sacrebleu")
        section = {**self.section.model_dump(mode="json"), "precision": self.precision}
        return Identity(KIND, VERSION, inputs, section, self.seed, libraries)


def task_of(report: DatasetReport, *, predicts_numbers: bool) -> Task:
    """What the rows ask for; numbers are asked for where a model is trained to predict them."""
    if predicts_numbers:
        return "numbers"
    return "documents" if any(source.format == "text" for source in report.sources) else report.task


def check_metrics(section: Evaluate, task: Task, report: DatasetReport) -> None:
    """Refuse, before anything is trained, metrics and confidences that do not fit the rows, and metrics whose files are
    not there.

    Raises TunesmithError: what `require_fit`, `require_kinds`, `scorers` and `encoder_folder` raise.
    """
    require_kinds(section, task)
    require_fit(section.metric, section.metrics, task, has_thinking=report.reasoning.present > 0)
    scorers(section.metrics)
    for metric in section.metrics:
        if isinstance(metric, BertScore):
            encoder_folder(metric)


def encoder_folder(metric: BertScore) -> Path:
    """Where the encoder lies. Raises TunesmithError `encoder-layer`, and what `model_folder` raises."""
    folder = model_folder(metric.model, metric.revision)
    file = folder / "config.json"
    layers = json.loads(file.read_bytes()).get("num_hidden_layers") if file.is_file() else None
    if metric.layer is not None and layers is not None and metric.layer > layers:
        raise TunesmithError("encoder-layer", place=Place(str(file)), layer=metric.layer, layers=layers)
    return folder


def metric_hashes(metrics: Sequence[AnyMetric]) -> dict[str, str]:
    """What decides, beside the recipe, what metrics give."""
    found = hashes(metrics)
    for metric in metrics:
        if isinstance(metric, BertScore):
            found["metric.bertscore"] = hash_folder(encoder_folder(metric))
    return found
