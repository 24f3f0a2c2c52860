"""Distillation from a teacher's text: the answers that are learned are the teacher's own.

Sequence-level distillation (Kim & Rush 2016, arXiv:1606.07947) with the greedy answer in place of a beam's best.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from tunesmith.chat import Chat, load_chat
from tunesmith.chat.cache import cached_rows
from tunesmith.engine.local import LocalEngine
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.model.base import Base
from tunesmith.model.load import compute_dtype, load_model
from tunesmith.recipe import DistillText
from tunesmith.records import Completion, Example, Rendered, Sampling
from tunesmith.runtime import Progress, Runtime
from tunesmith.train.training import Training

VERSION: Final = 1
CONTROL_TOKEN: Final = "control-token"


def rows_of_teacher(
    training: Training, objective: DistillText, teacher: Base, runtime: Runtime, progress: Progress
) -> list[Rendered]:
    """The training rows with the teacher's answer in place of the last one, which alone is supervised; cached.

    Each row asks the teacher with its own chat template. Raises RunFailed `teacher-silent` when no answer is of use.
    """
    precision = training.plan.body.precision
    models = f"{teacher.content_hash} {precision} {training.base.max_tokens} {training.chat.fingerprint}"
    decisive = f"teacher {VERSION} {training.dataset.key} {models} {objective.model_dump_json()}"
    make = partial(_asked, training, objective, teacher, runtime, progress)
    return cached_rows(runtime.cache, decisive, make)


def _asked(
    training: Training, objective: DistillText, teacher: Base, runtime: Runtime, progress: Progress
) -> list[Rendered]:
    examples = training.dataset.rows("train")
    model = load_model(teacher.folder, dtype=compute_dtype(training.plan.body.precision), device=runtime.device)
    engine = LocalEngine(model, load_chat(teacher.folder), teacher.max_tokens)
    progress.begin("task.teacher", len(examples))
    sampling = Sampling(max_new_tokens=objective.max_new_tokens)
    answers = engine.generate([example.prompt for example in examples], sampling, progress.advance)
    progress.end()
    del engine, model
    gc.collect()
    rows = learned_answers(training.chat, examples, [found for (found,) in answers], training.base.max_tokens)
    if not rows:
        raise RunFailed("teacher-silent", rows=len(examples), tokens=objective.max_new_tokens)
    if len(rows) < len(examples):
        progress.say("say.teacher-left-out", "warning", num=len(examples) - len(rows), of=len(examples))
    return rows


def learned_answers(
    chat: Chat, examples: Sequence[Example], answers: Sequence[Completion], max_tokens: int
) -> list[Rendered]:
    """The rows of the answers that came to an end, say something, hold no control token and fit `max_tokens`."""
    found = []
    for example, answer in zip(examples, answers, strict=True):
        if answer.finish_reason == "stop" and answer.message.content:
            found += _rendered(chat, replace(example, messages=(*example.prompt, answer.message)))
    return [row for row in found if len(row.ids_T) <= max_tokens]


def _rendered(chat: Chat, example: Example) -> list[Rendered]:
    try:
        return chat.training_rows([example], "last")
    except TunesmithError as failure:
        if failure.code != CONTROL_TOKEN:
            raise
        return []
