"""A bracket: trials that begin together, of which the best go on at every rung, until it is over or time is.

What groups of trials learned lies in the bracket's folder between rungs, so that one group at a time is in memory, and
a study that was killed goes on from the last rung that a group came to. A group that memory does not hold is halved; a
file in its folder says so from then on.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from tunesmith.artifacts import write_whole
from tunesmith.artifacts.folder import make_folder, sync
from tunesmith.errors import Interrupted, TunesmithError
from tunesmith.plan.together import MAX_TOGETHER
from tunesmith.recipe import Recipe
from tunesmith.search.halving import Rung, best_of, rungs_of, steps_at
from tunesmith.search.ledger import Ledger, parts_of
from tunesmith.train.training import Training

VALUES: Final = "values.json"
STATE: Final = "state"
OUT_OF_MEMORY: Final = "trials-out-of-memory"
"""Of a failure that fewer trials in one pass may not meet."""
DIVERGED: Final = "diverged"
"""Said of a trial whose validation metric was no number."""
HALVED: Final = "halved"


@dataclass(frozen=True)
class Candidate:
    """A trial that can be trained."""

    number: int
    recipe: Recipe
    training: Training
    peaks: Sequence[int] = ()
    """Predicted bytes at the heaviest moment of 1, 2, ... such trials in one pass."""

    @property
    def num_steps(self) -> int:
        return self.training.plan.body.num_steps


class Trained(Protocol):
    """Trials in training, by their number as text. `train.together.Group` is one."""

    def advance(self, step: int) -> dict[str, float]:
        """Train each to that step; the validation metric of each."""

    def keep(self, names: Collection[str]) -> None:
        """The others stop."""

    def save(self, folder: Path) -> None:
        """Write all that is needed to go on exactly from here."""

    def restore(self, folder: Path) -> None:
        """Go on from what `save` wrote of these, and maybe of others."""


@dataclass(frozen=True)
class Trainer:
    """How trials are trained."""

    goes_with: Callable[[Sequence[Candidate]], bool]
    """Whether they can be trained in one pass."""
    begin: Callable[[Sequence[Candidate]], Trained]


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why trials could not be trained."""

    code: str
    words: str


@dataclass(frozen=True)
class Group:
    """Trials that are trained in one pass."""

    name: str
    """Its number; with `.0` or `.1` behind it, the halves of a group."""
    members: Sequence[Candidate]

    def halves(self) -> tuple[Group, Group]:
        half = (len(self.members) + 1) // 2
        return Group(f"{self.name}.0", self.members[:half]), Group(f"{self.name}.1", self.members[half:])

    def origins(self) -> Iterator[str]:
        """Its own name, then those of the groups that it is a part of."""
        parts = self.name.split(".")
        return (".".join(parts[:end]) for end in range(len(parts), 0, -1))


