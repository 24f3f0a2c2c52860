"""The jobs of the benchmark `search`, and those of its parts that need a process of their own.

`python -m benchmarks.search_jobs memory FOLDER NUM` trains NUM trials of the recipe in FOLDER in one pass and prints
the process's largest memory in bytes; `... study FOLDER` searches, going on where an earlier one was killed, and prints
what each trial came to.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.hardware import num_usable_cores
from benchmarks.method_advice import NEWS
from benchmarks.training_rows import BANKING_FILE, MedicalRows
from benchmarks.worker import peak_bytes
from tunesmith import lifecycle
from tunesmith.artifacts.study import StudyBody
from tunesmith.lifecycle import Job
from tunesmith.model.base import BUILTIN
from tunesmith.recipe import Recipe
from tunesmith.runtime import Runtime, Silent
from tunesmith.search.ledger import Ledger
from tunesmith.search.study import Study, group_trainer, scene_of
from tunesmith.train.together import Group
from tunesmith.train.training import Training

RATES: Final = tuple(3e-4 * 2**place for place in range(8))
KEY: Final = "train.learning_rate"
FILE: Final = "recipe.json"
NUM_TEXT_CHARACTERS: Final = 2_500
"""Of a text: some 600 tokens."""


@dataclass(frozen=True)
class SearchJob:
    """Rows, a base, and how each trial is trained; trials differ in their rate."""

    sources: Sequence[Mapping[str, Any]]
    prepare: Mapping[str, Any]
    train: Mapping[str, Any]
    model: Mapping[str, Any] = field(default_factory=lambda: {"base": BUILTIN})
    rates: Sequence[float] = RATES
    num_threads: int = num_usable_cores()

    def write(self, folder: Path) -> Job:
        """Put the recipe where `job_in` finds it."""
        recipe = {
            "name": "search",
            "model": dict(self.model),
            "prepare": {"sources": list(self.sources), **self.prepare},
            "train": {"method": {"name": "lora"}, "trackers": [], "learning_rate": self.rates[0], **self.train},
            "search": {"space": {KEY: {"values": list(self.rates)}}, "by": "grid", "halving": 2},
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps({"recipe": recipe, "num_threads": self.num_threads}), encoding="utf-8")
        return job_in(folder)


def job_in(folder: Path) -> Job:
    """The job of a folder, which is its workspace too."""
    told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    runtime = Runtime(folder, folder / "cache", num_threads=told["num_threads"])
    return Job(Recipe.model_validate(told["recipe"]), runtime, Silent())


def news_job(**train: Any) -> SearchJob:
    """Short messages that every copy of the project has."""
    return SearchJob(({"path": str(NEWS)},), {"test_share": 0.1, "validation_share": 0.05}, train)


def banking_job(**train: Any) -> SearchJob:
    """Messages to a bank, where their file lies."""
    if not BANKING_FILE.is_file():
        return news_job(**train)
    return SearchJob(({"path": str(BANKING_FILE)},), {"test_share": 0.1, "validation_share": 0.02}, train)


def text_job(base: Path, folder: Path, **train: Any) -> SearchJob:
    """Long texts; of random words where the medical rows are absent."""
    texts = [prompt + completion for prompt, completion in MedicalRows().texts()]
    texts = texts or [" ".join(str(n * m) for m in range(1, 900)) for n in range(1, 41)]
    lines = (json.dumps({"text": text[:NUM_TEXT_CHARACTERS]}) + "\n" for text in texts[:40])
    file = folder / "texts.jsonl"
    file.write_text("".join(lines), encoding="utf-8")
    sources = ({"path": str(file), "format": "text"},)
    return SearchJob(
        sources,
        {"test_share": 0.05, "validation_share": 0.05},
        {"objective": "text", "precision": "bf16", "batch_rows": 2, "evaluate_every": 100, **train},
        {"base": str(base), "prompt_style": "alpaca"},  # it has no template of its own, and texts need none
    )


def trainings_of(job: Job, num: int = len(RATES)) -> dict[str, Training]:
    """The first `num` trials, each at full length."""
    values = [value for tried in job.recipe.search.space.values() for value in tried.model_dump()["values"]][:num]
    first, *others = (job.recipe.train.model_copy(update={"learning_rate": rate}) for rate in values)
    variants = {f"trial-{number}": section for number, section in enumerate(others, start=1)}
    told = replace(job, recipe=job.recipe.model_copy(update={"train": first, "variants": variants}))
    dataset = lifecycle.prepare(told)
    return dict(lifecycle.trainings_of(told, dataset, lifecycle.plan(told, dataset)))


def study(job: Job) -> StudyBody:
    """Search, without the run of what was chosen."""
    scene = scene_of(job)
    with lifecycle.running(scene.searching) as record:
        ledger = Ledger(record.folder, higher_is_better=scene.higher_is_better)
        return Study(scene, record, group_trainer(job), ledger).run(lambda _: False)


def results(body: StudyBody) -> dict[str, Any]:
    """By the number of a trial, how it ended and what was measured."""
    return {str(trial.number): [trial.state, trial.values] for trial in body.trials}


def main(mode: str, folder: Path, num: int = 1) -> None:
    job = job_in(folder)
    if mode == "memory":
        trainings = trainings_of(job, num)
        Group(trainings, job.runtime, Silent()).advance(trainings["tuned"].plan.body.num_steps)
        print(peak_bytes("cpu"))
    else:
        print(json.dumps(results(study(job))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:]))
