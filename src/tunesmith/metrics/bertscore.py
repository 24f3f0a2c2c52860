"""BERTScore from vectors of tokens (Zhang et al. 2020, arXiv:1904.09675, equations 2 to 5); the vectors are the
business of an encoder.

Shapes: C tokens of the candidate, R tokens of the reference, D width.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TokenVectors:
    """The tokens of one text."""

    ids: Sequence[int]
    is_special: Sequence[bool]
    """Tokens that the tokenizer put there, such as [CLS]: they may be matched, and weigh nothing."""
    vectors_TD: NDArray[np.float32]
    """Each of length 1."""


Weight = Callable[[int], float]


def equal_weights(token: int) -> float:
    return 1.0


def inverse_document_frequencies(references: Sequence[Sequence[int]]) -> Weight:
    """The weight of a token: log((M + 1) / (m + 1)), where m of the M references hold it."""
    holding = Counter(token for ids in references for token in set(ids))
    return lambda token: math.log((len(references) + 1) / (holding[token] + 1))


def bertscore_f1(candidate: TokenVectors, reference: TokenVectors, weight: Weight) -> float:
    """F1 of precision and recall, each the weighted mean over one side's tokens of the cosine of their best match.

    0.0 where a side has no token that weighs anything, as an empty answer has none.
    """
    weights_C, weights_R = _weights(candidate, weight), _weights(reference, weight)
    if weights_C.sum() == 0.0 or weights_R.sum() == 0.0:
        return 0.0
    similar_CR = (candidate.vectors_TD @ reference.vectors_TD.T).astype(np.float64)
    precision = float(np.average(similar_CR.max(axis=1), weights=weights_C))
    recall = float(np.average(similar_CR.max(axis=0), weights=weights_R))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _weights(text: TokenVectors, weight: Weight) -> NDArray[np.float64]:
    return np.array(
        [0.0 if special else weight(token) for token, special in zip(text.ids, text.is_special, strict=True)]
    )
