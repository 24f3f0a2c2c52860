"""The plan stage: what a training will do, every derived value with its reason, before any weight is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from tunesmith.artifacts import Dataset, Identity, Plan, publish
from tunesmith.artifacts.plan import BODY, KIND, Choice, PlanBody
from tunesmith.artifacts.prediction import BODY as PREDICTION_BODY
from tunesmith.artifacts.prediction import KIND as PREDICTION
from tunesmith.artifacts.prediction import Prediction, PredictionBody
from tunesmith.chat import Chat
from tunesmith.chat.cache import rendered_rows
from tunesmith.chat.subset import nested_rows
from tunesmith.chat.taught import classes_of
from tunesmith.errors import Phrase, TunesmithError
from tunesmith.model.base import Base
from tunesmith.plan.geometry import geometry_of
from tunesmith.plan.memory import MICRO_BATCH_TOKENS
from tunesmith.plan.method import Question, Trial, advise, to_try
from tunesmith.plan.predict import Workload, changes_that_fit
from tunesmith.plan.steps import MakeSampler, num_steps_of
from tunesmith.recipe import AUTO_METHODS, Auto, Classification, Evaluate, Method, Regression, Train
from tunesmith.records import SPLITS
from tunesmith.runtime import Progress, Runtime

VERSION: Final = 5
PREDICTION_VERSION: Final = 6
"""Of the prediction, which changes no training."""
FULL_RATE: Final = 2e-5
"""A customary peak rate for full fine-tuning of a model of REFERENCE_HIDDEN hidden units; narrower models take more."""
REFERENCE_HIDDEN: Final = 1536
RATE_FACTORS: Final = {"full": 1.0, "freeze": 1.0, "lora": 10.0, "qlora": 10.0, "prompt": 200.0, "prefix": 400.0}
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
    evaluate: Evaluate
    make_sampler: MakeSampler
    """How training will draw the rows of a step."""
    seed: int
    runtime: Runtime
    teacher: Base | None = None
    """The model that a distillation learns from."""
    untuned: Base | None = None
    """What is judged untuned, where `base` was made of it by the recipe's changes."""
    trials: Sequence[Trial] = ()
    """Of the methods that `auto` may choose from."""

    @cached_property
    def work(self) -> Workload:
        """All that a prediction is made from; the rows are read when it is first asked for."""
        objective = self.section.objective
        train, validation, test = (
            rendered_rows(self.dataset, split, self.chat, objective, self.runtime.cache) for split in SPLITS
        )
        return Workload(
            geometry=geometry_of(self.base, has_own_head=isinstance(objective, Classification | Regression)),
            train=nested_rows(train, self.section.max_rows, self.seed),
            validation=validation,
            test=test,
            evaluate=self.evaluate,
            seed=self.seed,
            device=self.runtime.device,
            make_sampler=self.make_sampler,
            num_outputs=_num_outputs(self),
            teacher=None if self.teacher is None else geometry_of(self.teacher),
            untuned=None if self.untuned is None else geometry_of(self.untuned),
        )

    def identity(self) -> Identity:
        inputs = {"dataset": self.dataset.key, "base": self.base.content_hash, "template": self.chat.fingerprint}
        section = self.section.model_dump(mode="json", exclude={"start"})  # it changes no count
        machine = {"device": self.runtime.device, "bf16": str(self.runtime.has_bf16_products)}
        return Identity(KIND, VERSION, inputs, section, self.seed, machine)

    def prediction_identity(self, plan: Plan) -> Identity:
        section = self.evaluate.model_dump(mode="json")
        inputs, machine = {"plan": plan.key}, {"device": self.runtime.device}
        return Identity(PREDICTION, PREDICTION_VERSION, inputs, section, self.seed, machine)


