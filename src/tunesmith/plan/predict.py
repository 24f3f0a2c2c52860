"""What a training will need, from rows, headers and settings alone, and the changes that would make it fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any, Final

import numpy as np

from tunesmith.artifacts.prediction import PredictionBody
from tunesmith.model.base import DENSE_TYPES
from tunesmith.plan.geometry import Geometry
from tunesmith.plan.memory import Computation, Terms, disk_bytes, evaluate_terms, load_terms, save_terms, train_terms
from tunesmith.plan.steps import (
    MakeSampler,
    StepShapes,
    batch_shapes,
    fuses_attention,
    has_flash_attention,
    num_steps_of,
    step_shapes,
)
from tunesmith.plan.together import group_peaks
from tunesmith.plan.work import step_operations, validation_operations
from tunesmith.recipe import DistillText, Evaluate, Full, Lora, Train, is_four_bit
from tunesmith.recipe.optimizers import AdamW, Muon
from tunesmith.records import Rendered

SMALLEST_MICRO_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Costs:
    """Operations of a training's parts."""

    step_mean: float
    validation: float
    """Of one validation."""
    to_probe: tuple[tuple[int, float], ...]
    """(step, operations) of at most three steps: a middling one first, a small one and a large one."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Rows, settings and machine: all that a prediction is made from."""

    geometry: Geometry
    train: Sequence[Rendered]
    validation: Sequence[Rendered]
    test: Sequence[Rendered]
    evaluate: Evaluate
    seed: int
    device: str
    make_sampler: MakeSampler
    num_outputs: int = 0
    """Of a head in place of the language model's; 0 where there is none."""
    teacher: Geometry | None = None
    untuned: Geometry | None = None
    """Of the base that is judged beside the tuned model, where the recipe trains another one made of it."""

    def computation(self, section: Train, precision: str) -> Computation:
        return Computation(self.geometry, section, precision, self.device, self.num_outputs, self.teacher)

    def prediction(self, section: Train, precision: str) -> PredictionBody:
        """Peak memory of each phase, disk and computed tokens. Imports torch."""
        job = self.computation(section, precision)
        steps = self._steps(job)
        memory = {
            "load": self._load_terms(job),
            "train": train_terms(job, steps),
            "save": save_terms(job, steps),
        }
        if self.test:
            memory["evaluate"] = self._evaluate_terms(job)
        return PredictionBody.model_validate(
            {
                "device": self.device,
                "memory": memory,
                "disk_bytes": disk_bytes(job),
                "together": group_peaks(job, steps),
                "computed_tokens": round(steps.num_tokens_mean * num_steps_of(self.train, section)),
            }
        )

    def costs(self, section: Train, precision: str) -> Costs:
        """Operations of steps and validation, and which steps tell most of the others. Imports torch."""
        job = self.computation(section, precision)
        steps = self._steps(job)
        spread = sorted(
            ((step, step_operations(job, batches)) for step, batches in steps.spread.items()), key=lambda cost: cost[1]
        )
        last = len(spread) - 1
        middle, small, large = last // 2, last // 4, (3 * last + 3) // 4
        places = list(dict.fromkeys((middle, small, large)))
        return Costs(
            step_mean=float(np.mean([operations for _, operations in spread])),
            validation=validation_operations(job, steps.validation),
            to_probe=tuple(spread[place] for place in places),
        )

    def _evaluate_terms(self, job: Computation) -> Terms:
        """Of the larger one where two bases are judged, one after the other."""
        lengths, longest = [len(row.ids_T) for row in self.test], self.evaluate.decoding.max_new_tokens
        judged = [job] if self.untuned is None else [job, replace(job, geometry=self.untuned)]
        found = [evaluate_terms(each, lengths, self._prompts(), longest) for each in judged]
        return max(found, key=lambda terms: sum(terms.values()))

    def _load_terms(self, job: Computation) -> Terms:
        """A teacher of probabilities is loaded before the model; one that writes is gone again."""
        loaded = load_terms(job) | {"teacher": job.taught_bytes}
        objective = job.section.objective
        if self.teacher is None or not isinstance(objective, DistillText):
            return loaded
        written = Computation(self.teacher, Train(method=Full()), job.precision, job.device)
        lengths = [len(row.ids_T) for row in self.train]
        prompts = [len(row.ids_T) - row.num_supervised for row in self.train]
        writing = evaluate_terms(written, lengths, prompts, objective.max_new_tokens)
        return max(loaded, writing, key=lambda terms: sum(terms.values()))

    def _steps(self, job: Computation) -> StepShapes:
        section, precision = job.section, job.precision
        shapes_of = partial(
            batch_shapes,
            section=section,
            max_tokens=job.micro_batch_tokens,
            is_fused=fuses_attention(self.geometry, self.device),
            is_flash=has_flash_attention(self.geometry, self.device, precision),
            is_causal=not self.geometry.is_encoder,
        )
        return step_shapes(self.train, self.validation, section, self.seed, self.make_sampler, shapes_of)

    def _prompts(self) -> list[int]:
        """Tokens of the prompts that are answered; with the rows shown before them where an arm shows any."""
        prompts = [len(row.ids_T) - row.num_supervised for row in self.test]
        if "base_few_shot" not in self.evaluate.arms:
            return prompts
        # the rows that are shown come from the shorter half
        shown = float(np.quantile([len(row.ids_T) for row in self.train], 0.25)) * self.evaluate.few_shot.num
        return [prompt + round(shown) for prompt in prompts]


