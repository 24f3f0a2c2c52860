"""What is certified, and what the judged model said: all that a form is held against."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.bundle import Canary
from tunesmith.artifacts.head import Head
from tunesmith.engine.likeness import Predictions, margins, token_logs
from tunesmith.engine.local import LocalEngine
from tunesmith.evaluate.again import Exam
from tunesmith.evaluate.evaluation import Evaluation
from tunesmith.evaluate.summary import Judged
from tunesmith.lifecycle.certificate.hearing import hear, predict
from tunesmith.lifecycle.certificate.questions import DOMAIN, Question, questions
from tunesmith.model.gains import Probe, probed
from tunesmith.model.load import ModelSource, compute_dtype, ready_models
from tunesmith.recipe import Recipe
from tunesmith.recipe.export import Export
from tunesmith.runtime import Progress, Runtime

NUM_CANARIES: Final = 4
"""Of each kind of prompt."""


@dataclass(frozen=True)
class Certifying:
    """Whose forms are certified."""

    evaluation: Evaluation
    """In which the model was judged, or would be."""
    arm: str
    scorecard: Scorecard | None
    """Of that evaluation: what the judged model said of the test items is taken from it. None judges it again."""
    recipe: Recipe
    runtime: Runtime
    progress: Progress

    @property
    def section(self) -> Export:
        return self.recipe.export

    @property
    def source(self) -> ModelSource:
        """The judged model, as the evaluation loads it."""
        tuned = self.evaluation.models[self.arm]
        return ModelSource(tuned, self.evaluation.base_of(tuned), tuned.is_four_bit)

    @property
    def head(self) -> Head | None:
        return self.evaluation.models[self.arm].head()

    def engine(self, model: PreTrainedModel) -> LocalEngine:
        return LocalEngine(model, self.evaluation.chat, self.evaluation.base.max_tokens)


@dataclass(frozen=True)
class Reference:
    """What the judged model gave; the model itself is gone, but for its head."""

    questions: list[Question]
    answers: tuple[tuple[int, ...], ...]
    predictions: Predictions
    margins: list[NDArray[np.float64]]
    """By answer and place, how far the likeliest token's logit lies above the next one's."""
    is_tie: list[NDArray[np.bool_]]
    """By answer and place, whether the model that writes cannot tell the two apart: see `Margins`."""
    logs: list[NDArray[np.float64]]
    """By answer and place, log-probability of the token."""
    probes: dict[str, Probe]
    exam: Exam
    judged: Judged
    canaries: tuple[int, ...]
    """Places of the questions that a server proves itself by."""

    @property
    def judged_value(self) -> float:
        return float(np.nanmean(self.judged.values[self.exam.wanted.metric]))

    def by_answer(self, figures_Q: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        return np.split(figures_Q, np.cumsum([len(ids) for ids in self.answers])[:-1])

    def canary_difference(self, logs: Sequence[NDArray[np.float64]]) -> float:
        """Largest difference of a form's log-probabilities on the tokens of the canaries."""
        apart = [float(np.abs(logs[place] - self.logs[place]).max()) for place in self.canaries]
        return max(apart, default=0.0)

    def widest_parting(self, answers: Sequence[tuple[int, ...]], asked: Sequence[int]) -> float:
        """See `FormFigures.widest_parting`; `asked` are the places of the questions that were answered."""
        return max((self._parting(mine, place) for mine, place in zip(answers, asked, strict=True)), default=0.0)

    def _parting(self, mine: tuple[int, ...], place: int) -> float:
        own, margins = self.answers[place], self.margins[place]
        if mine == own:
            return 0.0
        if not own:  # there was no room for an answer
            return math.inf
        same = takewhile(lambda pair: pair[0] == pair[1], zip(mine, own, strict=False))
        return float(margins[min(sum(1 for _ in same), len(own) - 1)])


def questions_of(certifying: Certifying) -> list[Question]:
    """A head says nothing of general questions."""
    found = questions(certifying.evaluation, certifying.section.num_prompts)
    return [each for each in found if certifying.head is None or each.kind == DOMAIN]


def ask_judged(certifying: Certifying, asked: list[Question], exam: Exam) -> Reference:
    dtype, device = compute_dtype(certifying.evaluation.precision), certifying.runtime.device
    ((_, found),) = (
        (name, _reference(certifying, certifying.engine(model), asked, exam))
        for name, model in ready_models({certifying.arm: certifying.source}, dtype=dtype, device=device)
    )
    return found


def _reference(certifying: Certifying, engine: LocalEngine, asked: list[Question], exam: Exam) -> Reference:
    head, advance = certifying.head, certifying.progress.advance
    heard = hear(engine, head, asked, advance)
    given = predict(engine, head, asked, heard.answers)
    scorecard = certifying.scorecard
    judged = exam.of_model(engine, advance) if scorecard is None else exam.of_scorecard(scorecard)
    sure = margins(given, compute_dtype(certifying.evaluation.precision))
    ends = np.cumsum([len(ids) for ids in heard.answers])[:-1]
    return Reference(
        questions=asked,
        answers=heard.answers,
        predictions=given,
        margins=np.split(sure.apart_Q, ends),
        is_tie=np.split(sure.is_tie_Q, ends),
        logs=np.split(token_logs(given), ends),
        probes=probed(engine.model),
        exam=exam,
        judged=judged,
        canaries=_canary_places(asked, heard.answers),
    )


def _canary_places(asked: Sequence[Question], answers: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """The shortest conversations of each kind that have an answer: a server scores them in a moment."""
    places = [place for place, each in enumerate(asked) if _is_plain(each) and answers[place]]
    places.sort(key=lambda place: (len(asked[place].ids) + len(answers[place]), place))
    kinds = dict.fromkeys(each.kind for each in asked)
    chosen = [[place for place in places if asked[place].kind == kind][:NUM_CANARIES] for kind in kinds]
    return tuple(place for of_kind in chosen for place in of_kind)


def canaries_of(reference: Reference) -> list[Canary]:
    """What a server proves itself by."""
    return [
        Canary(
            prompt=[(message.role, message.content) for message in reference.questions[place].prompt],
            answer_ids=list(reference.answers[place]),
            log_probabilities=reference.logs[place].tolist(),
            day=reference.questions[place].day,
        )
        for place in reference.canaries
    ]


def _is_plain(question: Question) -> bool:
    """Whether roles and contents say all of it: a canary has no thinking."""
    return bool(question.prompt) and all(message.reasoning is None for message in question.prompt)
