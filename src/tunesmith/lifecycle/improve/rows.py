"""What a candidate learns and what it is judged on: the champion's own rows, frozen, and those of feedback beside them.

The rows of feedback are prepared once, beside the champion's training rows and against everything held out: what
repeats a validation or test row of the champion, or a row that an earlier round held out, is cut, and of what is like
no training row a share is held out in turn. The candidate's dataset is then made of rows that are prepared already:
those, and the champion's validation and test rows, declared as what they are. So no row changes its split, and the
candidate's test is the champion's, which is checked.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset, Scorecard, TunedModel, is_whole
from tunesmith.artifacts.bundle import Bundle, BundleBody
from tunesmith.artifacts.dataset import KIND as DATASET
from tunesmith.artifacts.feedback_set import FEEDBACK_COLUMN, FeedbackSet
from tunesmith.artifacts.scorecard import KIND as SCORECARD
from tunesmith.artifacts.tuned_model import KIND as TUNED_MODEL
from tunesmith.errors import Place, RunFailed, TunesmithError
from tunesmith.evaluate.gate import ARM
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.lineage import read_lineage
from tunesmith.recipe import Recipe, Source
from tunesmith.store import Store, Version, open_version
from tunesmith.store.tombstones import tombstone

MIN_FRESH: Final = 10
"""So few rows of recent traffic tell nothing, and nobody is judged on them."""
HELD_OUT: Final[tuple[Literal["validation", "test"], ...]] = ("validation", "test")
_ONCE: Final[dict[str, Any]] = {
    "reasoning": "keep",
    "teacher": None,
    "validation_share": 0.0,
    "test_share": 0.0,
    "group_by": None,
    "split_by_time": None,
    "contamination": (),
    "augment": None,
    "balance": None,
    "safety": None,
}
"""What was done to the champion's rows when they were prepared, or names columns that rows of feedback lack."""


@dataclass(frozen=True)
class Champion:
    """The version that a candidate is judged against, and what it was made of."""

    version: Version
    bundle: Bundle
    dataset: Dataset
    model: TunedModel
    scorecard: Scorecard


def champion_at(job: Job, store: Store, version: Version) -> Champion:
    """Raises TunesmithError `improve-other-model`, `improve-parts`, `improve-forgotten` where somebody who was
    forgotten stood among what it was judged on, and what `open_version` raises.
    """
    bundle = open_version(version)
    body = bundle.body
    unlike = {
        "name": body.name != job.recipe.name,
        "model.base": body.base.sha256 != job.trained_base.content_hash,
        "export.arm": {body.arm, job.recipe.export.arm} != {ARM},
    }
    for what, differs in unlike.items():
        if differs:
            raise TunesmithError("improve-other-model", place=Place(str(bundle.folder)), version=version, what=what)
    return Champion(
        version,
        bundle,
        Dataset.open(_part(job, store, DATASET, body.dataset)),
        TunedModel.open(_part(job, store, TUNED_MODEL, body.tuned_model)),
        Scorecard.open(_part(job, store, SCORECARD, body.scorecard or "")),
    )


def lost_parts(job: Job, store: Store, body: BundleBody) -> list[str]:
    """Keys of what a model was judged on that went with somebody who was forgotten."""
    parts = {DATASET: body.dataset, SCORECARD: body.scorecard or ""}
    return [key for kind, key in parts.items() if not is_whole(artifact_at(job, kind, key)) and _is_gone(store, key)]


def _is_gone(store: Store, key: str) -> bool:
    return tombstone(store, "artifact", key) is not None


def artifact_at(job: Job, kind: str, key: str) -> Path:
    return job.runtime.workspace.absolute() / "artifacts" / kind / key


def _part(job: Job, store: Store, kind: str, key: str) -> Path:
    folder = artifact_at(job, kind, key)
    if not key or not is_whole(folder):
        # a successor is not looked for: the champion's answers to a row that went cannot be held against a candidate's
        code = "improve-forgotten" if _is_gone(store, key) else "improve-parts"
        raise TunesmithError(code, place=Place(str(folder)), kind=kind)
    return folder