@dataclass
class Bracket:
    """One bracket of a study."""

    number: int
    candidates: Sequence[Candidate]
    ledger: Ledger
    trainer: Trainer
    folder: Path
    eta: int | None
    higher_is_better: bool
    is_over: Callable[[], bool]
    """Whether the time of the study is over."""
    on_rung: Callable[[Rung, int], None]
    """Told of each rung that trials begin, and of how many of them do."""
    on_halved: Callable[[int], None]
    """Told of how many trials memory did not hold in one pass."""
    _live: tuple[str, int, Trained] | None = field(default=None, init=False)
    """Group and rung of what is in memory."""

    def run(self) -> bool:
        """Train, halve, and tell the ledger; False where time was over first. Raises Interrupted."""
        groups = [Group(str(number), of) for number, of in enumerate(together(self.candidates, self.trainer))]
        rungs = rungs_of(len(self.candidates), self.eta)
        alive = [candidate.number for candidate in self.candidates]
        for place, rung in enumerate(rungs):
            self.on_rung(rung, len(alive))
            for group in groups:
                if not self._climb(group, place, rungs, alive):
                    return False
            alive = self._decide(rungs[place:], alive)
        self._live = None
        shutil.rmtree(self.folder, ignore_errors=True)
        return True

    def _climb(self, group: Group, place: int, rungs: Sequence[Rung], alive: Collection[int]) -> bool:
        """Bring those of a group that are alive to a rung, in halves where it was halved; False where time is over."""
        folder = self.folder / f"group-{group.name}"
        if (folder / HALVED).is_file():
            return all(self._climb(half, place, rungs, alive) for half in group.halves())
        parts = parts_of(rungs[place].share)
        entries = {entry.number: entry for entry in self.ledger.of_bracket(self.number)}
        waiting = [
            member
            for member in group.members
            if member.number in alive
            and entries[member.number].state == "running"
            and parts not in entries[member.number].values
        ]
        if not waiting:
            return True
        here = folder / f"rung-{place}"
        if not here.is_dir():
            if self.is_over():
                return False
            problem = self._tried(group, place, rungs, waiting)
            if problem is not None and problem.code == OUT_OF_MEMORY and len(waiting) > 1:
                self.on_halved(len(waiting))
                make_folder(folder)
                write_whole(folder / HALVED, b"")
                return self._climb(group, place, rungs, alive)
            if problem is not None:
                for member in waiting:
                    self.ledger.fail(member.number, problem.words)
                return True
        self._note(read_values(here), waiting, rungs[place])
        shutil.rmtree(here.with_name(f"rung-{place - 1}"), ignore_errors=True)
        return True

    def _note(self, values: Mapping[str, float], members: Sequence[Candidate], rung: Rung) -> None:
        """Write into the ledger what trials came to."""
        for member in members:
            value = values[str(member.number)]
            if math.isfinite(value):
                self.ledger.reached(member.number, rung.share, value)
            else:
                self.ledger.fail(member.number, DIVERGED)

    def _tried(self, group: Group, place: int, rungs: Sequence[Rung], members: Sequence[Candidate]) -> _Problem | None:
        """Train a group to a rung; what went wrong, if anything did, without what the failure held in memory."""
        try:
            self._train(group, place, rungs, members)
        except Interrupted:
            raise
        except TunesmithError as failure:
            self._live = None
            return _Problem(failure.code, str(failure))
        return None

    def _train(self, group: Group, place: int, rungs: Sequence[Rung], members: Sequence[Candidate]) -> None:
        """Train a group to a rung, and put its values and its state into the rung's folder at once."""
        here = self.folder / f"group-{group.name}" / f"rung-{place}"
        trained = self._at(group, place, members)
        trained.keep([str(member.number) for member in members])
        values = trained.advance(steps_at(rungs[place].share, members[0].num_steps))
        staging = here.with_name(f".{here.name}.partial")
        shutil.rmtree(staging, ignore_errors=True)
        make_folder(staging)
        if place < len(rungs) - 1:
            trained.save(staging / STATE)
        write_whole(staging / VALUES, json.dumps(values).encode())
        staging.rename(here)
        sync(here.parent)
        self._live = (group.name, place, trained)

    def _at(self, group: Group, place: int, members: Sequence[Candidate]) -> Trained:
        """The group as it left the rung before, itself or as a part of a larger one."""
        if self._live is not None and self._live[:2] == (group.name, place - 1):
            return self._live[2]
        self._live = None  # before another one is loaded
        if place == 0:
            return self.trainer.begin(members)
        folders = (self.folder / f"group-{name}" / f"rung-{place - 1}" for name in group.origins())
        before = next(folder for folder in folders if folder.is_dir())
        values = read_values(before)
        trained = self.trainer.begin([one for one in group.members if str(one.number) in values])
        trained.restore(before / STATE)
        return trained

    def _decide(self, rungs: Sequence[Rung], alive: Collection[int]) -> list[int]:
        """Who goes on from the first of these rungs; the ledger is told of those who do not."""
        parts = parts_of(rungs[0].share)
        entries = {entry.number: entry for entry in self.ledger.of_bracket(self.number) if entry.number in alive}
        values = {number: entry.values[parts] for number, entry in entries.items() if parts in entry.values}
        num = rungs[1].num_trials if len(rungs) > 1 else 0
        chosen = best_of(values, num, higher_is_better=self.higher_is_better)
        for number, value in values.items():
            if entries[number].state == "running" and number not in chosen:
                if len(rungs) == 1:
                    self.ledger.complete(number, value)
                else:
                    self.ledger.prune(number)
        return chosen


def together(candidates: Sequence[Candidate], trainer: Trainer) -> list[list[Candidate]]:
    """Groups that can be trained in one pass, each trial in the first that has room and goes with it."""
    groups: list[list[Candidate]] = []
    for candidate in candidates:
        home = next((group for group in groups if _has_room(group, candidate, trainer)), None)
        if home is None:
            groups.append([candidate])
        else:
            home.append(candidate)
    return groups


def _has_room(group: Sequence[Candidate], candidate: Candidate, trainer: Trainer) -> bool:
    # of equal length, so that a rung is the same step of each
    fits = len(group) < MAX_TOGETHER and group[0].num_steps == candidate.num_steps
    return fits and trainer.goes_with([*group, candidate])


def read_values(folder: Path) -> Mapping[str, float]:
    """What trials came to at a rung, by their number as text."""
    found: dict[str, float] = json.loads((folder / VALUES).read_bytes())
    return found
