"""Score predicted labels against true ones.

Shapes: N items, C classes. Every function takes the true labels first. `labels` fixes the classes and their order;
without it they are all values seen on either side, sorted. A model that writes its label may write anything: pass
`labels`, and a prediction outside them counts against the true class without becoming a class of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

Label = TypeVar("Label", str, int)
Codes = npt.NDArray[np.int64]
Average = Literal["macro", "micro", "weighted"]
Score = Literal["precision", "recall", "f1"]

OUTSIDE = -1


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class; each is 0.0 where its denominator is 0."""

    precision: float
    recall: float
    f1: float
    support: int


def accuracy(true_N: Sequence[Label], predicted_N: Sequence[Label]) -> float:
    """Return the share of items whose predicted label is the true one. Raises ValueError for no or unequal items."""
    _check_lengths(true_N, predicted_N)
    return sum(true == predicted for true, predicted in zip(true_N, predicted_N, strict=True)) / len(true_N)


def macro_f1(true_N: Sequence[Label], predicted_N: Sequence[Label], labels: Sequence[Label] | None = None) -> float:
    """Return the unweighted mean of the classes' F1; a class seen on neither side counts as 0.0."""
    _check_lengths(true_N, predicted_N)
    classes = _classes(true_N, predicted_N, labels)
    return averaged(encode(true_N, classes), encode(predicted_N, classes), len(classes), "macro", "f1")


def averaged(true_N: Codes, predicted_N: Codes, num_classes: int, average: Average, score: Score) -> float:
    """Return precision, recall or F1 over all classes, of class numbers as `encode` gives them; fast to resample.

    `macro` is the mean over the classes, `weighted` that by their true items, `micro` that of the counts summed first.
    """
    hits_C, true_C, predicted_C = _counts(true_N, predicted_N, num_classes)
    if average == "micro":
        hits_C, true_C, predicted_C = (count_C.sum(keepdims=True) for count_C in (hits_C, true_C, predicted_C))
    tops_and_bottoms = {
        "precision": (hits_C, predicted_C),
        "recall": (hits_C, true_C),
        "f1": (2 * hits_C, true_C + predicted_C),
    }
    scores_C = _ratio(*tops_and_bottoms[score])
    if average == "weighted":
        return float((scores_C * true_C).sum() / max(1, int(true_C.sum())))
    return float(scores_C.mean())


def matthews(true_N: Codes, predicted_N: Codes, num_classes: int) -> float:
    """Return Matthews' correlation of true and predicted classes, -1 to 1 (Gorodkin 2004 for several classes).

    What is outside the classes is one class more on either side, and never right. 0.0 where one side always says the
    same.
    """
    hits_C, true_C, predicted_C = (counts.astype(np.float64) for counts in _counts(true_N, predicted_N, num_classes))
    true_outside, predicted_outside = (float((codes_N == OUTSIDE).sum()) for codes_N in (true_N, predicted_N))
    total = float(len(true_N))
    covariance = hits_C.sum() * total - (true_C * predicted_C).sum()
    spread = total**2 - (true_C**2).sum() - true_outside**2
    spread *= total**2 - (predicted_C**2).sum() - predicted_outside**2
    return float(covariance / math.sqrt(spread)) if spread > 0 else 0.0


def per_class(
    true_N: Sequence[Label], predicted_N: Sequence[Label], labels: Sequence[Label] | None = None
) -> dict[Label, ClassScore]:
    """Return precision, recall, F1 and number of true items of each class, in the order of the classes."""
    _check_lengths(true_N, predicted_N)
    classes = _classes(true_N, predicted_N, labels)
    hits_C, true_C, predicted_C = _counts(encode(true_N, classes), encode(predicted_N, classes), len(classes))
    precision_C, recall_C = _ratio(hits_C, predicted_C), _ratio(hits_C, true_C)
    f1_C = _ratio(2 * hits_C, true_C + predicted_C)
    return {
        label: ClassScore(float(precision_C[c]), float(recall_C[c]), float(f1_C[c]), int(true_C[c]))
        for c, label in enumerate(classes)
    }


def confusion_matrix(
    true_N: Sequence[Label], predicted_N: Sequence[Label], labels: Sequence[Label] | None = None
) -> Codes:
    """Return (C, C) counts, true class by row and predicted class by column; pairs outside `labels` are left out."""
    _check_lengths(true_N, predicted_N)
    classes = _classes(true_N, predicted_N, labels)
    true_codes, predicted_codes = encode(true_N, classes), encode(predicted_N, classes)
    inside = (true_codes != OUTSIDE) & (predicted_codes != OUTSIDE)
    cells = true_codes[inside] * len(classes) + predicted_codes[inside]
    return np.bincount(cells, minlength=len(classes) ** 2).reshape(len(classes), len(classes))


def encode(values_N: Sequence[Label], classes: Sequence[Label]) -> Codes:
    """Return (N,) the place of each value in `classes`, or `OUTSIDE`."""
    place = {label: number for number, label in enumerate(classes)}
    if len(place) != len(classes):
        raise ValueError("a label is listed twice")
    return np.array([place.get(value, OUTSIDE) for value in values_N], dtype=np.int64)


def _check_lengths(true_N: Sequence[Label], predicted_N: Sequence[Label]) -> None:
    if len(true_N) != len(predicted_N) or len(true_N) == 0:
        raise ValueError(f"need as many predictions as true labels, at least one: {len(true_N)} and {len(predicted_N)}")


def _classes(true_N: Sequence[Label], predicted_N: Sequence[Label], labels: Sequence[Label] | None) -> Sequence[Label]:
    return sorted(set(true_N) | set(predicted_N)) if labels is None else labels


def _counts(true_N: Codes, predicted_N: Codes, num_classes: int) -> tuple[Codes, Codes, Codes]:
    """Return (C,) items right, items true and items predicted of each class."""
    hit_N = true_N[(true_N == predicted_N) & (true_N != OUTSIDE)]
    counted = (hit_N, true_N[true_N != OUTSIDE], predicted_N[predicted_N != OUTSIDE])
    hits_C, true_C, predicted_C = (np.bincount(codes, minlength=num_classes) for codes in counted)
    return hits_C, true_C, predicted_C


def _ratio(top_C: Codes, bottom_C: Codes) -> npt.NDArray[np.float64]:
    # The top is 0 wherever the bottom is.
    return top_C / np.maximum(bottom_C, 1)
