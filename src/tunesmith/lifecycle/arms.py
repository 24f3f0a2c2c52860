"""What a run is compared with beyond its own models: found, or refused before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.artifacts import Dataset, TunedModel, is_whole, read_events
from tunesmith.artifacts.scorecard import Task
from tunesmith.artifacts.tuned_model import KIND as MODEL
from tunesmith.engine.endpoint import endpoint_at
from tunesmith.errors import Phrase, Place, TunesmithError
from tunesmith.evaluate.harness_tasks import check_harness
from tunesmith.evaluate.items import suite_items, test_items
from tunesmith.evaluate.traits import DERIVED, OWN, values_of

if TYPE_CHECKING:
    from tunesmith.lifecycle import Job


def check_arms(job: Job, dataset: Dataset) -> None:
    """Refuse a comparison that is not to be had.

    Raises TunesmithError `endpoint-key`, `suite-file`, `slice-column`, what `other_models` and `check_harness` raise.
    """
    section = job.recipe.evaluate
    other_models(job)
    for address in section.endpoints.values():
        endpoint_at(address, job.runtime, temperature=0.0, max_tokens=1)
    for name, file in section.suites.items():
        suite_items(name, Path(file))
    if section.harness is not None:
        check_harness(section.harness)
    groups = section.protected.groups if section.protected else ()
    columns = [name for name in (*section.slices, *groups) if name not in (*OWN, *DERIVED)]
    if columns:
        asked = test_items(dataset.rows("test"), section.max_items, job.recipe.seed)
        for name in columns:
            values_of(name, asked)


def check_judge(job: Job, task: Task) -> None:
    """Refuse a judge that has nothing to judge.

    Raises TunesmithError `endpoint-key`, `judge-task`, `judge-arm`.
    """
    section = job.recipe.evaluate
    if section.judge is None:
        return
    endpoint_at(section.judge.endpoint, job.runtime, temperature=0.0, max_tokens=1)
    if task != "text":
        raise TunesmithError("judge-task", place=Place("recipe", field="evaluate.judge"), task=task)
    known = dict.fromkeys(("base", *section.arms, *job.recipe.variants, *section.models, *section.endpoints))
    missing = next((arm for arm in section.judge.arms if arm not in known), None)
    if missing is not None:
        place = Place("recipe", field="evaluate.judge.arms")
        raise TunesmithError("judge-arm", place=place, arm=missing, known=", ".join(known))


def other_models(job: Job) -> dict[str, TunedModel]:
    """The models of other runs that the recipe compares with, by arm. Raises TunesmithError `arm-model`."""
    found = {}
    for name, given in job.recipe.evaluate.models.items():
        folder = job.runtime.workspace / given
        if (folder / "events.jsonl").is_file():
            folder = job.runtime.workspace / "artifacts" / MODEL / _key_of_tuned(folder)
        if not is_whole(folder):
            raise TunesmithError("arm-model", place=Place(given), arm=name, problem=Phrase("arm-model.absent"))
        found[name] = TunedModel.open(folder)
        if found[name].manifest.inputs["base"] != job.base.content_hash:
            raise TunesmithError("arm-model", place=Place(given), arm=name, problem=Phrase("arm-model.base"))
    return found


def _key_of_tuned(run: Path) -> str:
    """The newest `tuned` model that a run made; nothing where it made none."""
    keys = [
        event.data["key"]
        for event in read_events(run)
        if event.type == "artifact" and (event.data["kind"], event.data.get("name")) == (MODEL, "tuned")
    ]
    return keys[-1] if keys else ""
