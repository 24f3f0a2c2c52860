"""The plan stage: what a training will do, every derived value with its reason, before any weight is loaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from safetensors import safe_open

from tunesmith.artifacts import Dataset, Identity, Plan, publish
from tunesmith.artifacts.plan import BODY, KIND, Choice, PlanBody
from tunesmith.chat import Chat
from tunesmith.chat.cache import rendered_rows
from tunesmith.chat.taught import classes_of
from tunesmith.errors import TunesmithError
from tunesmith.model.base import Base
from tunesmith.recipe import Classification, Lora, Regression, Train
from tunesmith.records import Rendered
from tunesmith.runtime import Progress, Runtime

VERSION: Final = 2
FULL_RATE: Final = 2e-5
"""A customary peak rate for full fine-tuning of a model of REFERENCE_HIDDEN hidden units; narrower models take more."""
REFERENCE_HIDDEN: Final = 1536
LORA_RATE_FACTOR: Final = 10.0
"""LoRA wants about ten times the rate of full fine-tuning (Schulman et al. 2025, "LoRA Without Regret")."""
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
    shapes = _shapes(planning.base.folder)
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
        num_trainable=_num_trainable(section, shapes, num_parameters) + _num_in_head(planning),
        num_train_rows=len(rows),
        num_train_tokens=sum(row.repeats * len(row.ids_T) for row in rows),
        num_supervised_tokens=sum(row.repeats * row.num_supervised for row in rows),
        longest_row_tokens=max(len(row.ids_T) for row in rows),
        choices=choices,
    )


def _derived_rate(planning: Planning, choices: list[Choice]) -> float:
    hidden = int(planning.base.config["hidden_size"])
    method = planning.section.method
    factor = LORA_RATE_FACTOR if isinstance(method, Lora) else 1.0
    rate = float(f"{FULL_RATE * factor * REFERENCE_HIDDEN / hidden:.2g}")
    choices.append(_choice("learning_rate", rate, method=method.name, hidden=hidden))
    return rate


def _derived_precision(runtime: Runtime, choices: list[Choice]) -> str:
    precision = "bf16" if runtime.has_bf16_products else "fp32"
    choices.append(_choice("precision", precision, device=runtime.device))
    return precision


def _choice(name: str, value: str | int | float, **parameters: str | int | float) -> Choice:
    return Choice(name=name, value=value, reason=f"plan.reason.{name}", parameters=parameters)


def _shapes(folder: Path) -> dict[str, list[int]]:
    """Shape of every tensor, from the headers of the weight files."""
    shapes: dict[str, list[int]] = {}
    for file in folder.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as tensors:
            shapes |= {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118
    return shapes


def _num_in_head(planning: Planning) -> int:
    """Parameters of the head that classification and regression train beside the model."""
    objective = planning.section.objective
    if not isinstance(objective, Classification | Regression):
        return 0
    num_outputs = len(classes_of(planning.dataset)) if isinstance(objective, Classification) else 1
    return num_outputs * int(planning.base.config["hidden_size"])


def _num_trainable(section: Train, shapes: dict[str, list[int]], num_parameters: int) -> int:
    method = section.method
    if not isinstance(method, Lora):
        return num_parameters
    body = {name: shape for name, shape in shapes.items() if ".layers." in name and len(shape) == 2}
    if method.targets != ("all-linear",):
        body = {name: shape for name, shape in body.items() if name.split(".")[-2] in method.targets}
    return sum(method.rank * sum(shape) for shape in body.values())
