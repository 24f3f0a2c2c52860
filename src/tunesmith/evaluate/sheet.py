"""What an evaluation asks, drawn up before any model is loaded, and what each arm makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tunesmith.artifacts.dataset import METHOD_COLUMN, SAFETY
from tunesmith.artifacts.scorecard import Task
from tunesmith.errors import TunesmithError
from tunesmith.evaluate import memorisation, safety
from tunesmith.evaluate.confidence import num_to_fit
from tunesmith.evaluate.evaluation import Evaluation, task_of
from tunesmith.evaluate.items import Item, general_items, suite_items, test_items
from tunesmith.evaluate.kinds import kinds_of
from tunesmith.evaluate.summary import Judged
from tunesmith.evaluate.swaps import SwapSheet, swap_sheet
from tunesmith.model.decoding import decoding_of
from tunesmith.recipe.confidence import HELD_OUT, AnswerConfidence
from tunesmith.records import REHEARSAL, Example, Sample, Sampling

FREE_FORM: Final = {"base": "base_free_form", "tuned": "tuned_free_form"}
"""Models that also write what they choose, and the arms in which they do."""


@dataclass
class Sheet:
    """What was asked, and what each arm made of it."""

    task: Task
    labels: list[str]
    train: list[Example]
    items: dict[str, list[Item]]
    """Items by suite."""
    sampling: Sampling
    swaps: SwapSheet
    kinds: tuple[AnswerConfidence, ...] = ()
    """Confidences of free answers."""
    held_out: list[Item] = field(default_factory=list)
    """Validation rows that maps of confidence are fitted on."""
    judged: dict[str, dict[str, Judged]] = field(default_factory=dict)
    """By arm, then suite."""
    asides: dict[str, list[Sample]] = field(default_factory=dict)
    """By arm, samples that confidence is computed from, in suites of their own."""


def sheet_of(evaluation: Evaluation) -> Sheet:
    """Items of every suite that is asked, labels, decoding. Raises TunesmithError `no-test-rows`."""
    task = _task(evaluation)
    # what refuses or rehearses has nothing of the task: no label, no example to show
    rows = evaluation.dataset.rows("train")
    of_task = [row for row in rows if row.metadata.get(METHOD_COLUMN) != SAFETY and row.split != REHEARSAL]
    train, asked = _to_be_given(of_task), _to_be_given(evaluation.dataset.rows(evaluation.split))
    test = test_items(asked, evaluation.section.max_items, evaluation.seed)
    if not test:
        raise TunesmithError("no-test-rows")
    section, items = evaluation.section, {"test": test}
    if any(model.head() is None for model in evaluation.models.values()):
        shipped = general_items() if section.general_suite else []
        if safety.is_asked(section):
            taught = {row.answer.content for row in rows if row.metadata.get(METHOD_COLUMN) == SAFETY}
            shipped += safety.unseen(safety.safety_items(taught), rows)
        for item in shipped:
            items.setdefault(item.suite, []).append(item)
        items |= {name: suite_items(name, Path(file)) for name, file in section.suites.items()}
        memory = section.safety.memorisation
        items |= memorisation.memory_items(train, asked, memory, evaluation.chat, evaluation.seed)
    labels = sorted({example.label for example in train if example.label is not None}) if task == "labels" else []
    decoding = decoding_of(evaluation.section.decoding, evaluation.base, evaluation.seed)
    protected = evaluation.section.protected
    swaps = swap_sheet(protected.swap if protected else (), test, task, evaluation.seed)
    kinds = kinds_of(evaluation.section, task, decoding)
    return Sheet(task, labels, train, items, decoding, swaps, kinds, _held_out(evaluation, task, len(test)))


def _to_be_given(rows: Sequence[Example]) -> list[Example]:
    """Rows whose answer is one to give: one of weight 0 is to be unlearned or only read, and is right for nobody."""
    return [row for row in rows if row.answer.weight > 0]


def _held_out(evaluation: Evaluation, task: Task, num_test: int) -> list[Item]:
    """Labels of validation rows cost little; free answers would be written anew, and are held out from the test."""
    if task != "labels" or evaluation.section.confidence.map == "none":
        return []
    rows = evaluation.dataset.rows("validation")
    items = test_items(rows, num_to_fit(len(rows), num_test), evaluation.seed)
    return [replace(item, suite=HELD_OUT) for item in items]


def _task(evaluation: Evaluation) -> Task:
    """What the rows ask for; numbers are asked for where a model was trained to predict them."""
    heads = [model.head() for model in evaluation.models.values()]
    predicts_numbers = any(head is not None and head.kind == "regression" for head in heads)
    return task_of(evaluation.dataset.report(), predicts_numbers=predicts_numbers)


def num_questions(evaluation: Evaluation, sheet: Sheet) -> int:
    """Answers that models will be asked for: the total of the progress bar."""
    num_test = len(sheet.items["test"])
    num_general = sum(len(items) for suite, items in sheet.items.items() if suite != "test")
    num_untuned, has_base = len(evaluation.untuned()), not evaluation.base.is_encoder
    num_speaking = num_untuned + sum(model.head() is None for model in evaluation.models.values())
    num_models = num_untuned + len(evaluation.models)
    extra = has_base * sum(name in evaluation.section.arms for name in ("base_few_shot", *FREE_FORM.values()))
    extra += len(evaluation.section.endpoints)
    num_times = 2 if sheet.task == "text" else 1
    num_writing = num_models + ("base_few_shot" in evaluation.section.arms)
    num_more = num_test * num_writing * len({"likelihood", "verbalised"}.intersection(sheet.kinds))
    num_more += num_test * len(evaluation.section.endpoints) * ("verbalised" in sheet.kinds)
    num_more += len(sheet.held_out) * len(evaluation.models)
    num_more += sheet.swaps.num_items * num_times * (has_base + ("tuned" in evaluation.models))
    num_answers = num_test * (num_times * num_models + (0 if sheet.task == "documents" else extra))
    return num_answers + num_general * num_speaking + num_more
