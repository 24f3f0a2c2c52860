"""The harm that `resume` does to a training, and whether the run ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file

from benchmarks.file_operations import Damage, Hooked, Operation, Traced, can_trace, unsynced
from benchmarks.hardware import num_usable_cores
from benchmarks.resume_job import (
    DISK_FULL,
    FAILED,
    INTERRUPTED,
    NUM_EPOCHS,
    Case,
    Desk,
    Harm,
    attempt,
    begin,
    ended,
    fork,
    leftovers,
    resumed_steps,
)
from tunesmith.artifacts.folder import Identity, publish, read_manifest
from tunesmith.train.checkpoint import BEST, KIND, PROGRESS, RANDOM, STATE
from tunesmith.train.random_state import random_state

MUTANTS: Final = ("random state", "source position", "optimiser moments", "step of the schedule", "best and patience")
"""Entries of the checkpointed state, each left out in turn: a run that resumes finds what a fresh start would have."""
AIMS: Final = (0, 1, -1, 2, -2)
"""How many calls later or earlier an operation is looked for than in the run that was watched."""
INTERVALS: Final = (1, 2, 3, 5, 12)
"""Steps between validations that must leave the trained weights alone."""


@dataclass(frozen=True)
class Trial:
    """One harmed run. `resumed` when it went on from a later step than the first."""

    why: str = ""
    resumed: bool = False
    harmed: bool = True

    @property
    def exact(self) -> bool:
        return not self.why


@dataclass(frozen=True)
class Sizes:
    """How much is tried: every `operation_step`-th operation, every `cell_step`-th cell of the matrix, and so on."""

    num_kills: int = 50
    operation_step: int = 1
    num_damages: int = 4
    cell_step: int = 1
    num_signals: int = 10
    mutated_steps: tuple[int, ...] = (5, 8, 11)


@dataclass
class Bench:
    """A desk, a folder for the runs, and how the undisturbed run of each case ended."""

    desk: Desk
    folder: Path
    num_threads: int
    sizes: Sizes
    _references: dict[Case, dict[str, Any]] = field(default_factory=dict)
    _seconds: dict[Case, float] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        return Case(num_threads=self.num_threads)

    @property
    def short(self) -> Case:
        """Four steps with a validation after each: what is written in all of a run, once."""
        return Case(num_threads=self.num_threads, evaluate_every=1, max_steps=4)

    def reference(self, case: Case) -> dict[str, Any]:
        """How the case ends when nobody disturbs it."""
        if case not in self._references:
            folder = self.new_folder()
            start = time.perf_counter()
            code = fork(partial(attempt, self.desk, case, folder), folder / "log")
            self._seconds[case] = time.perf_counter() - start
            assert code == 0, (folder / "log").read_text(encoding="utf-8")
            assert leftovers(folder) == []
            self._references[case] = ended(folder)
            shutil.rmtree(folder)
        return self._references[case]

    def new_folder(self) -> Path:
        folder = self.folder / f"{os.getpid()}-{time.monotonic_ns()}"
        (folder / "work").mkdir(parents=True)
        return folder

    def finish(self, case: Case, folder: Path, *, harmed: bool = True) -> Trial:
        """Go on with a harmed run to its end, undisturbed, and compare."""
        code = fork(partial(attempt, self.desk, case, folder), folder / "log")
        if code:
            return Trial(f"ended with {code}: {(folder / 'log').read_text(encoding='utf-8')[-2000:]}")
        found, expected = ended(folder), self.reference(case)
        why = [name for name in expected if found.get(name) != expected[name]] + leftovers(folder)
        later = any(step > 0 for step in resumed_steps(folder))
        shutil.rmtree(folder)
        return Trial(", ".join(why), later, harmed)

    def in_lanes(self, trials: Sequence[Callable[[], Trial]]) -> list[Trial]:
        """Make all trials, as many at a time as cores allow, each lane in a process of its own."""
        num_lanes = max(1, num_usable_cores() // self.num_threads)
        children = [
            (begin(partial(_lane, trials[lane::num_lanes], out), out.with_suffix(".log")), out)
            for lane in range(num_lanes)
            for out in [self.folder / f"lane-{lane}.json"]
        ]
        made = []
        for child, out in children:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert code == 0, out.with_suffix(".log").read_text(encoding="utf-8")
            made += [Trial(**trial) for trial in json.loads(out.read_text(encoding="utf-8"))]
        return made

    def random_kills(self) -> list[Trial]:
        """SIGKILL at a random moment."""
        self.reference(self.case)
        return self.in_lanes([partial(self._random_kill, seed) for seed in range(self.sizes.num_kills)])

    def _random_kill(self, seed: int) -> Trial:
        draw = random.Random(seed)
        while True:
            folder = self.new_folder()
            child = begin(partial(attempt, self.desk, self.case, folder), folder / "log")
            time.sleep(draw.uniform(0.0, self._seconds[self.case]))
            os.kill(child, signal.SIGKILL)
            if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL:
                return self.finish(self.case, folder)
            shutil.rmtree(folder)  # it had ended before

    def operations(self) -> list[Operation]:
        """What one undisturbed short run does to its files, once its plan is there."""
        self.reference(self.short)
        folder = self.new_folder()
        found = _watcher().record(partial(attempt, self.desk, self.short, folder), folder / "work", folder / "log")
        shutil.rmtree(folder)
        return found

    def killed_at_operations(self) -> list[Trial]:
        """SIGKILL at every operation that changes the disk."""
        changing = [operation for operation in self.operations() if operation.writes]
        return self._harmed("kill", changing)

    def full_at_operations(self) -> list[Trial]:
        """No space left, at every operation that needs some."""
        return self._harmed("full", [operation for operation in self.operations() if operation.needs_space])

    def _harmed(self, damage: Damage, operations: Sequence[Operation]) -> list[Trial]:
        watcher = _watcher()

        def harmed(operation: Operation) -> Trial:
            for late in AIMS:
                folder = self.new_folder()
                job = partial(attempt, self.desk, self.short, folder)
                aimed = replace(operation, number=operation.number + late)
                code = watcher.harm(job, aimed, damage, folder / "work", folder / "log")
                if code is not None:
                    break
                shutil.rmtree(folder)
            if code in (FAILED, INTERRUPTED):  # a full disk must be told as one
                return Trial(f"{operation}: ended with {code}: {(folder / 'log').read_text(encoding='utf-8')[-2000:]}")
            if code is None:
                return Trial(f"{operation}: met something else {len(AIMS)} times")
            trial = self.finish(self.short, folder, harmed=code in (DISK_FULL, -signal.SIGKILL))
            return trial if trial.exact else replace(trial, why=f"{operation}: {trial.why}")

        return self.in_lanes([partial(harmed, operation) for operation in operations[:: self.sizes.operation_step]])

    def sync_order(self) -> list[Trial]:
        """Files and folders are synced before the rename that shows them, their parents after it; and three logs in
        which some of that is missing are found out."""
        folder = self.new_folder()
        root = folder / "work"
        found = _watcher().record(partial(attempt, self.desk, self.short, folder), root, folder / "log")
        wrong = unsynced(found, folder)
        spoiled = {
            "files": [one for one in found if not (one.name == "fsync" and Path(one.paths[0]).suffix)],
            "folders": [one for one in found if not (one.name == "fsync" and one.paths[0].endswith(".partial"))],
            "parents": [one for one in found if not (one.name == "fsync" and one.paths[0].endswith("/tuned"))],
        }
        missed = [f"unsynced {name} went unnoticed" for name, log in spoiled.items() if not unsynced(log, folder)]
        shutil.rmtree(folder)
        return [Trial("; ".join(wrong[:5])), *(Trial(why) for why in missed), *[Trial()] * (3 - len(missed))]

    def damaged_files(self) -> list[Trial]:
        """A bit flipped in, or the end cut off, each file of the newest checkpoint."""
        folder = self.new_folder()
        self._kill(self.case, folder, Harm(step=9))
        self.reference(self.case)
        names = sorted(path.name for path in _newest(folder).iterdir())
        trials = [
            partial(self._damaged, folder, name, flip, seed)
            for name, flip, seed in product(names, (True, False), range(self.sizes.num_damages))
        ]
        return self.in_lanes(trials)

    def _damaged(self, killed: Path, name: str, flip: bool, seed: int) -> Trial:
        folder = self.new_folder()
        shutil.copytree(killed, folder, dirs_exist_ok=True)
        newest = _newest(folder)
        content = bytearray((newest / name).read_bytes())
        place = random.Random(seed).randrange(len(content))
        if flip:
            content[place] ^= 1 << seed % 8
        (newest / name).write_bytes(content if flip else content[:place])
        trial = self._fallen_back(folder, newest)
        return trial if trial.exact else replace(trial, why=f"{name} {'flipped' if flip else 'cut'}: {trial.why}")

    def _fallen_back(self, folder: Path, newest: Path) -> Trial:
        """See that the damaged checkpoint is set aside and the one before it taken, then finish."""
        code = fork(partial(attempt, self.desk, self.case, folder, Harm(step=10)), folder / "log")
        last, expected = resumed_steps(folder)[-1], int(newest.name.removeprefix("step-")) - 1
        if (code, last) != (-signal.SIGKILL, expected) or not newest.with_name(f"{newest.name}.damaged").is_dir():
            return Trial(f"went on from step {last}, not from {expected}, or ended with {code}")
        return self.finish(self.case, folder)

    def matrix(self) -> list[Trial]:
        """Where it is killed, how often, and how it is laid out and trained."""
        cases = [
            Case(method, share, accumulation, self.num_threads)
            for method, share, accumulation in product(("full", "lora"), (True, False), (1, 4))
        ]
        cells = [(case, harms) for case in cases for harms in self._harms(case)][:: self.sizes.cell_step]
        for case, _ in cells:
            self.reference(case)
        return self.in_lanes([partial(self._cell, case, harms) for case, harms in cells])

    def _harms(self, case: Case) -> Iterator[tuple[Harm, ...]]:
        """One, two and three kills inside the first epoch, at its end, and in the last step; inside an accumulation."""
        num_steps = self.desk.training(case).plan.body.num_steps
        an_epoch = num_steps // NUM_EPOCHS
        inside = 1 if case.accumulation == 1 else 3
        for places in ((2, 4, 5), (an_epoch + 1,) * 3, (num_steps,) * 3):
            for num in (1, 2, 3):
                yield tuple(Harm(step=step, micro_batch=inside) for step in places[:num])

    def _cell(self, case: Case, harms: Sequence[Harm]) -> Trial:
        folder = self.new_folder()
        for harm in harms:
            self._kill(case, folder, harm)
        if resumed_steps(folder) != [0, *(harm.step - 1 for harm in harms[:-1])]:
            return Trial(f"{case} {harms}: went on from {resumed_steps(folder)}")
        trial = self.finish(case, folder)
        return trial if trial.exact else replace(trial, why=f"{case} {harms}: {trial.why}")

    def _kill(self, case: Case, folder: Path, harm: Harm) -> None:
        code = fork(partial(attempt, self.desk, case, folder, harm), folder / "log")
        assert code == -signal.SIGKILL, (folder / "log").read_text(encoding="utf-8")

    def intervals(self) -> list[Trial]:
        """Another number of steps between validations: same rows, same weights after the last step."""
        expected = self.reference(self.case)
        names = [name for name in expected if name.startswith(("master", "step", "exp_avg", "random", "rows"))]
        trials = []
        for every in INTERVALS:
            found = self.reference(replace(self.case, evaluate_every=every))
            trials.append(Trial(", ".join(name for name in names if found[name] != expected[name])))
        return trials

    def signals(self) -> list[Trial]:
        """SIGTERM or Ctrl-C in a random step saves and ends; a second one ends at once."""
        self.reference(self.case)
        return self.in_lanes([partial(self._signal, seed) for seed in range(self.sizes.num_signals)])

    def _signal(self, seed: int) -> Trial:
        draw = random.Random(seed)
        number, times = (signal.SIGTERM, signal.SIGINT)[seed % 2], 1 + seed // 2 % 2
        step = draw.randint(2, 11)
        folder = self.new_folder()
        harm = Harm(step, number=number, times=times)
        code = fork(partial(attempt, self.desk, self.case, folder, harm), folder / "log")
        saved = int(_newest(folder).name.removeprefix("step-"))
        if (code, saved) != ((INTERRUPTED, step) if times == 1 else (FAILED, step - 1)):
            return Trial(f"{number.name} x {times} in step {step}: ended with {code}, saved step {saved}")
        return self.finish(self.case, folder)

    def mutants(self) -> dict[str, list[Trial]]:
        """By entry of the state that is left out, whether the end tells; and `none`, where nothing is."""
        killed = [self.new_folder() for _ in self.sizes.mutated_steps]
        for folder, step in zip(killed, self.sizes.mutated_steps, strict=True):
            self._kill(self.case, folder, Harm(step=step))
        self.reference(self.case)
        return {
            name: self.in_lanes([partial(self._mutated, folder, name) for folder in killed])
            for name in ("none", *MUTANTS)
        }

    def _mutated(self, killed: Path, name: str) -> Trial:
        folder = self.new_folder()
        shutil.copytree(killed, folder, dirs_exist_ok=True)
        leave_out(name, _newest(folder))
        return self.finish(self.case, folder)


def leave_out(name: str, checkpoint: Path) -> None:
    """Make a checkpoint as if one entry of the state had not been saved, whole and with a true manifest."""
    identity: Identity = read_manifest(checkpoint, KIND).identity
    old = checkpoint.with_name("mutated")
    checkpoint.rename(old)
    with publish(checkpoint, identity) as staging:
        shutil.copytree(old, staging, dirs_exist_ok=True)
        (staging / "manifest.json").unlink()
        progress = json.loads((staging / PROGRESS).read_text(encoding="utf-8"))
        if name == "random state":
            torch.manual_seed(0)
            save_file(random_state(), staging / RANDOM)
        elif name == "source position":
            progress["source"]["next_step"] = 0
        elif name == "optimiser moments":
            state = load_file(old / STATE)
            save_file({key: value if "step" in key else value * 0 for key, value in state.items()}, staging / STATE)
        elif name == "step of the schedule":
            progress["step"] = 0
        elif name == "best and patience":
            progress |= {"best_step": None, "best_value": None, "num_without_gain": 0}
            (staging / BEST).unlink(missing_ok=True)
        (staging / PROGRESS).write_text(json.dumps(progress), encoding="utf-8")
    shutil.rmtree(old)


def _newest(folder: Path) -> Path:
    found = folder.glob("work/run/checkpoints/tuned/step-*")
    return max(path for path in found if not path.suffix)


def _lane(trials: Sequence[Callable[[], Trial]], out: Path) -> None:
    out.write_text(json.dumps([asdict(trial()) for trial in trials]), encoding="utf-8")


def _watcher() -> Traced | Hooked:
    return Traced() if can_trace() else Hooked()