@dataclass(frozen=True, slots=True)
class Change:
    """Settings of `train` by which a job would need less."""

    settings: dict[str, str | int]
    peak_bytes: int

    def __str__(self) -> str:
        return " ".join(f"train.{name}={value}" for name, value in self.settings.items())


def changes_that_fit(work: Workload, section: Train, precision: str, limit_bytes: int) -> list[Change]:
    """The fewest changes that bring the predicted peak under the limit, each verified by prediction; may be empty."""
    single = list(_less(work, section, precision))
    for num in range(1, len(single) + 1):
        found = []
        for chosen in combinations(single, num):
            settings = {name: value for change in chosen for name, value in change.items()}
            peak = work.prediction(*_changed(section, precision, settings)).peak_bytes
            if peak <= limit_bytes:
                found.append(Change(settings, peak))
        if found:
            return found
    return []


def _less(work: Workload, section: Train, precision: str) -> Iterator[dict[str, str | int]]:
    """Changes that need less memory, by what they cost the result: nothing, rounding, another method."""
    longest = max(len(row.ids_T) for row in work.train)
    smallest = max(longest, SMALLEST_MICRO_BATCH)
    if work.computation(section, precision).micro_batch_tokens > smallest:
        yield {"micro_batch_tokens": smallest}
    if precision == "fp32":
        yield {"precision": "bf16"}
    method, is_dense = section.method, work.geometry.model_type in DENSE_TYPES
    if isinstance(method, Full):
        # Muon goes with `full` alone
        other: dict[str, str | int] = {"optimizer": "adamw"} if isinstance(section.optimizer, Muon) else {}
        yield {"method": "lora", **other}
        if is_dense:
            yield {"method": "qlora", **other}
    elif isinstance(method, Lora) and not is_four_bit(method) and is_dense:
        yield {"method.name": "qlora"}


def _changed(section: Train, precision: str, settings: dict[str, str | int]) -> tuple[Train, str]:
    updates: dict[str, Any] = dict(settings)
    if "optimizer" in updates:
        updates["optimizer"] = AdamW()
    if "method" in updates:
        updates["method"] = Lora(name=updates["method"])
    if "method.name" in updates:
        updates["method"] = section.method.model_copy(update={"name": updates.pop("method.name")})
    return section.model_copy(update=updates), str(settings.get("precision", precision))
