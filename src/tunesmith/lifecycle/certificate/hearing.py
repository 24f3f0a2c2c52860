"""What one model gives to the questions of a certificate: a language model writes, one with a head chooses.

Shapes: N questions, C classes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from tunesmith.artifacts.head import Head
from tunesmith.engine.heads import class_probabilities, predicted_numbers
from tunesmith.engine.likeness import Predictions, answer_rows, predictions
from tunesmith.engine.local import LocalEngine
from tunesmith.lifecycle.certificate.questions import Question
from tunesmith.records import Rendered

MAX_NEW_TOKENS: Final = 64
LONG_ANSWER: Final = 8
"""Speed is told from answers of at least so many tokens, where there are any."""

OnDone = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Heard:
    """Of a head, each answer is the number of the class."""

    answers: tuple[tuple[int, ...], ...]
    tokens_per_second: float
    """Median over the answers, first tokens included, one answer at a time; of a head, texts a second."""


def hear(engine: LocalEngine, head: Head | None, questions: Sequence[Question], on_done: OnDone) -> Heard:
    """Greedy answers, each written by itself."""
    if head is not None:
        started = time.perf_counter()
        chosen_N = _class_logs(engine, head, questions).argmax(1).tolist()
        seconds = time.perf_counter() - started
        on_done(len(questions))
        return Heard(tuple((number,) for number in chosen_N), len(questions) / seconds)
    written = []
    for question in questions:
        written.append(engine.write(question.ids, MAX_NEW_TOKENS))
        on_done(1)
    return Heard(tuple(each.ids for each in written), speed([(len(each.ids), each.seconds) for each in written]))


def speed(told: Sequence[tuple[int, float]]) -> float:
    """Median tokens per second of answers by their tokens and seconds; 0 without any token."""
    found = [(num, num / seconds) for num, seconds in told if num and seconds]
    long = [rate for num, rate in found if num >= LONG_ANSWER]
    return median(long or [rate for _, rate in found] or [0.0])


def predict(
    engine: LocalEngine, head: Head | None, questions: Sequence[Question], answers: Sequence[Sequence[int]]
) -> Predictions:
    """What the model predicts at every place of the judged model's answers."""
    if head is None:
        return predictions(engine, answer_rows([question.ids for question in questions], answers))
    logs_NC = torch.from_numpy(_class_logs(engine, head, questions)).float()
    return Predictions(logs_NC, lambda given: given, torch.tensor([number for (number,) in answers]))


def _class_logs(engine: LocalEngine, head: Head, questions: Sequence[Question]) -> NDArray[np.float64]:
    """(N, C); a number counts as the logit of the first of two outcomes, in standard deviations of the target."""
    rows = [
        Rendered(str(place), np.array(question.ids, np.int32), np.zeros(len(question.ids), np.float32))
        for place, question in enumerate(questions)
    ]
    if head.kind == "regression":
        numbers_N = (predicted_numbers(engine.model, head, rows, lambda done: None) - head.mean) / head.scale
        return np.stack((numbers_N, np.zeros_like(numbers_N)), axis=1)
    odds_NC = class_probabilities(engine.model, rows, lambda done: None)
    return np.log(np.maximum(odds_NC, np.finfo(np.float64).tiny))
