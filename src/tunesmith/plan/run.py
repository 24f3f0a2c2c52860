"""The plan stage: what a training will do, every derived value with its reason, before any weight is loaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tunesmith.artifacts import Dataset, Identity, Plan, publish
from tunesmith.artifacts.plan import BODY, KIND, Choice, PlanBody
from tunesmith.chat import Chat
from tunesmith.chat.cache import rendered_rows
from tunesmith.chat.taught import classes_of
from tunesmith.errors import TunesmithError
from tunesmith.model.base import Base
from tunesmith.model.fits import num_trained, weight_shapes
from tunesmith.recipe import Classification, Regression, Train
from tunesmith.records import Rendered
from tunesmith.runtime import Progress, Runtime

VERSION: Final = 2
FULL_RATE: Final = 2e-5
"""A customary peak rate for full fine-tuning of a model of REFERENCE_HIDDEN hidden units; narrower models take more."""
REFERENCE_HIDDEN: Final = 1536
RATE_FACTORS: Final = {"full": 1.0, "freeze": 1.0, "lora": 10.0, "prompt": 200.0, "prefix": 400.0}
"""Rates over that of full fine-tuning. LoRA wants about ten times (Schulman et al. 2025, "LoRA Without Regret");
embeddings, keys and values, each a number of its own that starts far from 0, hundreds of times."""
NUM_VALIDATIONS: Final = 10
FEW_STEPS: Final = 30


@dataclass(frozen=True)
class Planning:
    """What is planned."""

    name: str
    dataset: Dataset
    base: Base
    chat: Chat
    section: Train
    seed: int

    def identity(self, runtime: Runtime) -> Identity:
        inputs = {"dataset": self.dataset.key, "base": self.base.content_hash, "template": self.chat.fingerprint}
        machine = {"device": runtime.device, "bf16": str(runtime.has_bf16_products)}
        return Identity(KIND, VERSION, inputs, self.section.model_dump(mode="json"), self.seed, machine)


def plan(planning: Planning, *, runtime: Runtime, progress: Progress, out: Path) -> Plan:
    """Count tokens and steps, derive what the recipe leaves open, and warn of what will disappoint.

    Raises TunesmithError `no-training-rows`.
    """
    section = planning.section
    rows = rendered_rows(planning.dataset, "train", planning.chat, section.objective, runtime.cache)
    validation = rendered_rows(planning.dataset, "validation", planning.chat, section.objective, runtime.cache)
    if not rows:
        kept = planning.dataset.report().splits
        raise TunesmithError("no-training-rows", validation=kept["validation"], test=kept["test"])
    body = _body(planning, rows, any(row.num_supervised for row in validation), runtime)
    if body.num_steps < FEW_STEPS:
        progress.say("say.few-steps", "warning", steps=body.num_steps, rows=len(rows))
    with publish(out, planning.identity(runtime)) as staging:
        (staging / BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
    return Plan.open(out)


def _body(planning: Planning, rows: Sequence[Rendered], has_validation: bool, runtime: Runtime) -> PlanBody:
    section = planning.section
    shapes = weight_shapes(planning.base.folder)
    num_parameters = sum(math.prod(shape) for shape in shapes.values())
    num_visits = sum(row.repeats for row in rows)
    num_steps = math.ceil(math.ceil(num_visits / section.batch_rows) * section.epochs)
    if section.max_steps is not None:
        num_steps = min(num_steps, section.max_steps)
    choices: list[Choice] = []
    rate = section.learning_rate or _derived_rate(planning, choices)
    precision = section.precision if section.precision != "auto" else _derived_precision(runtime, choices)
    every = section.evaluate_every or max(1, num_steps // NUM_VALIDATIONS)
    if section.evaluate_every is None and has_validation:
        choices.append(_choice("evaluate_every", every, times=NUM_VALIDATIONS))
    return PlanBody(
        method=section.method.name,
        learning_rate=rate,
        precision=precision,
        num_steps=num_steps,
        evaluate_every=every,
        checkpoint_every=section.checkpoint_every or every,
        num_parameters=num_parameters,
        num_trainable=num_trained(shapes, section.method, _hidden_size(planning)) + _num_in_head(planning),
        num_train_rows=len(rows),
        num_train_tokens=sum(row.repeats * len(row.ids_T) for row in rows),
        num_supervised_tokens=sum(row.repeats * row.num_supervised for row in rows),
        longest_row_tokens=max(len(row.ids_T) for row in rows),
        choices=choices,
    )


def _derived_rate(planning: Planning, choices: list[Choice]) -> float:
    hidden, method = _hidden_size(planning), planning.section.method
    rate = float(f"{FULL_RATE * RATE_FACTORS[method.name] * REFERENCE_HIDDEN / hidden:.2g}")
    choices.append(_choice("learning_rate", rate, method=method.name, hidden=hidden))
    return rate


def _derived_precision(runtime: Runtime, choices: list[Choice]) -> str:
    precision = "bf16" if runtime.has_bf16_products else "fp32"
    choices.append(_choice("precision", precision, device=runtime.device))
    return precision


def _choice(name: str, value: str | int | float, **parameters: str | int | float) -> Choice:
    return Choice(name=name, value=value, reason=f"plan.reason.{name}", parameters=parameters)


def _num_in_head(planning: Planning) -> int:
    """Parameters of the head that classification and regression train beside the model."""
    objective = planning.section.objective
    if not isinstance(objective, Classification | Regression):
        return 0
    num_outputs = len(classes_of(planning.dataset)) if isinstance(objective, Classification) else 1
    return num_outputs * _hidden_size(planning)


def _hidden_size(planning: Planning) -> int:
    return int(planning.base.config["hidden_size"])
