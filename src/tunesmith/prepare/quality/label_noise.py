"""Labels that a classifier confidently disagrees with: an estimate of how many are wrong, and which.

Confident learning (Northcutt, Jiang and Chuang 2021, arXiv:1911.00068): every row is judged by a classifier that was
trained on other rows. A row counts as one of class j when its probability of j reaches what rows labelled j have on
average; where it does so for another class than its own, its label is at fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.prepare.index import Keys, Rows, Spool, mixed
from tunesmith.prepare.quality.found import Found
from tunesmith.text.tokens import words

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

# Shapes: S candidate rows, J judged rows, F folds, L labels that are judged.
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NUM_FOLDS: Final = 3
LEAST_ROWS: Final = 6
"""A label with fewer rows cannot be told from the others."""
_JUDGED_CHARACTERS: Final = 1_000
_FOLD_SALT: Final = np.uint64(0x5851F42D4C957F2D)


def label_noise(spool: Spool, rows_S: Rows, label_S: Ints, names: Sequence[str], max_rows: int) -> Found:
    """Judge the labels of at most `max_rows` rows, those with the smallest ids. `label_S` are codes of `names`."""
    id_S: Keys = spool["id"][rows_S]
    drawn = np.sort(np.argsort(id_S, kind="stable")[:max_rows])
    codes, code_J, counts = np.unique(label_S[drawn], return_inverse=True, return_counts=True)
    enough = counts[code_J] >= LEAST_ROWS
    drawn, code_J = drawn[enough], code_J[enough]
    codes, code_J = codes[np.unique(code_J)], np.unique(code_J, return_inverse=True)[1]
    if len(codes) < 2:
        return Found(0, rows_S[:0], lambda place, row: "")
    texts = [_asked(row["messages"]) for row in spool.written(rows_S[drawn])]
    probability_JL = cross_validated(features(texts), code_J, folds(code_J, spool["prompt"][rows_S[drawn]]))
    faulty, instead, margin = confident_disagreement(probability_JL, code_J)
    order = np.argsort(-margin, kind="stable")
    faulty, instead = faulty[order], instead[order]

    def say(place: int, _: object) -> str:
        return f"{names[codes[code_J[faulty[place]]]]} / {names[codes[instead[place]]]}"

    return Found(len(drawn), rows_S[drawn[faulty]], say)


def folds(code_J: Ints, prompt_J: Keys) -> Ints:
    """(J,): the fold of each row, dealt out label by label in the order of the prompts' hashes."""
    order = np.lexsort((mixed(prompt_J ^ _FOLD_SALT), code_J))
    fold_J = np.empty(len(code_J), dtype=np.int64)
    fold_J[order] = np.arange(len(code_J)) % NUM_FOLDS
    return fold_J


def features(texts: Sequence[str]) -> csr_matrix:
    """TF-IDF of words and word pairs (Chinese: characters and their pairs)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True).fit_transform(texts)


def cross_validated(features_J: csr_matrix, code_J: Ints, fold_J: Ints) -> Floats:
    """(J, L): the probability of each label, by logistic regressions (one label against the rest) of the other folds.

    Every label must stand in every fold's training rows.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    probability_JL = np.zeros((len(code_J), int(code_J.max()) + 1))
    for fold in range(NUM_FOLDS):
        is_held = fold_J == fold
        # liblinear solves one label at a time in a fraction of the time that a joint model takes
        one = LogisticRegression(C=10.0, solver="liblinear", tol=1e-2)
        model = OneVsRestClassifier(one).fit(features_J[~is_held], code_J[~is_held])
        probability_JL[is_held] = model.predict_proba(features_J[is_held])
    return probability_JL


def confident_disagreement(probability_JL: Floats, code_J: Ints) -> tuple[Ints, Ints, Floats]:
    """The rows at fault, the label that each has instead, and by how much its probability exceeds that of its own."""
    own_J = probability_JL[np.arange(len(code_J)), code_J]
    counts_L = np.bincount(code_J, minlength=probability_JL.shape[1])
    threshold_L = np.bincount(code_J, weights=own_J, minlength=len(counts_L)) / np.maximum(1, counts_L)
    is_confident_JL = probability_JL >= threshold_L
    instead_J = np.where(is_confident_JL, probability_JL, -1.0).argmax(axis=1)
    best_J = probability_JL.max(axis=1)
    # a class that the row merely passes the bar of is no reason to doubt its label where that is likelier still
    at_fault = is_confident_JL.any(axis=1) & (instead_J != code_J) & (best_J > own_J)
    faulty = np.flatnonzero(at_fault)
    return faulty, instead_J[faulty], probability_JL[faulty, instead_J[faulty]] - own_J[faulty]


def _asked(messages: Sequence[dict[str, Any]]) -> str:
    said = "\n".join(message["content"] for message in messages if message["role"] == "user")
    return said[:_JUDGED_CHARACTERS]


def _words_and_pairs(text: str) -> list[str]:
    units = words(text)
    return units + [f"{first} {second}" for first, second in pairwise(units)]
