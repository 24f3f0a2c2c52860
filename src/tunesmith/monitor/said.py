"""What people said of answers, as features: how they rate them, how much they correct, how often the model is right.

An exchange counts once, whoever said how much of it: a flood from one key moves a share by no more than its exchanges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tunesmith.monitor.features import Features
from tunesmith.records import CORRECTION, Exchange, Feedback
from tunesmith.store import ReviewRating
from tunesmith.text.normalise import normalise_answer

ACCURACY: Final = "accuracy"
OVER_TIME: Final = "accuracy_over_time"
FEATURES: Final = frozenset(
    ("feedback", "thumbs_down", "corrected", "rating", "correction_distance", ACCURACY, OVER_TIME)
)
"""Those that change with what is said later."""
NUM_LATE: Final = 4
"""Newest windows that are looked at again where more was said of them."""
NUM_LOOKS: Final = 1 + NUM_LATE
"""At what was said of a window, at most. A p-value counts for each of them (Bonferroni), since any may alarm."""
RIGHT: Final = "right"
"""The name of the numbers, 1 or 0 in the order of time, that tell where the model was right."""
KINDS: Final = "kinds"
"""The name of the classes that tell how many pieces of feedback are of each kind."""
RIGHT_FROM: Final = 4
"""An expert's rating of the accuracy, from 1 to 5, from which on an answer is right."""
MAX_COMPARED: Final = 2000
"""Characters of an answer that are compared with its correction."""


@dataclass(frozen=True, slots=True)
class Said:
    """All that was said of exchanges, by their ids, the newest last."""

    feedback: Mapping[str, Sequence[Feedback]]
    reviews: Mapping[str, Sequence[ReviewRating]]


def said_features(exchanges: Sequence[Exchange], said: Said, num_exchanges: int) -> Features:
    """`feedback`, `thumbs_down`, `corrected`, `rating`, `correction_distance`, `accuracy`, `kinds`; `right` by time.

    `exchanges` are in the order of their times, among them all that anything was said of; `num_exchanges` are all that
    there were.
    """
    lots = [said.feedback.get(exchange.id, ()) for exchange in exchanges]
    thumbs = [newest for lot in lots if (newest := _newest(lot, "thumb")) is not None]
    ratings = [[each.value for each in lot if each.kind == "rating" and each.value is not None] for lot in lots]
    corrections = [newest for lot in lots if (newest := _newest(lot, "correction")) is not None]
    rights = [right for exchange in exchanges if (right := is_right(exchange, said)) is not None]
    shares = {
        "feedback": (sum(map(bool, lots)), num_exchanges),
        "thumbs_down": (sum((thumb.value or 0) < 0 for thumb in thumbs), len(thumbs)),
        "corrected": (len(corrections), num_exchanges),
        ACCURACY: (sum(rights), len(rights)),
    }
    numbers = {
        "rating": [sum(of_one) / len(of_one) for of_one in ratings if of_one],
        "correction_distance": _distances(exchanges, said),
        RIGHT: [float(right) for right in rights],
    }
    kinds: Counter[str] = Counter(each.kind for lot in lots for each in lot)
    return Features(
        {name: np.array(values, np.float64) for name, values in numbers.items() if values},
        {KINDS: dict(kinds)} if kinds else {},
        {name: found for name, found in shares.items() if found[1]},
    )


def is_right(exchange: Exchange, said: Said) -> bool | None:
    """Whether the answer was right: by an expert's correction, an expert's rating, or a user's correction, in this
    order; None where nobody told."""
    reviews = said.reviews.get(exchange.id, ())
    written = [review.text for review in reviews if review.dimension == CORRECTION and review.text is not None]
    given = _answer_of(exchange)
    if written and given is not None:
        return _same(given, written[-1])
    values = [review.value for review in reviews if review.dimension == ACCURACY and review.value is not None]
    if values:
        return sum(values) / len(values) >= RIGHT_FROM
    corrected = _newest(said.feedback.get(exchange.id, ()), "correction")
    if corrected is None or corrected.text is None or given is None:
        return None
    return _same(given, corrected.text)


def _distances(exchanges: Sequence[Exchange], said: Said) -> list[float]:
    """Of every corrected answer to its correction."""
    found = []
    for exchange in exchanges:
        corrected, given = _newest(said.feedback.get(exchange.id, ()), "correction"), _answer_of(exchange)
        if corrected is not None and corrected.text is not None and given is not None:
            found.append(edit_share(given, corrected.text))
    return found


def edit_share(one: str, other: str) -> float:
    """Characters to insert, delete or replace (Levenshtein 1966), as a share of the longer text: 0 to 1."""
    one, other = one[:MAX_COMPARED], other[:MAX_COMPARED]
    if not one or not other:
        return float(one != other)
    codes = np.array([ord(character) for character in other])
    places = np.arange(len(other) + 1)
    row = places
    for number, character in enumerate(one, start=1):
        # from above and from the left above; what comes from the left is a running minimum
        reached = np.empty_like(row)
        reached[0] = number
        reached[1:] = np.minimum(row[1:] + 1, row[:-1] + (codes != ord(character)))
        row = np.minimum.accumulate(reached - places) + places
    return float(row[-1]) / max(len(one), len(other))


def _newest(lot: Sequence[Feedback], kind: str) -> Feedback | None:
    return next((each for each in reversed(lot) if each.kind == kind), None)


def _answer_of(exchange: Exchange) -> str | None:
    return exchange.label if exchange.answer is None else exchange.answer.content


def _same(one: str, other: str) -> bool:
    return normalise_answer(one) == normalise_answer(other)
