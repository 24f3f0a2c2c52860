"""From a recipe's objective to what the loop is handed: the loss of a micro-batch, and the head it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from transformers import PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.model.soft_head import Softness
from tunesmith.recipe import Classification, Distill, Regression, Train
from tunesmith.records import Rendered
from tunesmith.train.objectives import classification, distill, regression, sft
from tunesmith.train.step import Objective


@dataclass(frozen=True, slots=True)
class Losses:
    """`train` is minimised; `validate` measures the same without smoothing, so that runs can be compared."""

    train: Objective
    validate: Objective


def head_of(section: Train, rows: Sequence[Rendered], classes: Sequence[str], began: Head | None) -> Head | None:
    """The head to train on the training rows `rows`; None where the model stays a language model.

    `began` is the head whose numbers training goes on from, where it is told: what it says is in units of its own rows.
    """
    if isinstance(section.objective, Classification):
        return Head(kind="classification", classes=tuple(classes))
    if not isinstance(section.objective, Regression):
        return None
    return began if began is not None and began.kind == "regression" else regression.standardising(rows)


def losses(section: Train, head: Head | None, teacher: PreTrainedModel | None) -> Losses:
    """`head` for classification and regression, `teacher` for distillation, neither for plain likelihood."""
    objective = section.objective
    if isinstance(objective, Distill) and teacher is not None:
        softness = Softness(objective.temperature, objective.share)
        taught = partial(distill.loss, teacher=teacher, softness=softness)
        return Losses(taught, taught)
    if head is None:
        return Losses(partial(sft.loss, label_smoothing=section.label_smoothing), sft.loss)
    if head.kind == "classification":
        return Losses(partial(classification.loss, label_smoothing=section.label_smoothing), classification.loss)
    measure = partial(regression.loss, head=head)
    return Losses(measure, measure)
