"""The study on disk, `study.json` in its run's folder: what was tried, how far each trial went, and which was best."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

from tunesmith.artifacts.figures import Estimate, Record
from tunesmith.artifacts.folder import write_whole

FILE: Final = "study.json"
BEST: Final = "best.yaml"
PAGE: Final = "study.html"

Confirmation = Literal["confirmed", "within_error", "missed"]
"""Of a goal on the test rows: the whole interval reaches it; the figure does, and not its whole interval; neither."""


class StudyTrial(Record):
    """One trial."""

    number: int
    bracket: int
    settings: dict[str, Any]
    """By dotted key, as it would stand in the recipe."""
    state: Literal["running", "complete", "pruned", "failed"]
    """`running` where the study was stopped before the trial was done."""
    num_steps: int | None
    """Optimiser steps of the whole training; None where it could not be planned."""
    num_taken: int
    values: list[tuple[float, float]]
    """At each rung, the share of its steps that the trial had taken, and the validation metric."""
    problem: str | None = None
    """Why it failed."""


class Importance(Record):
    """How much of the differences between trials each setting explains (fANOVA), in shares that make 1."""

    shares: dict[str, float]
    num_trials: int
    """Trials that it was computed from, all judged after the same share of their steps."""
    at: float
    """That share."""
    is_few: bool
    """Whether so few trials say little."""


class Sought(Record):
    """A goal, and how near the validation rows came to it."""

    goal: str
    metric: str
    validation: Estimate
    """Of the chosen model."""
    test: Estimate
    is_reached: bool
    """On the validation rows."""
    confirmation: Confirmation | None = None
    """None where the goal was not reached, so that there was nothing to confirm."""


class Judged(Record):
    """The chosen recipe's own run, the only one that asked the test rows."""

    run: str
    report: str
    word: str
    """The verdict."""
    metric: str
    test: Estimate
    base: Estimate | None
    """The same of the untuned model, where there is one."""


class StudyBody(Record):
    """What `study.json` holds."""

    version: Literal[1] = 1
    name: str
    """Of the recipe."""
    method: str
    metric: str
    """The validation metric by which trials were compared."""
    higher_is_better: bool
    by: Literal["grid", "random", "tpe"]
    halving: int | None
    seed: int
    space: dict[str, Any]
    trials: list[StudyTrial]
    ranking: list[int]
    """Trials that were measured: those that went furthest first, among them the better ones first."""
    num_steps: int
    """Optimiser steps of all trials together."""
    full_trials: float
    """The same in trainings to the end."""
    is_done: bool
    """False where time was over before all trials were; the same command goes on."""
    importance: Importance | None = None
    """None where fewer than two trials can be compared, or nothing differs."""
    sought: Sought | None = None
    judged: Judged | None = None

    @property
    def best(self) -> StudyTrial:
        return next(trial for trial in self.trials if trial.number == self.ranking[0])


def write_study(folder: Path, body: StudyBody) -> None:
    write_whole(folder / FILE, body.model_dump_json(indent=1).encode())
