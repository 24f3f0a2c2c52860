"""What is looked at in traffic: numbers, classes and shares of questions and answers.

A question is looked at as characters, so Chinese, which has no spaces, counts as English does. Each exchange counts
once in every feature, so that tests may take them for independent. A feature of which nothing is told, such as the
length of a text that was not kept, is absent and not zero.

Shapes: T texts, G n-grams of a text, D buckets.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from tunesmith.artifacts.health import Family
from tunesmith.metrics.faults import is_refusal, label_told
from tunesmith.records import Exchange, Message
from tunesmith.text.language import chinese_share, language_of
from tunesmith.text.normalise import unstyled

NUM_BUCKETS: Final = 1024
NGRAMS: Final = "ngrams"
EMBEDDING: Final = "embedding"
DISTANCE: Final = "distance"
"""Of a question to the nearest training row, as 1 - cosine."""
UNSTYLED: Final = "{prompt}"
"""The `prepare.user_style` that puts nothing around a question."""
NO_LABEL: Final = "(none)"
"""The class of an answer that names no class."""
FAMILIES: Final[Mapping[str, Family]] = {
    "length": "input",
    "chinese": "input",
    "language": "input",
    NGRAMS: "input",
    EMBEDDING: "input",
    DISTANCE: "input",
    "label": "output",
    "confidence": "output",
    "answer_length": "output",
    "thinking_length": "output",
    "refused": "output",
    "guarded": "output",
    "bits_per_byte": "quality",
    "feedback": "quality",
    "thumbs_down": "quality",
    "corrected": "quality",
    "rating": "quality",
    "correction_distance": "quality",
    "accuracy": "concept",
    "accuracy_over_time": "concept",
}
"""Features that are tested; what else is told of is looked at without a test."""
_ORDERS: Final = (2, 3)
_BEGIN, _END = "\x02", "\x03"
_FACTORS: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
"""Odd, of 64 bits: multiplied with them, code points spread over all bits."""

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Features:
    """Of many exchanges or rows."""

    numbers: Mapping[str, Floats] = field(default_factory=dict)
    """One number for each that tells it."""
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """How many are of which class."""
    shares: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """How many have it, of how many that tell."""
    vectors: Mapping[str, Vectors] = field(default_factory=dict)
    """(T, D) each, every vector of length 1."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it is looked at, whoever kept it."""

    content: str | None
    """None where no text was kept; empty where a class was withheld."""
    reasoning: str | None
    label: str | None = None
    confidence: float | None = None
    guarded: bool = False


def question_of(prompt: Sequence[Message], style: str = UNSTYLED) -> str | None:
    """What was asked last, without what the recipe's `prepare.user_style` puts around it; None where no text was kept.

    Some callers put it there, as `/v1/classify` does, and rows have it: neither side is longer for it.
    """
    if not prompt:
        return None
    asked = [message.content for message in prompt if message.role == "user"]
    text = asked[-1] if asked else prompt[-1].content
    return unstyled(text, style)


def answered_of(exchange: Exchange) -> Answered:
    answer = exchange.answer or (Message("assistant", "") if exchange.prompt else None)
    return Answered(
        content=None if answer is None else answer.content,
        reasoning=None if answer is None else answer.reasoning,
        label=exchange.label,
        confidence=exchange.confidence,
        guarded=bool(exchange.guarded),
    )


def features_of(exchanges: Sequence[Exchange], labels: Mapping[str, str], style: str = UNSTYLED) -> Features:
    """All features of exchanges but vectors; `labels` are the classes as `label_forms` gives them, if any."""
    asked = [question_of(exchange.prompt, style) for exchange in exchanges]
    inputs = input_features([text for text in asked if text is not None])
    return joined([inputs, output_features(list(map(answered_of, exchanges)), labels), _operations(exchanges)])


def _operations(exchanges: Sequence[Exchange]) -> Features:
    told = {
        "seconds": [exchange.seconds for exchange in exchanges],
        "first_token_seconds": [
            exchange.first_token_seconds for exchange in exchanges if exchange.first_token_seconds is not None
        ],
    }
    ends: Counter[str] = Counter(exchange.finish_reason for exchange in exchanges)
    return Features(
        {name: np.array(values, np.float64) for name, values in told.items() if values},
        {"finish_reason": dict(ends)} if ends else {},
    )


