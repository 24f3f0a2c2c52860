"""The book of a study: Optuna's journal in the run's folder, to which every proposal and every rung is appended.

Trials are proposed from what the journal says and from a seed of their own alone, and a proposal is one line of it: a
study that was killed goes on with the very trials that it would have had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from tunesmith.artifacts.run import drop_torn_line
from tunesmith.search.space import Settings

FILE: Final = "journal.log"
STUDY: Final = "search"
PARTS: Final = 1_000_000
"""Optuna counts in whole numbers, and trials have steps of their own: how many of them are taken is told in these parts
of all."""
MAX_DENOMINATOR: Final = 1000
"""Of the share of its steps that a trial takes to a rung: no rung is so far from the end as 1/1000."""
NUM_STARTUP: Final = 8
"""Trials that are drawn at random before TPE has something to go by: the first bracket."""
MAX_DRAWS: Final = 50
"""So often in a row a setting may be drawn that was tried before, until the space counts as exhausted."""
_BRACKET: Final = "bracket"
_PROBLEM: Final = "problem"
_NUM_STEPS: Final = "num_steps"
_METHODS: Final = {"tpe": 0, "random": 1}

State = Literal["running", "complete", "pruned", "failed"]
_STATES: Final[Mapping[TrialState, State]] = {
    TrialState.RUNNING: "running",
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class Entry:
    """What the book says of one trial."""

    number: int
    bracket: int
    settings: Settings
    state: State
    values: Mapping[int, float]
    """The validation metric by how many of its steps the trial had taken, in parts of `PARTS`."""
    num_steps: int | None
    """Of its whole training; None where it never came to one."""
    problem: str | None
    """Why it failed."""

    @property
    def parts(self) -> int:
        """How much of its training was measured, in parts of `PARTS`."""
        return max(self.values, default=0)

    @property
    def value(self) -> float | None:
        """The newest value."""
        return self.values[self.parts] if self.values else None


class Ledger:
    """Trials of one study in a folder that this process holds the lock of."""

    def __init__(self, folder: Path, *, higher_is_better: bool) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        file = folder / FILE
        drop_torn_line(file)
        self._storage = JournalStorage(JournalFileBackend(str(file), lock_obj=_Held(str(file))))
        if STUDY in optuna.get_all_study_names(self._storage):
            self._study = optuna.load_study(study_name=STUDY, storage=self._storage)
        else:
            direction = StudyDirection.MAXIMIZE if higher_is_better else StudyDirection.MINIMIZE
            self._study = optuna.create_study(study_name=STUDY, storage=self._storage, direction=direction)

    def entries(self) -> list[Entry]:
        """In the order in which they were proposed."""
        return [_entry(trial) for trial in self._study.get_trials(deepcopy=False)]

    def of_bracket(self, bracket: int) -> list[Entry]:
        return [entry for entry in self.entries() if entry.bracket == bracket]

    def begin(self, settings: Settings, space: Mapping[str, BaseDistribution], bracket: int) -> None:
        """Write down one more trial."""
        trial = create_trial(
            state=TrialState.RUNNING,
            params=dict(settings),
            distributions=dict(space),
            user_attrs={_BRACKET: bracket},
        )
        self._study.add_trial(trial)

    def propose(
        self, space: Mapping[str, BaseDistribution], by: Literal["random", "tpe"], seed: int
    ) -> Settings | None:
        """Settings that no trial had yet; None where fifty draws in a row find none."""
        had = self._study.get_trials(deepcopy=False)
        for draw in range(MAX_DRAWS):
            # a sampler of its own for each draw: what it remembers of earlier ones would be lost in a kill
            seeds = np.random.SeedSequence([seed, _METHODS[by], len(had), draw])
            own = int(seeds.generate_state(1)[0])
            asked = optuna.create_study(sampler=_sampler(by, own), direction=self._study.direction)
            asked.add_trials(had)
            found = asked.ask(dict(space)).params
            if all(trial.params != found for trial in had):
                return found
        return None

    def plan(self, number: int, num_steps: int) -> None:
        """Write down how many steps the whole training of a trial has."""
        self._storage.set_trial_user_attr(self._id(number), _NUM_STEPS, num_steps)

    def reached(self, number: int, share: Fraction, value: float) -> None:
        """Write down the metric of a trial at a rung."""
        self._storage.set_trial_intermediate_value(self._id(number), parts_of(share), value)

    def complete(self, number: int, value: float) -> None:
        self._study.tell(number, value)

    def prune(self, number: int) -> None:
        """The trial goes no further; its last value is what it was worth."""
        self._study.tell(number, state=TrialState.PRUNED)

    def fail(self, number: int, problem: str) -> None:
        self._storage.set_trial_user_attr(self._id(number), _PROBLEM, problem)
        self._study.tell(number, state=TrialState.FAIL)

    def _id(self, number: int) -> int:
        study = self._storage.get_study_id_from_name(STUDY)
        return self._storage.get_trial_id_from_study_id_trial_number(study, number)


class _Held(JournalFileOpenLock):
    """The run's folder is locked by this process: no lock file that a kill would leave behind."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None: ...


def parts_of(share: Fraction) -> int:
    """A share in the parts of the book."""
    return max(1, round(share * PARTS))


def share_of(parts: int) -> Fraction:
    """The share that `parts_of` was given."""
    return Fraction(parts, PARTS).limit_denominator(MAX_DENOMINATOR)


def _sampler(by: Literal["random", "tpe"], seed: int) -> optuna.samplers.BaseSampler:
    if by == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=NUM_STARTUP)


def _entry(trial: FrozenTrial) -> Entry:
    return Entry(
        number=trial.number,
        bracket=trial.user_attrs[_BRACKET],
        settings=trial.params,
        state=_STATES[trial.state],
        values=dict(sorted(trial.intermediate_values.items())),
        num_steps=trial.user_attrs.get(_NUM_STEPS),
        problem=trial.user_attrs.get(_PROBLEM),
    )
