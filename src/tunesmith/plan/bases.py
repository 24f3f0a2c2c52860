"""Which of several bases suits the rows: context, tokens per character, memory, licence, and what each knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tunesmith.chat import Chat
from tunesmith.model.base import Base
from tunesmith.records import Example
from tunesmith.stats.paired import PairedDifference, paired_difference
from tunesmith.text.language import language_of

QUANTILES: Final = (0.5, 0.9, 0.99, 1.0)
MIN_SHARE: Final = 0.99
"""Of the rows, that must fit the context of a base that is advised."""
MEASURED_ROWS: Final = 500
"""Rows whose tokens are counted."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BaseFacts:
    """One base beside the rows."""

    reference: str
    num_parameters: int
    max_tokens: int
    length_quantiles: tuple[int, ...]
    """Tokens of the training rows at QUANTILES."""
    share_that_fits: float
    tokens_per_character: Mapping[str, float]
    """By language, `en` and `zh`, where the rows hold that language."""
    licence: str | None
    """What the model card's front matter says; None where it says nothing."""
    train_bytes: int
    fits_memory: bool


@dataclass(frozen=True, slots=True)
class BaseAdvice:
    """The bases as they were named, what each scores untrained, and the one to take.

    `tied` are bases that the advised one is not shown to beat, and that need more memory.
    """

    facts: tuple[BaseFacts, ...]
    metric: str
    scores: Mapping[str, float]
    differences: Mapping[str, PairedDifference]
    """Of every other eligible base: its score minus the advised one's, on the same rows."""
    advised: str | None
    tied: tuple[str, ...]


def row_facts(chat: Chat, base: Base, examples: Sequence[Example]) -> tuple[tuple[int, ...], float, dict[str, float]]:
    """Length quantiles in tokens, the share of rows that fits, tokens per character by language."""
    chosen = examples[:: max(1, len(examples) // MEASURED_ROWS)]
    lengths = np.array([len(row.ids_T) for row in chat.training_rows(chosen)])
    quantiles = tuple(int(length) for length in np.quantile(lengths, QUANTILES, method="higher"))
    counts = {"en": [0, 0], "zh": [0, 0]}
    for example in chosen:
        for message in example.messages:
            language = language_of(message.content)
            if language in counts:
                counts[language][0] += len(chat.token_spans(message.content))
                counts[language][1] += len(message.content)
    rates = {language: tokens / characters for language, (tokens, characters) in counts.items() if characters}
    return quantiles, float((lengths <= base.max_tokens).mean()), rates


def advise_base(facts: Sequence[BaseFacts], metric: str, scores: Mapping[str, Floats], seed: int) -> BaseAdvice:
    """Of the bases that fit memory and context, the one with the best scores untrained (higher is better).

    A base that needs less memory and is not shown to be worse on the same rows (95 % interval) goes before.
    """
    eligible = [base for base in facts if base.fits_memory and base.share_that_fits >= MIN_SHARE]
    means = {reference: float(values.mean()) for reference, values in scores.items()}
    if not eligible:
        return BaseAdvice(tuple(facts), metric, means, {}, None, ())
    best = max(eligible, key=lambda base: means[base.reference])

    def against(one: BaseFacts, other: BaseFacts) -> PairedDifference:
        return paired_difference(scores[one.reference], scores[other.reference], seed=seed)

    unbeaten = [base for base in eligible if base is best or against(base, best).low <= 0]
    advised = min(unbeaten, key=lambda base: (base.train_bytes, -means[base.reference]))
    others = [base for base in eligible if base is not advised]
    return BaseAdvice(
        facts=tuple(facts),
        metric=metric,
        scores=means,
        differences={base.reference: against(advised, base) for base in others},
        advised=advised.reference,
        tied=tuple(base.reference for base in unbeaten if base is not advised),
    )
