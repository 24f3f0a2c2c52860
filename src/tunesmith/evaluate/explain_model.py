"""What the tuned model answers to one prompt, and, where that is a label, the words that it takes it from.

Shapes: T texts, C labels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax
from transformers import PreTrainedModel

from tunesmith.artifacts.head import Head
from tunesmith.engine.heads import class_probabilities, predicted_numbers
from tunesmith.engine.local import LocalEngine
from tunesmith.evaluate.arms import NOWHERE, Prompt
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.explain import Reasons, reasons
from tunesmith.model.decoding import decoding_of
from tunesmith.model.load import ModelSource, compute_dtype, ready_models
from tunesmith.records import Example, Message, Rendered
from tunesmith.runtime import Runtime

LogScores = Callable[[list[str]], NDArray[np.float64]]
"""(T, C) log-probabilities of the labels when the last message of the prompt is each of the texts."""


@dataclass(frozen=True, slots=True)
class Told:
    """`reasons` are None where the answer is no label."""

    answer: str
    reasons: Reasons | None


def told(evaluation: Evaluation, prompt: Prompt, labels: Sequence[str], runtime: Runtime) -> Told:
    """Ask the arm `tuned`. Without `labels` it writes freely; a head says its own classes, or a number."""
    torch.set_num_threads(runtime.num_threads)
    tuned = evaluation.models["tuned"]
    source = ModelSource(tuned, evaluation.base_of(tuned), tuned.is_four_bit)
    models = ready_models({"tuned": source}, dtype=compute_dtype(evaluation.precision), device=runtime.device)
    (found,) = (_told(_Asking(evaluation, model, prompt), tuned.head(), labels) for _, model in models)
    return found


def _told(asking: _Asking, head: Head | None, labels: Sequence[str]) -> Told:
    evaluation, model, prompt = asking.evaluation, asking.model, asking.prompt
    if head is not None and head.kind == "regression":
        (number,) = predicted_numbers(model, head, asking.rows([prompt[-1].content]), lambda done: None)
        return Told(f"{number:.6g}", None)
    if head is not None:
        return _of_label(prompt[-1].content, head.classes, asking.by_head, evaluation.seed)
    if labels:
        return _of_label(prompt[-1].content, labels, asking.by_likelihood(labels), evaluation.seed)
    sampling = decoding_of(evaluation.section.decoding, evaluation.base, evaluation.seed)
    ((answer, *_),) = asking.engine.generate([prompt], replace(sampling, num_samples=1))
    return Told(answer.message.content, None)


def _of_label(text: str, labels: Sequence[str], log_scores: LogScores, seed: int) -> Told:
    best = int(log_scores([text])[0].argmax())
    found = reasons(text, lambda texts: log_scores(texts)[:, best].tolist(), seed)
    return Told(labels[best], found)


@dataclass(frozen=True)
class _Asking:
    """A loaded model, and the prompt whose last message is varied."""

    evaluation: Evaluation
    model: PreTrainedModel
    prompt: Prompt

    @property
    def engine(self) -> LocalEngine:
        return LocalEngine(self.model, self.evaluation.chat, self.evaluation.base.max_tokens)

    def prompts(self, texts: Sequence[str]) -> list[Prompt]:
        return [(*self.prompt[:-1], replace(self.prompt[-1], content=text)) for text in texts]

    def rows(self, texts: Sequence[str]) -> list[Rendered]:
        answer = Message("assistant", "")
        examples = [Example(str(n), (*prompt, answer), NOWHERE) for n, prompt in enumerate(self.prompts(texts))]
        return self.evaluation.chat.prompt_rows(examples)

    def by_head(self, texts: list[str]) -> NDArray[np.float64]:
        """(T, C) of a classifier's head."""
        odds_TC = class_probabilities(self.model, self.rows(texts), lambda done: None)
        return np.log(np.maximum(odds_TC, np.finfo(np.float64).tiny))

    def by_likelihood(self, labels: Sequence[str]) -> LogScores:
        """Of the labels as texts that the model writes, among themselves."""
        candidates = [Message("assistant", label) for label in labels]

        def score(texts: list[str]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = log_softmax(
                np.array(self.engine.log_likelihoods(self.prompts(texts), candidates)), axis=1
            )
            return found

        return score
