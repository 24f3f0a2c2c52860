"""Sides of a training comparison taking turns: one step each a round, so that a change of the machine meets them all.

A round counts only when the machine was idle before it; a busy one is void and taken again, up to a limit. Losses and
the first gradient must agree, or nothing counts.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.hardware import busy_cores
from benchmarks.process import Worker
from benchmarks.training_job import TakenStep, TrainingJob

MAX_LOAD: Final = 0.3
"""Busy cores before a round above which it is void. The kernel's load average would count the sides themselves."""
WINDOW_SECONDS: Final = 1.0
"""How long the machine is watched before a round, while all sides wait."""
MAX_WINDOWS: Final = 5
"""How often it is watched before a round is begun all the same."""
MIN_ROUNDS: Final = 3
"""Fewest rounds that give a median."""
MAX_FIRST_DIFFERENCE: Final = {"fp32": 1e-3, "bf16": 1e-2}
"""Largest relative difference of the losses before any update."""
MAX_DIFFERENCE: Final = 2e-2
"""The same at every later step."""
MAX_GRADIENT_DIFFERENCE: Final = {"fp32": 1e-3, "bf16": 5e-2}
"""Largest relative difference of the gradient's norms before any update."""


@dataclass(frozen=True)
class Side:
    """A worker's command and the job it is given."""

    command: tuple[str, ...]
    job: TrainingJob


@dataclass(frozen=True)
class Pacing:
    """How many rounds are taken. `num_rounds` are to count; as many may be void before the run gives up."""

    num_warmup: int
    num_rounds: int
    budget_seconds: float
    """No round begins that would pass it, once MIN_ROUNDS were taken."""
    needs_idle: bool = True

    @property
    def max_steps(self) -> int:
        return self.num_warmup + 2 * self.num_rounds


@dataclass(frozen=True)
class Round:
    """One step of every side, and the busy cores just before."""

    steps: Mapping[str, TakenStep]
    load: float


@dataclass(frozen=True)
class Turns:
    """All rounds of one run, warm-up first."""

    rounds: tuple[Round, ...]
    pacing: Pacing
    versions: Mapping[str, Mapping[str, str]]

    @property
    def counted(self) -> tuple[Round, ...]:
        """Rounds after warm-up that began on an idle machine; where those are too few for a median, all."""
        rounds = self.rounds[self.pacing.num_warmup :]
        idle = tuple(round for round in rounds if self._is_idle(round))
        return idle if len(idle) >= min(MIN_ROUNDS, self.pacing.num_rounds) else rounds

    @property
    def num_void(self) -> int:
        return sum(not self._is_idle(round) for round in self.rounds[self.pacing.num_warmup :])

    def busy(self, name: str) -> list[str]:
        """Why the figures may not be used, when the machine was busy too often."""
        num_taken = len(self.rounds) - self.pacing.num_warmup
        if num_taken - self.num_void >= min(MIN_ROUNDS, self.pacing.num_rounds):
            return []
        loads = [round.load for round in self.rounds[self.pacing.num_warmup :]]
        return [
            f"{name}: the machine was busy before {self.num_void} of {num_taken} rounds "
            f"(median {statistics.median(loads):.2f} cores, allowed {MAX_LOAD:g}); the figures are those of all rounds"
        ]

    def steps(self, side: str) -> list[TakenStep]:
        """All of one side's, warm-up too."""
        return [round.steps[side] for round in self.rounds]

    def rates(self, side: str) -> list[float]:
        """Real tokens per second in the rounds that count."""
        return [round.steps[side].rate for round in self.counted]

    def ratio(self, side: str, other: str) -> float:
        """Median over rounds of the first side's rate / the other's."""
        return statistics.median(round.steps[side].rate / round.steps[other].rate for round in self.counted)

    def peak_bytes(self, side: str) -> int:
        return self.rounds[-1].steps[side].peak_bytes

    def record(self) -> dict[str, Any]:
        """For the result's details."""
        return {
            "num_warmup": self.pacing.num_warmup,
            "num_void": self.num_void,
            "loads": [round.load for round in self.rounds],
            "steps": {side: [asdict(step) for step in self.steps(side)] for side in self.rounds[0].steps},
        }

    def _is_idle(self, round: Round) -> bool:
        return not self.pacing.needs_idle or round.load < MAX_LOAD


def take_turns(sides: Mapping[str, Side], pacing: Pacing, logs: Path) -> Turns:
    """One step of each side a round, A-B-A-B. Raises RuntimeError when a worker dies."""
    rounds: list[Round] = []
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(side.command, side.job, logs / "logs" / f"{name}.log"))
            for name, side in sides.items()
        }
        started = time.perf_counter()
        while len(rounds) < pacing.max_steps and not _is_enough(rounds, pacing, time.perf_counter() - started):
            load = watch_machine() if pacing.needs_idle and len(rounds) >= pacing.num_warmup else 0.0
            rounds.append(Round({name: worker.step() for name, worker in workers.items()}, load))
        versions = {name: worker.versions for name, worker in workers.items()}
    return Turns(tuple(rounds), pacing, versions)


def watch_machine() -> float:
    """Busy cores while nothing of ours runs; the least of a few looks, so that a moment's work is waited for."""
    least = float("inf")
    for _ in range(MAX_WINDOWS):
        least = min(least, busy_cores(WINDOW_SECONDS))
        if least < MAX_LOAD:
            break
    return least


def _is_enough(rounds: Sequence[Round], pacing: Pacing, passed_seconds: float) -> bool:
    turns = Turns(tuple(rounds), pacing, {})
    num_timed = len(rounds) - pacing.num_warmup
    if num_timed - turns.num_void >= pacing.num_rounds:
        return True
    if num_timed < MIN_ROUNDS:
        return False
    return passed_seconds * (len(rounds) + 1) / len(rounds) > pacing.budget_seconds


def loss_differences(ours: Sequence[TakenStep], theirs: Sequence[TakenStep]) -> list[float]:
    """|ours - theirs| / theirs at every step."""
    return [abs(mine.loss - other.loss) / other.loss for mine, other in zip(ours, theirs, strict=True)]


def gradient_difference(ours: Sequence[TakenStep], theirs: Sequence[TakenStep]) -> float:
    """The same of the gradient's norm before any update."""
    return abs(ours[0].grad_norm - theirs[0].grad_norm) / theirs[0].grad_norm


def unequal(name: str, precision: str, ours: Sequence[TakenStep], theirs: Sequence[TakenStep]) -> list[str]:
    """Why two sides did not train the same; empty when they did. What is not finite counts as different."""
    reasons = []
    for step, difference in enumerate(loss_differences(ours, theirs)):
        limit = MAX_FIRST_DIFFERENCE[precision] if step == 0 else MAX_DIFFERENCE
        if not difference <= limit:
            reasons.append(
                f"{name}: loss of step {step + 1} is {ours[step].loss:.5f}, the other's {theirs[step].loss:.5f}, "
                f"relative difference {difference:.2g} > {limit:g}"
            )
    difference = gradient_difference(ours, theirs)
    if not difference <= MAX_GRADIENT_DIFFERENCE[precision]:
        reasons.append(
            f"{name}: norm of the first gradient is {ours[0].grad_norm:.5g}, the other's {theirs[0].grad_norm:.5g}, "
            f"relative difference {difference:.2g} > {MAX_GRADIENT_DIFFERENCE[precision]:g}"
        )
    return reasons
