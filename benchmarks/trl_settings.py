"""TRL at its best: a search through its own options, each kept when it makes the steps faster."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.process import REPOSITORY, Worker
from benchmarks.training_job import TakenStep, TrainingJob

TRL_WORKER: Final = REPOSITORY / "benchmarks" / "peers" / "trl" / "worker.py"
DEFAULTS: Final = "defaults"
NUM_WARMUP: Final = 2
NUM_STEPS: Final = 2
MIN_GAIN: Final = 1.02
"""An option is kept when it makes the steps faster by this factor; less is noise."""


@dataclass(frozen=True)
class Option:
    """Fields of SFTConfig that go together. `model_init_kwargs` are added to those already there."""

    name: str
    settings: Mapping[str, Any]
    precisions: tuple[str, ...] = ("fp32", "bf16")
    keeps_rows: bool = True
    """Whether step n still trains on the n-th rows."""


@dataclass(frozen=True)
class Trial:
    """A few steps with some settings. Rates are of real tokens; a failed trial has rate 0 and says why."""

    name: str
    settings: Mapping[str, Any]
    keeps_rows: bool
    tokens_per_second: float = 0.0
    peak_bytes: int = 0
    first_loss: float = float("nan")
    step_seconds: tuple[float, ...] = ()
    failure: str = ""
    is_kept: bool = False


@dataclass(frozen=True)
class Sweep:
    """Every trial in the order they were made."""

    trials: tuple[Trial, ...] = field(default_factory=tuple)

    @property
    def best(self) -> Trial:
        """The fastest; of none that worked, the defaults."""
        return max(self.trials, key=lambda trial: trial.tokens_per_second)

    def finalists(self, number: int) -> list[Trial]:
        """The fastest, best first."""
        worked = [trial for trial in self.trials if not trial.failure]
        return sorted(worked, key=lambda trial: -trial.tokens_per_second)[:number]

    def record(self) -> list[dict[str, Any]]:
        return [asdict(trial) for trial in self.trials]


def options_for(job: TrainingJob, max_row_tokens: int) -> list[Option]:
    """What TRL offers on a CPU, what gains most tried first. Liger's kernels and flash attention need a GPU."""
    whole_step = job.rows_per_step * max_row_tokens
    return [
        Option("no recomputation", {"gradient_checkpointing": False}),
        Option("weights in bf16", {"model_init_kwargs": {"dtype": "bfloat16"}}, ("bf16",)),
        Option("no autocast", {"bf16": False, "model_init_kwargs": {"dtype": "bfloat16"}}, ("bf16",)),
        Option("padding-free", {"padding_free": True, "max_length": None}),
        Option(
            "packed",
            {"packing": True, "padding_free": False, "max_length": whole_step, "per_device_train_batch_size": 1},
            keeps_rows=False,
        ),
        Option(
            "packed to one row's length",
            {"packing": True, "padding_free": False, "max_length": max_row_tokens},
            keeps_rows=False,
        ),
        Option("like lengths together", {"train_sampling_strategy": "group_by_length"}, keeps_rows=False),
        Option("padded to multiples of 64", {"pad_to_multiple_of": 64}),
        Option("eager attention", {"model_init_kwargs": {"attn_implementation": "eager"}}),
        Option("compiled", {"torch_compile": True}),
    ]


def sweep(command: tuple[str, ...], job: TrainingJob, options: Sequence[Option], logs: Path, seconds: float) -> Sweep:
    """Try each option on top of the best so far. A trial may take `seconds`; one that fails says why."""
    best = _try(command, job, Trial(DEFAULTS, {}, keeps_rows=True), logs, seconds)
    trials = [replace(best, is_kept=True)]
    for option in options:
        if job.precision not in option.precisions:
            continue
        candidate = Trial(option.name, merged(best.settings, option.settings), best.keeps_rows and option.keeps_rows)
        trial = _try(command, job, candidate, logs, seconds)
        if trial.tokens_per_second > best.tokens_per_second * MIN_GAIN:
            best = trial = replace(trial, is_kept=True)
        trials.append(trial)
    return Sweep(tuple(trials))


def repeat(command: tuple[str, ...], job: TrainingJob, trials: Sequence[Trial], logs: Path, seconds: float) -> Sweep:
    """Settings found elsewhere, best first, tried on another job up to the first that works there."""
    made: list[Trial] = []
    for trial in trials:
        made.append(_try(command, job, trial, logs, seconds))
        if not made[-1].failure:
            break
    return Sweep(tuple(made))


def recorded(file: Path, made_for: Mapping[str, Any], search: Callable[[], Sweep]) -> Sweep:
    """The trials of a search, from `file` where it was `made_for` the same; made and written there otherwise.

    A search costs tens of minutes and only picks settings: those it picks are timed anew beside ours.
    """
    if file.is_file():
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["made_for"] == made_for:
            return Sweep(tuple(_read_trial(trial) for trial in found["trials"]))
    made = search()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"made_for": made_for, "trials": made.record()}, indent=1), encoding="utf-8")
    return made


def merged(settings: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """`more` over `settings`, one level deep for what is itself a mapping."""
    result = dict(settings)
    for name, value in more.items():
        result[name] = {**result.get(name, {}), **value} if isinstance(value, Mapping) else value
    return result


def _read_trial(values: Mapping[str, Any]) -> Trial:
    return Trial(**{**values, "step_seconds": tuple(values["step_seconds"])})


def _try(command: tuple[str, ...], job: TrainingJob, trial: Trial, logs: Path, seconds: float) -> Trial:
    num_steps = NUM_WARMUP + NUM_STEPS
    tried = replace(job, settings=trial.settings, max_steps=num_steps)
    log = logs / "logs" / f"sweep-{trial.name.replace(' ', '-')}.log"
    try:
        with Worker(command, tried, log, seconds) as worker:
            steps = [worker.step() for _ in range(num_steps)]
    except RuntimeError as error:
        reason = [line for line in str(error).splitlines() if line.strip()][-1]
        return replace(trial, failure=reason[:200])
    timed: list[TakenStep] = steps[NUM_WARMUP:]
    return replace(
        trial,
        tokens_per_second=sum(step.num_tokens for step in timed) / sum(step.seconds for step in timed),
        peak_bytes=steps[-1].peak_bytes,
        first_loss=steps[0].loss,
        step_seconds=tuple(step.seconds for step in steps),
    )
