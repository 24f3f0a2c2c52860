"""A study: brackets of trials over one recipe, none of which sees the test rows."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from optuna.distributions import BaseDistribution

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset, Plan, Run
from tunesmith.artifacts.folder import write_whole
from tunesmith.artifacts.study import BEST, StudyBody, StudyTrial, write_study
from tunesmith.errors import Interrupted, RunFailed, TunesmithError
from tunesmith.lifecycle import Job
from tunesmith.plan.run import resolved
from tunesmith.recipe import dump_recipe
from tunesmith.recipe.search import Search
from tunesmith.recipe.watch import HIGHER_IS_BETTER
from tunesmith.runtime import Silent
from tunesmith.search.bracket import Bracket, Candidate, Trainer
from tunesmith.search.halving import Rung, steps_at
from tunesmith.search.importance import importance_of
from tunesmith.search.ledger import NUM_STARTUP, Entry, Ledger, share_of
from tunesmith.search.space import Space, distributions, grid, recipe_with, space_of, values_of

GROUPS: Final = "groups"
FROZEN: Final = ("validation.jsonl", "test.jsonl")


@dataclass(frozen=True)
class Scene:
    """What every trial of a study starts from."""

    job: Job
    """Of the recipe, its method chosen."""
    dataset: Dataset
    plan: Plan
    space: Space

    @property
    def search(self) -> Search:
        return self.job.recipe.search

    @property
    def metric(self) -> str:
        return self.job.recipe.train.stop.metric

    @property
    def higher_is_better(self) -> bool:
        return self.metric in HIGHER_IS_BETTER

    @cached_property
    def drawn_from(self) -> Mapping[str, BaseDistribution]:
        return distributions(self.space)

    @property
    def searching(self) -> Job:
        """The same under the name of its study: another space is another study, more hours are not."""
        section = self.search.model_dump(mode="json", exclude={"hours", "space"})
        tried = {key: one.model_dump(mode="json") for key, one in self.space.items()}
        tag = hashlib.sha256(json.dumps([section, tried], sort_keys=True).encode()).hexdigest()[:6]
        recipe = self.job.recipe
        return replace(self.job, recipe=recipe.model_copy(update={"name": f"{recipe.name}-search-{tag}"}))


def scene_of(job: Job) -> Scene:
    """Prepare and plan once, for all trials.

    Raises TunesmithError `search-no-validation` where there are no rows to compare trials by, and what `prepare` and
    `plan` raise.
    """
    dataset = lifecycle.prepare(job)
    if not dataset.report().splits["validation"]:
        raise TunesmithError("search-no-validation")
    recipe = job.recipe.model_copy(update={"variants": {}})
    plan = lifecycle.plan(replace(job, recipe=recipe), dataset)["tuned"]
    chosen = job.recipe.model_copy(update={"train": resolved(job.recipe.train, plan)})
    return Scene(replace(job, recipe=chosen), dataset, plan, space_of(chosen, plan.body))


def group_trainer(job: Job) -> Trainer:
    """Trials trained on this machine, those that share a base in one pass over it. Imports torch."""
    from tunesmith.train.together import Group, unlike

    def goes_with(candidates: Sequence[Candidate]) -> bool:
        can_share = unlike([candidate.training for candidate in candidates]) is None
        return can_share and fits(candidates, job.runtime.memory_bytes)

    return Trainer(
        goes_with=goes_with,
        begin=lambda candidates: Group(
            {str(candidate.number): candidate.training for candidate in candidates}, job.runtime, Silent()
        ),
    )


def fits(candidates: Sequence[Candidate], there_bytes: int | None) -> bool:
    """Whether memory holds these in one pass, as the plan of each predicts; None for as much as there is."""
    num = len(candidates)
    return there_bytes is None or all(candidate.peaks[num - 1] <= there_bytes for candidate in candidates)


@dataclass
class Study:
    """A study whose folder is open."""

    scene: Scene
    record: Run
    trainer: Trainer
    ledger: Ledger

    def run(self, is_enough: Callable[[Study], bool]) -> StudyBody:
        """Train brackets until there are no more, until time is over, or until one of them is enough.

        Writes `study.json` and `best.yaml`. Raises RunFailed `search-nothing` where no trial could be measured,
        `search-no-time` where time was over before any was.
        """
        runtime, hours = self.scene.job.runtime, self.scene.search.hours
        deadline = None if hours is None else runtime.clock() + timedelta(hours=hours)
        is_done, number = True, 0
        while num_trials := self._num_trials(number):
            entries = self._begun(number, num_trials)
            if not entries:  # nothing is left that was not tried
                break
            is_done = self._train(number, lambda: deadline is not None and runtime.clock() >= deadline)
            self._tell_best()
            if not is_done or is_enough(self):
                break
            number += 1
        body = self.body(is_done=is_done)
        if not body.ranking and not is_done:
            raise RunFailed("search-no-time", hours=hours)
        if not body.ranking:
            problem = next((trial.problem for trial in body.trials if trial.problem), "-")
            raise RunFailed("search-nothing", problem=problem)
        write_study(self.record.folder, body)
        write_whole(self.best_file, dump_recipe(self.job_of(body).recipe).encode())
        return body

    @property
    def best_file(self) -> Path:
        return self.record.folder / BEST

    def job_of(self, body: StudyBody) -> Job:
        """The best trial's own recipe, runnable as it is, under the name of the search's recipe."""
        return replace(self.scene.job, recipe=recipe_with(self.scene.job.recipe, body.best.settings))

    def _num_trials(self, bracket: int) -> int:
        """Of a bracket; 0 where there is none."""
        search = self.scene.search
        if search.by == "grid":
            return 0 if bracket else len(grid(self.scene.space))
        if search.by == "random":
            return 0 if bracket else search.num_trials
        return max(0, min(NUM_STARTUP, search.num_trials - bracket * NUM_STARTUP))

    def _begun(self, bracket: int, num_trials: int) -> list[Entry]:
        """The trials of a bracket, those that are missing proposed."""
        search, space = self.scene.search, self.scene.drawn_from
        points = grid(self.scene.space) if search.by == "grid" else []
        for place in range(len(self.ledger.of_bracket(bracket)), num_trials):
            seed = self.scene.job.recipe.seed
            settings = points[place] if search.by == "grid" else self.ledger.propose(space, search.by, seed)
            if settings is None:
                break
            self.ledger.begin(settings, space, bracket)
        return self.ledger.of_bracket(bracket)

    def _train(self, number: int, is_over: Callable[[], bool]) -> bool:
        """Train a bracket; False where time was over first."""
        folder = self.record.folder / GROUPS / f"bracket-{number}"
        if all(entry.state != "running" for entry in self.ledger.of_bracket(number)):
            shutil.rmtree(folder, ignore_errors=True)
            return True
        candidates = [found for entry in self.ledger.of_bracket(number) if (found := self._candidate(entry))]
        bracket = Bracket(
            number=number,
            candidates=candidates,
            ledger=self.ledger,
            trainer=self.trainer,
            folder=folder,
            eta=self.scene.search.halving,
            higher_is_better=self.scene.higher_is_better,
            is_over=is_over,
            on_rung=self._tell,
            on_halved=lambda num: self.scene.job.progress.say("say.search.halved", "warning", num=num),
        )
        return bracket.run()

    def _tell(self, rung: Rung, num_trials: int) -> None:
        share = f"{100 * float(rung.share):.3g}%"
        self.scene.job.progress.say("say.search.rung", num=num_trials, share=share)

    def _tell_best(self) -> None:
        entries = {entry.number: entry for entry in self.ledger.entries()}
        for number in ranking(list(entries.values()), higher_is_better=self.scene.higher_is_better)[:1]:
            value = f"{entries[number].value:.4g}"
            self.scene.job.progress.say("say.search.best", number=number, metric=self.scene.metric, value=value)

    def _candidate(self, entry: Entry) -> Candidate | None:
        """What a trial trains; None where it cannot be trained, which the ledger is told."""
        if entry.state == "failed" and entry.num_steps is None:
            return None
        try:
            recipe = recipe_with(self.scene.job.recipe, values_of(self.scene.space, entry.settings))
            job = replace(self.scene.job, recipe=recipe.model_copy(update={"variants": {}}), progress=Silent())
            dataset = lifecycle.prepare(job)
            refuse_other_rows(dataset, self.scene.dataset)
            plans = lifecycle.plan(job, dataset)
            training = lifecycle.trainings_of(job, dataset, plans)["tuned"]
            peaks = lifecycle.predict(job, dataset, plans)["tuned"].together
        except Interrupted:
            raise
        except TunesmithError as failure:
            self.ledger.fail(entry.number, str(failure))
            return None
        if entry.num_steps is None:
            self.ledger.plan(entry.number, training.plan.body.num_steps)
        return Candidate(entry.number, recipe, training, peaks)

    def body(self, *, is_done: bool) -> StudyBody:
        """All that the ledger says."""
        scene, entries = self.scene, self.ledger.entries()
        trials = [self._trial(entry) for entry in entries]
        taken = [trial for trial in trials if trial.num_steps is not None]
        return StudyBody(
            name=scene.job.recipe.name,
            method=scene.job.recipe.train.method.name,
            metric=scene.metric,
            higher_is_better=scene.higher_is_better,
            by=scene.search.by,
            halving=scene.search.halving,
            seed=scene.job.recipe.seed,
            space={key: tried.model_dump(mode="json") for key, tried in scene.space.items()},
            trials=trials,
            ranking=ranking(entries, higher_is_better=scene.higher_is_better),
            num_steps=sum(trial.num_taken for trial in trials),
            full_trials=sum(trial.num_taken / (trial.num_steps or 1) for trial in taken),
            is_done=is_done,
            importance=importance_of(entries, scene.drawn_from, scene.job.recipe.seed),
        )

    def _trial(self, entry: Entry) -> StudyTrial:
        num_steps = entry.num_steps
        return StudyTrial(
            number=entry.number,
            bracket=entry.bracket,
            settings=values_of(self.scene.space, entry.settings),
            state=entry.state,
            num_steps=num_steps,
            num_taken=0 if num_steps is None or not entry.values else steps_at(share_of(entry.parts), num_steps),
            values=[(float(share_of(parts)), value) for parts, value in entry.values.items()],
            problem=entry.problem,
        )


def ranking(entries: list[Entry], *, higher_is_better: bool) -> list[int]:
    """Numbers of the trials that were measured: how far a trial was trained goes before what it was worth there."""
    sign = -1.0 if higher_is_better else 1.0
    measured = [entry for entry in entries if entry.values and entry.state != "failed"]
    order: dict[int, Any] = {entry.number: (-entry.parts, sign * entry.values[entry.parts]) for entry in measured}
    return sorted(order, key=lambda number: (order[number], number))


def refuse_other_rows(dataset: Dataset, frozen: Dataset) -> None:
    """Raises TunesmithError `search-other-rows` where the rows held out are not those of the other trials."""
    files, others = dataset.manifest.files, frozen.manifest.files
    if any(files[name] != others[name] for name in FROZEN):
        raise TunesmithError("search-other-rows")
