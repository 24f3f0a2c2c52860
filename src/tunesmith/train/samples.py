"""A few prompts that the model in training answers again and again, so that one can watch what it learns to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedModel

from tunesmith.engine.local import LocalEngine
from tunesmith.records import Message, Sampling
from tunesmith.train.random_state import random_state, restore_random_state
from tunesmith.train.training import Training


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, and what its row answers where it is one of a row."""

    messages: tuple[Message, ...]
    reference: str | None


def questions_of(training: Training) -> list[Question]:
    """The recipe's own prompts, then those of validation rows that the seed draws, in the order of the rows."""
    samples = training.section.samples
    if samples is None:
        return []
    own = [Question((Message("user", prompt),), None) for prompt in samples.prompts]
    rows = training.dataset.rows("validation") if samples.num_rows else []
    drawn = np.random.default_rng(training.seed).permutation(len(rows))[: samples.num_rows]
    return own + [Question(rows[place].prompt, rows[place].answer.content) for place in sorted(drawn.tolist())]


def answers(model: PreTrainedModel, training: Training, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The data of a `sample` event for each question, answered greedily.

    The training goes on as if nobody had asked: the model's mode and torch's random state are put back.
    """
    assert training.section.samples is not None
    sampling = Sampling(max_new_tokens=training.section.samples.max_new_tokens)
    engine = LocalEngine(model, training.chat, training.base.max_tokens)
    before, is_training = random_state(), model.training
    try:
        found = engine.generate([question.messages for question in questions], sampling)
    finally:
        model.train(is_training)
        restore_random_state(before)
    return [
        {
            "model": training.name,
            "item": item,
            "prompt": question.messages[-1].content,
            "reference": question.reference,
            "answer": completion.message.content,
            "reasoning": completion.message.reasoning,
            "finish_reason": completion.finish_reason,
        }
        for item, (question, (completion,)) in enumerate(zip(questions, found, strict=True))
    ]
