"""What an objective makes of the rows of a split: conversations to learn from, or prompts with a target."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tunesmith.artifacts import Dataset
from tunesmith.chat.render import Chat
from tunesmith.errors import Phrase, TunesmithError
from tunesmith.recipe import Classification, DistillText, Objective, Regression, Text
from tunesmith.records import Example, Rendered


def taught_rows(
    chat: Chat, examples: Sequence[Example], objective: Objective, classes: Sequence[str] = ()
) -> list[Rendered]:
    """The rows that `objective` trains on. `classes` are those of the training rows, for classification.

    Where a teacher writes the answers, these are the rows as they stand without it. The target of a prompt is the
    number of its class, NaN for a class that no training row has, or its number. Raises TunesmithError `objective-rows`
    with the place of a row that has no label or number, is a plain text where answers are learned or a conversation
    where texts are; `one-class`; and what `Chat` raises.
    """
    if isinstance(objective, Classification):
        if len(classes) < 2:
            raise TunesmithError("one-class")
        numbers = {name: float(number) for number, name in enumerate(classes)}
        targets = [_class_number(example, numbers) for example in examples]
    elif isinstance(objective, Regression):
        targets = [_number(example) for example in examples]
    else:
        wants_text = isinstance(objective, Text)
        _refuse_other_rows(examples, objective.name, wants_text=wants_text)
        if isinstance(objective, Text):
            return chat.training_rows(examples)
        return chat.training_rows(examples, "last" if isinstance(objective, DistillText) else objective.supervise)
    return [
        replace(row, target=target, target_weight=example.weight)
        for row, target, example in zip(chat.prompt_rows(examples), targets, examples, strict=True)
    ]


def _refuse_other_rows(examples: Sequence[Example], objective: str, *, wants_text: bool) -> None:
    for example in examples:
        if (example.text is not None) != wants_text:
            lacks = Phrase("objective.lacks.text" if wants_text else "objective.lacks.answer")
            raise TunesmithError("objective-rows", place=example.place, objective=objective, lacks=lacks)


def classes_of(dataset: Dataset) -> list[str]:
    """The labels of the training rows, sorted."""
    return sorted(label for label, counts in dataset.report().labels.items() if counts.get("train"))


def _class_number(example: Example, numbers: Mapping[str, float]) -> float:
    if example.label is None:
        raise TunesmithError(
            "objective-rows", place=example.place, objective="classification", lacks=Phrase("objective.lacks.label")
        )
    return numbers.get(example.label, math.nan)


def _number(example: Example) -> float:
    if example.target is None:
        raise TunesmithError(
            "objective-rows", place=example.place, objective="regression", lacks=Phrase("objective.lacks.target")
        )
    return example.target
