"""Classic baselines: what a tuned model must beat to be worth its cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tunesmith.evaluate.items import Item
from tunesmith.records import Example, Message
from tunesmith.text.ngrams import FiveGramModel
from tunesmith.text.tokens import words


def question(messages: Sequence[Message]) -> str:
    """The user's side of a conversation as one text."""
    return "\n".join(message.content for message in messages if message.role == "user")


def majority(train: Sequence[Example], items: Sequence[Item]) -> list[str]:
    """The most frequent training label for every item."""
    most_common = Counter(example.label for example in train).most_common(1)[0][0]
    assert most_common is not None
    return [most_common] * len(items)


def classify(train: Sequence[Example], items: Sequence[Item]) -> list[str]:
    """Logistic regression on TF-IDF of words and word pairs (Chinese: characters and their pairs)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    features = TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True)
    model = make_pipeline(features, LogisticRegression(C=10.0, max_iter=200, tol=1e-3))
    model.fit([question(example.prompt) for example in train], [example.label for example in train])
    predicted: list[str] = model.predict([question(item.prompt) for item in items]).tolist()
    return predicted


def mean_number(train: Sequence[Example], items: Sequence[Item]) -> list[float]:
    """The mean of the training rows' numbers for every item."""
    return [float(np.mean([example.target for example in train if example.target is not None]))] * len(items)


def predict_number(train: Sequence[Example], items: Sequence[Item]) -> list[float]:
    """Ridge regression on the same TF-IDF features as `classify`."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True), Ridge(alpha=1.0))
    model.fit([question(example.prompt) for example in train], [example.target for example in train])
    predicted: list[float] = model.predict([question(item.prompt) for item in items]).tolist()
    return predicted


def nearest_answer(train: Sequence[Example], items: Sequence[Item]) -> list[Message]:
    """The answer of the training row whose question is most alike (TF-IDF cosine)."""
    return [train[index].answer for (index,) in likest(train, items, 1)]


def likest(train: Sequence[Example], items: Sequence[Item], num: int) -> list[list[int]]:
    """For each item the places of the `num` training rows whose questions are most alike (TF-IDF cosine), likest
    first, of equally like ones the earlier."""
    likeness_NR = likeness(train, [question(item.prompt) for item in items])
    places: list[list[int]] = np.argsort(-likeness_NR, axis=1, kind="stable")[:, :num].tolist()
    return places


def likeness(train: Sequence[Example], questions: Sequence[str]) -> NDArray[np.float64]:
    """(N, R) TF-IDF cosine of each question with that of each training row, 0 to 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(analyzer=_words_and_pairs, sublinear_tf=True)
    known = vectorizer.fit_transform([question(example.prompt) for example in train])
    likeness_NR: NDArray[np.float64] = (vectorizer.transform(questions) @ known.T).toarray()
    return likeness_NR


def five_gram_bits(train: Sequence[Example], items: Sequence[Item]) -> NDArray[np.float64]:
    """(N,) bits that a byte 5-gram model of the same training rows needs for each reference, end included."""
    texts = [text for row in train for text in (question(row.prompt), written(row.answer)) if text]
    model = FiveGramModel.fit(texts)
    references = [written(item.answer) for item in items]
    return np.array([model.bits_per_byte([text]) * len(text.encode()) for text in references])


def written(answer: Message) -> str:
    """Everything that an answer says, its thinking first."""
    return (answer.reasoning or "") + answer.content


def _words_and_pairs(text: str) -> list[str]:
    units = words(text)
    return units + [f"{first} {second}" for first, second in pairwise(units)]
