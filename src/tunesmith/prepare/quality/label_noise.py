"""Labels that a classifier confidently disagrees with: an estimate of how many are wrong, and which.

Confident learning (Northcutt, Jiang and Chuang 2021, arXiv:1911.00068): every row is judged by a classifier that was
trained on other rows, and what it is confident of estimates how many rows of each label belong to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.prepare.index import Keys, Rows, Spool
from tunesmith.prepare.quality.found import Found, say_nothing
from tunesmith.stats.intervals import wilson
from tunesmith.text.shingles import mixed
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
    """Judge the labels of at most `max_rows` rows, those with the smallest ids. `label_S` are codes of `names`.

    None is judged where the labels cannot be told from the texts.
    """
    id_S: Keys = spool["id"][rows_S]
    drawn = np.sort(np.argsort(id_S, kind="stable")[:max_rows])
    codes, code_J, counts = np.unique(label_S[drawn], return_inverse=True, return_counts=True)
    enough = counts[code_J] >= LEAST_ROWS
    drawn, code_J = drawn[enough], code_J[enough]
    codes, code_J = codes[np.unique(code_J)], np.unique(code_J, return_inverse=True)[1]
    if len(codes) < 2:
        return Found(0, rows_S[:0], say_nothing)
    texts = [_asked(row["messages"]) for row in spool.written(rows_S[drawn])]
    probability_JL = cross_validated(features(texts), code_J, folds(code_J, spool["prompt"][rows_S[drawn]]))
    num_right = int(np.count_nonzero(probability_JL.argmax(axis=1) == code_J))
    if wilson(num_right, len(code_J)).low <= np.bincount(code_J).max() / len(code_J):
        # no better than the most frequent label: it has learnt nothing to doubt a label by
        return Found(0, rows_S[:0], say_nothing)
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


def confident_joint(probability_JL: Floats, code_J: Ints) -> Floats:
    """(L, L): how many rows labelled i are estimated to be j.

    A row is counted as the likeliest of the classes whose probability reaches what rows labelled so have on average;
    rows that reach none are shared out like the others of their label.
    """
    num_labels = probability_JL.shape[1]
    counts_L = np.bincount(code_J, minlength=num_labels)
    own_J = probability_JL[np.arange(len(code_J)), code_J]
    threshold_L = np.bincount(code_J, weights=own_J, minlength=num_labels) / np.maximum(1, counts_L)
    is_confident_JL = probability_JL >= threshold_L
    counted = is_confident_JL.any(axis=1)
    instead_J = np.where(is_confident_JL, probability_JL, -1.0).argmax(axis=1)
    joint_LL = np.zeros((num_labels, num_labels))
    np.add.at(joint_LL, (code_J[counted], instead_J[counted]), 1.0)
    calibrated_LL: Floats = joint_LL * (counts_L / np.maximum(1, joint_LL.sum(axis=1)))[:, None]
    return calibrated_LL


def confident_disagreement(probability_JL: Floats, code_J: Ints) -> tuple[Ints, Ints, Floats]:
    """The rows at fault, the likeliest label of each, and by how much its probability exceeds that of its own.

    Of each label as many as the joint says, those least likely to have it, of which also by each other label as many as
    it says, those that most prefer that one (pruning by class and by noise rate both); and none that has its own label
    as the likeliest.
    """
    joint_LL = np.rint(confident_joint(probability_JL, code_J)).astype(np.int64)
    by_class_J, by_rate_J = np.zeros(len(code_J), dtype=bool), np.zeros(len(code_J), dtype=bool)
    for label, counts_L in enumerate(joint_LL):
        rows = np.flatnonzero(code_J == label)
        own = probability_JL[rows, label]
        by_class_J[rows[np.argsort(own, kind="stable")[: counts_L.sum() - counts_L[label]]]] = True
        for other in np.flatnonzero(counts_L).tolist():
            if other != label:
                preference = probability_JL[rows, other] - own
                by_rate_J[rows[np.argsort(-preference, kind="stable")[: counts_L[other]]]] = True
    likeliest_J = probability_JL.argmax(axis=1)
    faulty = np.flatnonzero(by_class_J & by_rate_J & (likeliest_J != code_J))
    instead = likeliest_J[faulty]
    return faulty, instead, probability_JL[faulty, instead] - probability_JL[faulty, code_J[faulty]]


def _asked(messages: Sequence[dict[str, Any]]) -> str:
    said = "\n".join(message["content"] for message in messages if message["role"] == "user")
    return said[:_JUDGED_CHARACTERS]


def _words_and_pairs(text: str) -> list[str]:
    units = words(text)
    return units + [f"{first} {second}" for first, second in pairwise(units)]