def input_features(questions: Sequence[str]) -> Features:
    """`length` in characters, `chinese` and `language` of questions; none without a question."""
    if not questions:
        return Features()
    numbers = {
        "length": np.array([len(text) for text in questions], np.float64),
        "chinese": np.array([chinese_share(text) for text in questions], np.float64),
    }
    languages: Counter[str] = Counter(language_of(text) for text in questions)
    return Features(numbers, {"language": dict(languages)})


def output_features(answers: Sequence[Answered], labels: Mapping[str, str]) -> Features:
    """`label`, `confidence`, `answer_length`, `thinking_length`, `refused` and `guarded`, each where it is told.

    Answers in classes have no length worth looking at: the class decides it.
    """
    written = [answer for answer in answers if answer.content is not None]
    told = {
        "confidence": [answer.confidence for answer in answers if answer.confidence is not None],
        "answer_length": [] if labels else [len(answer.content or "") for answer in written],
        "thinking_length": [len(answer.reasoning) for answer in written if answer.reasoning is not None],
    }
    classes = Counter(label for answer in answers if (label := label_of(answer, labels)) is not None)
    shares = {"guarded": (sum(answer.guarded for answer in answers), len(answers))} if answers else {}
    if written:
        shares["refused"] = (sum(is_refusal(answer.content or "") for answer in written), len(written))
    return Features(
        {name: np.array(values, np.float64) for name, values in told.items() if values},
        {"label": dict(classes)} if classes else {},
        shares,
    )


def label_of(answer: Answered, labels: Mapping[str, str]) -> str | None:
    """The class of an answer, NO_LABEL where it names none; None where answers have no classes or no text was kept."""
    if answer.label is not None:
        return answer.label
    if not labels or answer.content is None:
        return None
    return label_told(answer.content, labels) or NO_LABEL


def joined(parts: Sequence[Features]) -> Features:
    """Features of several lots as of one."""
    return Features(
        _by_name([part.numbers for part in parts], np.concatenate),
        _by_name([part.classes for part in parts], _sum_counts),
        _by_name([part.shares for part in parts], lambda found: (sum(n for n, _ in found), sum(n for _, n in found))),
        _by_name([part.vectors for part in parts], np.concatenate),
    )


def _by_name(parts: Sequence[Mapping[str, _Value]], join: Callable[[list[_Value]], _Value]) -> dict[str, _Value]:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: join([part[name] for part in parts if name in part]) for name in names}


def _sum_counts(found: Sequence[Mapping[str, int]]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for counts in found:
        total.update(counts)
    return dict(total)


def ngram_vectors(texts: Sequence[str], num_buckets: int = NUM_BUCKETS) -> Vectors:
    """(T, D): roots of how often runs of two and of three characters stand in each text, by bucket; of length 1.

    Runs are spread over the buckets by a hash of their characters (Weinberger et al. 2009, without signs). A text's
    case and width do not count; its beginning and end count as characters, so that every text has a run.
    """
    vectors_TD = np.zeros((len(texts), num_buckets), np.float32)
    for place, text in enumerate(texts):
        buckets_G = _buckets(text, num_buckets)
        vectors_TD[place] = np.sqrt(np.bincount(buckets_G, minlength=num_buckets))
    vectors_TD /= np.maximum(np.linalg.norm(vectors_TD, axis=1, keepdims=True), 1e-12)
    return vectors_TD


def _buckets(text: str, num_buckets: int) -> NDArray[np.int64]:
    """(G,) the bucket of every run."""
    folded = f"{_BEGIN}{unicodedata.normalize('NFKC', text).casefold()}{_END}"
    codes = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    found = []
    for order in _ORDERS:
        runs = np.lib.stride_tricks.sliding_window_view(codes, order) if len(codes) >= order else codes[:0, None]
        mixed = np.full(len(runs), order, np.uint64)
        for place in range(runs.shape[1]):
            mixed = (mixed ^ runs[:, place]) * np.uint64(_FACTORS[place])
            mixed ^= mixed >> np.uint64(29)
        found.append((mixed % np.uint64(num_buckets)).astype(np.int64))
    return np.concatenate(found)
