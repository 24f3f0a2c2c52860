"""Why the tuned model answers as it does: a test item or a text of one's own, from what a run left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tunesmith import lifecycle
from tunesmith.artifacts import Dataset
from tunesmith.artifacts.dataset import METHOD_COLUMN, SAFETY
from tunesmith.errors import Place, TunesmithError
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.explain import Neighbour, Reasons, nearest_rows
from tunesmith.lifecycle import Job
from tunesmith.lifecycle.made import made_dataset, made_model
from tunesmith.prepare.checks import add_system, style_prompt
from tunesmith.records import REHEARSAL, Example, Message

TUNED: Final = "tuned"
NOWHERE: Final = Place("")


@dataclass(frozen=True)
class Question:
    """A test item by its id, or by as much of the beginning of it as tells it from others; or a text."""

    item: str | None = None
    text: str | None = None


@dataclass(frozen=True)
class Explanation:
    """What was asked, what the model says, the words that decide a label, and the training rows most like it."""

    item: str
    """Empty for a text of one's own."""
    text: str
    """The last message, which the units of the reasons are cut from."""
    reference: str
    """Empty for a text of one's own."""
    answer: str
    reasons: Reasons | None
    """None where the answer is no label."""
    neighbours: tuple[Neighbour, ...]


def explain(job: Job, asked: Question, num_rows: int) -> Explanation:
    """Ask the run's tuned model, which must be there.

    Raises TunesmithError `explain-what` unless either an item or a text is given, `run-unmade`, `explain-item` where
    not exactly one test item begins so, and `explain-documents` where the model was trained on plain texts.
    """
    if (asked.item is None) == (asked.text is None):
        raise TunesmithError("explain-what")
    dataset = made_dataset(job)
    plans = lifecycle.plan(job, dataset)
    model = made_model(job, lifecycle.trainings_of(job, dataset, plans)[TUNED])
    if any(source.format == "text" for source in dataset.report().sources):
        raise TunesmithError("explain-documents", place=Place(str(job.run_folder)))
    row = _row(job, dataset, asked)
    train = dataset.rows("train")
    evaluation = Evaluation(
        dataset,
        job.base,
        job.chat,
        {TUNED: model},
        job.recipe.evaluate,
        plans[TUNED].body.precision,
        job.recipe.seed,
        job.trained_base,
    )
    from tunesmith.evaluate.explain_model import told  # brings torch

    found = told(evaluation, row.prompt, _labels(dataset, train), job.runtime)
    return Explanation(
        item=row.id,
        text=row.prompt[-1].content,
        reference=row.answer.content,
        answer=found.answer,
        reasons=found.reasons,
        neighbours=tuple(nearest_rows(train, row.prompt[-1].content, num_rows)),
    )


def _row(job: Job, dataset: Dataset, asked: Question) -> Example:
    if asked.text is not None:
        section = job.recipe.prepare
        row = Example("", (Message("user", asked.text), Message("assistant", "")), NOWHERE)
        return style_prompt(add_system(row, section.system), section.user_style)
    found = [row for row in dataset.rows("test") if row.id.startswith(str(asked.item))]
    if len(found) != 1:
        raise TunesmithError("explain-item", item=asked.item, found=len(found))
    return found[0]


def _labels(dataset: Dataset, train: list[Example]) -> list[str]:
    """What the label arms choose from; nothing where the rows have other answers."""
    if dataset.report().task != "labels":
        return []
    of_task = [row for row in train if row.metadata.get(METHOD_COLUMN) != SAFETY and row.split != REHEARSAL]
    return sorted({row.label for row in of_task if row.label is not None})
