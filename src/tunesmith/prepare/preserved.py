"""Whether a made text still means what the text that it was made from does.

Four rules look at words: the numbers, the negations, the names and the words of direction must be the same. Two
compare: the texts must be alike, and a classifier of the training rows must not see another label in the new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from tunesmith.text.language import language_of
from tunesmith.text.meaning import directions_of, each_kept, names_of, negations_of, numbers_of
from tunesmith.text.normalise import fingerprint
from tunesmith.text.tokens import words

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

EMPTY: Final = "augment-empty"
UNCHANGED: Final = "augment-unchanged"
LANGUAGE: Final = "augment-language"
NUMBER: Final = "augment-number"
NEGATION: Final = "augment-negation"
NAME: Final = "augment-name"
DIRECTION: Final = "augment-direction"
UNLIKE: Final = "augment-unlike"
LABEL: Final = "augment-label"
_NUM_FEATURES: Final = 1 << 15
_JUDGED_CHARACTERS: Final = 2_000
_FEWEST_ROWS: Final = 5
"""With fewer rows of a label a classifier knows nothing of it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A text, what was made of it, and the label of the row."""

    old: str
    new: str
    label: str | None = None
    made: Literal["reworded", "anew", "swapped"] = "reworded"
    """`anew`: it need not say what the old one does, but have its label. `swapped`: the same of somebody else, whom
    neither names nor a classifier, which may know people by their labels, can speak against."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a made row was not kept: a code `reject.<reason>` of the catalogue, and what was seen."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Judges pairs; fitted on training texts alone."""

    weigh: Pipeline
    """From texts to TF-IDF vectors of unit length over hashed character n-grams."""
    min_similarity: float
    classifier: Pipeline | None
    """From texts to labels; None where there are none to tell apart."""

    @classmethod
    def fit(cls, texts: Sequence[str], labels: Sequence[str | None], min_similarity: float, classify: bool) -> Judge:
        """`labels` are those of the texts. A classifier is fitted where at least two labels have five rows each."""
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
        from sklearn.pipeline import make_pipeline

        counts = HashingVectorizer(
            analyzer="char_wb", ngram_range=(2, 4), n_features=_NUM_FEATURES, norm=None, alternate_sign=False
        )
        weigh = make_pipeline(counts, TfidfTransformer(sublinear_tf=True))
        weigh.fit([text[:_JUDGED_CHARACTERS] for text in texts])
        return cls(weigh, min_similarity, _classifier(texts, labels) if classify else None)

    def refusals(self, pairs: Sequence[Pair]) -> list[Refusal | None]:
        """What speaks against each pair; None for those that pass."""
        found = [refusal_by_words(pair) for pair in pairs]
        open_pairs = [number for number, refusal in enumerate(found) if refusal is None]
        if open_pairs:
            left = [pairs[number] for number in open_pairs]
            for number, refusal in zip(open_pairs, self._by_comparison(left), strict=True):
                found[number] = refusal
        return found

    def _by_comparison(self, pairs: Sequence[Pair]) -> list[Refusal | None]:
        old = [pair.old[:_JUDGED_CHARACTERS] for pair in pairs]
        new = [pair.new[:_JUDGED_CHARACTERS] for pair in pairs]
        similarity = np.asarray(self.weigh.transform(old).multiply(self.weigh.transform(new)).sum(axis=1)).ravel()
        if self.classifier is None:
            before = after = [None] * len(pairs)
        else:
            before, after = (self.classifier.predict(side).tolist() for side in (old, new))
        return [
            self._compared(pair, value, *seen)
            for pair, value, seen in zip(pairs, similarity.tolist(), zip(before, after, strict=True), strict=True)
        ]

    def _compared(self, pair: Pair, similarity: float, before: str | None, after: str | None) -> Refusal | None:
        if pair.made == "reworded" and similarity < self.min_similarity:
            return Refusal(UNLIKE, f"{similarity:.2f} < {self.min_similarity:g}")
        # where the classifier misjudges the row itself, its word on what was made of it is worth nothing
        if pair.made != "swapped" and pair.label is not None and before == pair.label != after:
            return Refusal(LABEL, f"{pair.label} -> {after}")
        return None


def refusal_by_words(pair: Pair) -> Refusal | None:
    """What the words alone say against a pair."""
    old, new = pair.old, pair.new
    if not new.strip():
        return Refusal(EMPTY)
    if fingerprint(old) == fingerprint(new):
        return Refusal(UNCHANGED)
    if language_of(old) != language_of(new):
        return Refusal(LANGUAGE, f"{language_of(old)} -> {language_of(new)}")
    return None if pair.made == "anew" else _other_words(old, new, names_stay=pair.made == "reworded")


def _other_words(old: str, new: str, *, names_stay: bool) -> Refusal | None:
    changed = numbers_of(old) ^ numbers_of(new)
    if changed:
        return Refusal(NUMBER, ", ".join(sorted(changed)))
    if negations_of(old) != negations_of(new):
        return Refusal(NEGATION, f"{negations_of(old)} -> {negations_of(new)}")
    other = [*each_kept(sorted(names_of(old)), new), *each_kept(sorted(names_of(new)), old)] if names_stay else []
    if other:
        return Refusal(NAME, ", ".join(other))
    before, after = directions_of(old), directions_of(new)
    turned = [pair for pair, side in after - before if (pair, 1 - side) in before - after]
    return Refusal(DIRECTION) if turned else None


def _classifier(texts: Sequence[str], labels: Sequence[str | None]) -> Pipeline | None:
    """Logistic regression on TF-IDF of words and word pairs, on the labels that have rows enough."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    names, places, counts = np.unique([label or "" for label in labels], return_inverse=True, return_counts=True)
    is_known = (counts >= _FEWEST_ROWS) & (names != "")
    if is_known.sum() < 2:
        return None
    known = np.flatnonzero(is_known[places]).tolist()
    features = TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True)
    model = make_pipeline(features, LogisticRegression(C=10.0, max_iter=200, tol=1e-3))
    return model.fit([texts[row][:_JUDGED_CHARACTERS] for row in known], [labels[row] for row in known])


def _words_and_pairs(text: str) -> list[str]:
    units = words(text)
    return units + [f"{first} {second}" for first, second in pairwise(units)]