def plan(planning: Planning, *, progress: Progress, out: Path) -> Plan:
    """Count tokens and steps, derive what the recipe leaves open, and warn of what will disappoint.

    Raises TunesmithError `no-training-rows`.
    """
    work = planning.work
    if not work.train:
        kept = planning.dataset.report().splits
        raise TunesmithError("no-training-rows", validation=kept["validation"], test=kept["test"])
    _, body = plan_body(planning)
    if body.num_steps < FEW_STEPS:
        progress.say("say.few-steps", "warning", steps=body.num_steps, rows=len(work.train))
    with publish(out, planning.identity()) as staging:
        (staging / BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
    return Plan.open(out)


def predict(planning: Planning, plan: Plan, *, out: Path) -> Prediction:
    """Say what the planned training will need. Imports torch, for the layout of its steps."""
    section = resolved(planning.section, plan)
    body = planning.work.prediction(section, plan.body.precision)
    with publish(out, planning.prediction_identity(plan)) as staging:
        (staging / PREDICTION_BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
    return Prediction.open(out)


def _num_outputs(planning: Planning) -> int:
    """Of the head that classification and regression train beside the model; 0 where there is none."""
    objective = planning.section.objective
    if isinstance(objective, Classification):
        return len(classes_of(planning.dataset))
    return 1 if isinstance(objective, Regression) else 0


def methods_to_try(planning: Planning) -> tuple[list[Method], int]:
    """The methods that are worth a trial before `auto` is decided, and the steps of each; maybe none. Imports torch."""
    return to_try(_question(planning))


def resolved(section: Train, plan: Plan) -> Train:
    """The section with the method that the plan chose, where it was left to the plan."""
    if not isinstance(section.method, Auto):
        return section
    return section.model_copy(update={"method": AUTO_METHODS[plan.body.method]()})


def require_room(planning: Planning, plan: Plan, prediction: PredictionBody) -> None:
    """Refuse what cannot fit, naming changes that would. Raises TunesmithError `too-little-memory`."""
    runtime = planning.runtime
    needed, there = prediction.peak_bytes, runtime.memory_bytes
    if there is None:
        return
    if runtime.device == "cpu":  # processes beside each other share it
        there //= runtime.world_size
    if needed <= there:
        return
    found = changes_that_fit(planning.work, resolved(planning.section, plan), plan.body.precision, there)
    changes = "; ".join(f"{change} ({change.peak_bytes / 1e9:.1f} GB)" for change in found)
    phase = max(prediction.peaks.items(), key=lambda item: item[1])[0]
    raise TunesmithError(
        "too-little-memory" if found else "too-little-memory-for-all",
        name=planning.name,
        phase=Phrase(f"plan.phase.{phase}"),
        needed=f"{needed / 1e9:.1f}",
        there=f"{there / 1e9:.1f}",
        changes=changes,
    )


def plan_body(planning: Planning) -> tuple[Train, PlanBody]:
    """The section with its method chosen, and everything that the recipe leaves open."""
    section, work, runtime = planning.section, planning.work, planning.runtime
    rows = work.train
    num_steps = num_steps_of(rows, section)
    choices: list[Choice] = []
    precision = _precision(section, runtime)
    if section.precision == "auto":
        choices.append(_choice("precision", precision, device=runtime.device))
    if isinstance(section.method, Auto):
        advice = advise(_question(planning), planning.trials)
        choices.append(
            Choice(name="method", value=advice.method.name, reason=advice.reason, parameters=advice.parameters)
        )
        section = section.model_copy(update={"method": advice.method})
    rate = section.learning_rate
    if rate is None:
        rate = _derived_rate(section.method, planning.base, choices)
    if section.share_prefixes and not section.shares_prefixes:
        choices.append(_choice("share_prefixes", "false", dropout=section.attention_dropout))
    has_validation = any(row.num_supervised for row in work.validation)
    computation = work.computation(section, precision)
    every = section.evaluate_every or max(1, num_steps // NUM_VALIDATIONS)
    if section.evaluate_every is None and has_validation:
        choices.append(_choice("evaluate_every", every, times=NUM_VALIDATIONS))
    tokens = computation.micro_batch_tokens
    fewest, most = MICRO_BATCH_TOKENS
    if section.micro_batch_tokens is None and tokens < most:
        choices.append(_choice("micro_batch_tokens", tokens, least=fewest))
    return section, PlanBody(
        method=section.method.name,
        learning_rate=rate,
        precision=precision,
        num_steps=num_steps,
        evaluate_every=every,
        checkpoint_every=section.checkpoint_every or every,
        micro_batch_tokens=tokens,
        num_parameters=computation.geometry.num_parameters,
        num_trainable=computation.num_trained,
        num_train_rows=len(rows),
        num_train_tokens=sum(row.repeats * len(row.ids_T) for row in rows),
        num_supervised_tokens=sum(row.repeats * row.num_supervised for row in rows),
        longest_row_tokens=max(len(row.ids_T) for row in rows),
        choices=choices,
    )


def _derived_rate(method: Method, base: Base, choices: list[Choice]) -> float:
    hidden = int(base.config["hidden_size"])
    rate = float(f"{FULL_RATE * RATE_FACTORS[method.name] * REFERENCE_HIDDEN / hidden:.2g}")
    choices.append(_choice("learning_rate", rate, method=method.name, hidden=hidden))
    return rate


def _precision(section: Train, runtime: Runtime) -> str:
    derived = "bf16" if runtime.has_bf16_products else "fp32"
    return derived if section.precision == "auto" else section.precision


def _question(planning: Planning) -> Question:
    precision = _precision(planning.section, planning.runtime)
    return Question(planning.work, planning.base, planning.section, precision, planning.runtime.memory_bytes)


def _choice(name: str, value: str | int | float, **parameters: str | int | float) -> Choice:
    return Choice(name=name, value=value, reason=f"plan.reason.{name}", parameters=parameters)
