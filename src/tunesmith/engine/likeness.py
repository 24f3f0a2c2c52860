"""How alike two models answer: probabilities of the next token at every place of the same answers.

What one model predicts from (its last hidden states at those places, and its head) is kept when the model itself is
gone. Logits of two models then exist for a chunk of places at a time, in float32 whatever the models compute in: what
a rounded last product would hide, or invent, is not compared. A head in 8 bits multiplies as it does when it serves.

Shapes: Q places at which a token is predicted, C of a chunk, V vocabulary, D hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tunesmith.engine.local import LocalEngine
from tunesmith.records import Rendered

NEAR_TIE: Final = 0.01
"""Where a model's first two logits are no further apart, rounding may decide between them."""
CHUNK_PLACES: Final = 128
SLAB_TOKENS: Final = 16384
"""So much of a head is held in float32 at a time."""

Head = Callable[[Tensor], Tensor]
"""(C, V) float32 logits of states (C, D)."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model predicts at the places of given answers."""

    states_QD: Tensor
    head: Head
    targets_Q: Tensor
    """The token that stands at each place."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """One model beside the judged one. All are over the places of the judged model's answers."""

    num_tokens: int
    num_near_ties: int
    """Places where the judged model itself is undecided."""
    num_agreeing: int
    """Places without a near-tie where both find the same token likeliest."""
    mean_kl: float
    """Mean of KL(judged || other) over the vocabulary, in nats."""
    max_difference: float
    """Largest difference of two log-probabilities of the token that stands there, in nats."""

    @property
    def token_agreement(self) -> float:
        return share_of(self.num_agreeing, self.num_tokens - self.num_near_ties)


def share_of(num_agreeing: int, num_decided: int) -> float:
    """1 where there is no place that can show a difference."""
    return num_agreeing / num_decided if num_decided else 1.0


def answer_rows(prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> list[Rendered]:
    """Each prompt with its answer, of which every token is looked at."""
    return [
        Rendered(
            str(number),
            np.array([*prompt, *answer], np.int32),
            np.repeat(np.array([0.0, 1.0], np.float32), [len(prompt), len(answer)]),
        )
        for number, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
    ]


def predictions(engine: LocalEngine, rows: Sequence[Rendered]) -> Predictions:
    """Of the supervised tokens of the rows, each read after the true ones before it."""
    targets_Q = np.concatenate([row.ids_T[row.weights_T != 0] for row in rows]).astype(np.int64)
    states_QD = engine.states(rows)
    return Predictions(states_QD, head_function(engine.model.get_output_embeddings()), torch.from_numpy(targets_Q))


def head_function(module: nn.Module) -> Head:
    """The head as a function; the model that it was taken from may go."""
    if not isinstance(module, nn.Linear):
        return lambda states_CD: module(states_CD).float()
    weight_VD = module.weight.detach()

    def logits(states_CD: Tensor) -> Tensor:
        wide_CD = states_CD.float()
        return torch.cat([wide_CD @ slab_XD.float().T for slab_XD in torch.split(weight_VD, SLAB_TOKENS)], dim=1)

    return logits


@torch.no_grad()
def token_logs(given: Predictions) -> NDArray[np.float64]:
    """(Q,) log-probability in nats of the token that stands at each place."""
    pieces = [
        given.head(states_CD).log_softmax(1).gather(1, targets_C[:, None].to(states_CD.device))[:, 0]
        for states_CD, targets_C in zip(
            torch.split(given.states_QD, CHUNK_PLACES), torch.split(given.targets_Q, CHUNK_PLACES), strict=True
        )
    ]
    logs: NDArray[np.float64] = torch.cat(pieces).double().cpu().numpy()
    return logs


@dataclass(frozen=True, slots=True)
class Margins:
    """How sure a model is of its likeliest token at each place."""

    apart_Q: NDArray[np.float64]
    """How far its logit lies above the next one's."""
    is_tie_Q: NDArray[np.bool_]
    """Whether that is less than NEAR_TIE, or than one step of the type in which the model itself has logits: it then
    takes both for the same number."""


@torch.no_grad()
def margins(given: Predictions, dtype: torch.dtype) -> Margins:
    """`dtype` is what the model computes in; in bf16 a step is 0.125 between 16 and 32."""
    pieces = [given.head(states_CD).topk(2, dim=1).values for states_CD in torch.split(given.states_QD, CHUNK_PLACES)]
    first_Q2 = torch.cat(pieces).double().cpu().numpy()
    apart_Q = first_Q2[:, 0] - first_Q2[:, 1]
    _, exponents_Q = np.frexp(first_Q2[:, 0])
    steps_Q = torch.finfo(dtype).eps * np.exp2(exponents_Q - 1)
    return Margins(apart_Q, apart_Q < np.maximum(NEAR_TIE, steps_Q))


@torch.no_grad()
def likeness(judged: Predictions, other: Predictions) -> Likeness:
    """Compare two models at the same places. What is NaN in either model is NaN in the figures, never left out."""
    if not len(judged.targets_Q):
        return Likeness(0, 0, 0, 0.0, 0.0)
    num_near_ties, num_agreeing = 0, 0
    kl_Q, differences_Q = [], []
    for states_CD, others_CD, targets_C in zip(
        *(torch.split(each, CHUNK_PLACES) for each in (judged.states_QD, other.states_QD, judged.targets_Q)),
        strict=True,
    ):
        logits_CV, others_CV = judged.head(states_CD), other.head(others_CD)
        top_C2 = logits_CV.topk(2, dim=1)
        is_tie_C = top_C2.values[:, 0] - top_C2.values[:, 1] < NEAR_TIE
        num_near_ties += int(is_tie_C.sum())
        num_agreeing += int(((others_CV.argmax(1) == top_C2.indices[:, 0]) & ~is_tie_C).sum())
        logs_CV, other_logs_CV = logits_CV.log_softmax(1), others_CV.log_softmax(1)
        kl_Q.append(_kl(logs_CV, other_logs_CV))
        token_C1 = targets_C[:, None].to(logs_CV.device)
        differences_Q.append((logs_CV.gather(1, token_C1) - other_logs_CV.gather(1, token_C1)).abs())
    mean_kl, max_difference = float(torch.cat(kl_Q).mean()), float(torch.cat(differences_Q).max())
    return Likeness(len(judged.targets_Q), num_near_ties, num_agreeing, mean_kl, max_difference)


def _kl(logs_CV: Tensor, other_logs_CV: Tensor) -> Tensor:
    """(C,) sum of p (log p - log q), summed in float64; rounding alone takes it below 0."""
    terms_CV = logs_CV.exp() * (logs_CV - other_logs_CV)
    return terms_CV.sum(1, dtype=torch.float64).clamp(min=0.0)