def fresh_of(job: Job, key: str) -> Dataset | None:
    """The rows that a round held out, as the test of a dataset, or what succeeds it where somebody was forgotten: the
    others are held out still. None where they are too few, or were removed.
    """
    node = read_lineage(job.runtime.workspace).find(key)
    dataset = None if node is None else Dataset.open(node.folder)
    return dataset if dataset is not None and dataset.report().splits["test"] >= MIN_FRESH else None


def with_feedback(job: Job, champion: Champion, feedback: FeedbackSet, held_back: Sequence[Dataset]) -> Dataset:
    """The champion's training rows with those of feedback; its test are the rows of feedback that are held out.

    `held_back` are the datasets of earlier rounds, whose test rows nobody is to learn. Raises TunesmithError
    `improve-no-rows`, and what `prepare` raises.
    """
    own, improve = job.recipe.prepare, job.recipe.improve
    base = _source(champion.dataset, "train").model_copy(update={"max_rows": improve.base_rows})
    held = [_source(champion.dataset, split) for split in _splits(champion.dataset)]
    held += [_source(dataset, "test") for dataset in held_back]
    section = own.model_copy(
        update={
            **_ONCE,
            "sources": (base, Source(path=str(feedback.rows.absolute()))),
            "clean": own.clean.model_copy(update={"fill": {}, "require": ()}),
            "test_share": improve.fresh_share,
            "contamination": tuple(source.model_copy(update={"split": None}) for source in held),
        }
    )
    dataset = lifecycle.prepare(_with(job, prepare=section))
    learned, fresh = num_learned(dataset), dataset.report().splits["test"]
    if not learned:
        raise TunesmithError("improve-no-rows", place=Place(str(feedback.rows)))
    num_base = dataset.report().splits["train"] - learned
    job.progress.say("say.improve.prepared", rows=learned, base=num_base, fresh=fresh)
    if fresh < MIN_FRESH:
        job.progress.say("say.improve.few-fresh", "warning", fresh=fresh)
    return dataset


def num_learned(dataset: Dataset) -> int:
    """Rows of feedback among the training rows of what `with_feedback` made."""
    report = dataset.report()
    return report.sources[-1].kept - report.splits["test"]


def candidate_of(job: Job, champion: Champion, taught: Dataset) -> Job:
    """The recipe of the candidate: the rows of `taught`, judged on the champion's validation and test rows."""
    held = tuple(_source(champion.dataset, split) for split in _splits(champion.dataset))
    section = job.recipe.prepare.model_copy(
        update={
            **_ONCE,
            "sources": (_source(taught, "train"), *held),
            "clean": job.recipe.prepare.clean.model_copy(update={"fill": {}, "require": ()}),
            "balance": job.recipe.prepare.balance,
        }
    )
    train = job.recipe.train
    if job.recipe.improve.start == "champion":
        train = train.model_copy(update={"start": str(champion.model.folder.absolute())})
    return _with(job, prepare=section, train=train, variants={})


def check_frozen(candidate: Dataset, champion: Dataset) -> None:
    """Raises RunFailed `improve-split-moved` where the held-out rows are not the same."""
    before, after = champion.report().proof.ids_sha256, candidate.report().proof.ids_sha256
    for split in HELD_OUT:
        if before[split] != after[split]:
            raise RunFailed("improve-split-moved", place=Place(str(candidate.folder)), split=split)


def feedback_ids(feedback: FeedbackSet) -> set[str]:
    """What each row of it came from."""
    with feedback.rows.open(encoding="utf-8") as stream:
        return {str(json.loads(line).get(FEEDBACK_COLUMN)) for line in stream}


def _splits(dataset: Dataset) -> list[Literal["validation", "test"]]:
    """Those that are not empty."""
    return [split for split in HELD_OUT if dataset.report().splits[split]]


def _source(dataset: Dataset, split: Literal["train", "validation", "test"]) -> Source:
    return Source(path=str((dataset.folder / f"{split}.jsonl").absolute()), format="dataset", split=split)


def _with(job: Job, **sections: Any) -> Job:
    recipe: Recipe = job.recipe.model_copy(update=sections)
    return replace(job, recipe=recipe)
