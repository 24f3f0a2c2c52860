"""BERTScore of many answers with one encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tunesmith.engine.embed import Encoder
from tunesmith.metrics.bertscore import Weight, bertscore_f1, equal_weights, inverse_document_frequencies
from tunesmith.metrics.case import Case, Values

_BATCH_CASES: Final = 16


class BertScorer:
    """Scores answers against their references; of several, the best counts."""

    def __init__(self, folder: Path, layer: int | None, *, idf: bool) -> None:
        """Raises TunesmithError `encoder-folder`."""
        self._encoder, self._layer, self._idf = Encoder(folder), layer, idf

    def __call__(self, cases: Sequence[Case]) -> Values:
        weight: Weight = equal_weights
        if self._idf:
            first = [case.references[0] for case in cases]
            weight = inverse_document_frequencies(self._encoder.token_ids(first))
        values: Values = [None] * len(cases)
        pairs = [(place, reference) for place, case in enumerate(cases) for reference in case.references]
        # alike in length, so that little is padding
        pairs.sort(key=lambda pair: len(cases[pair[0]].answer) + len(pair[1]))
        for start in range(0, len(pairs), _BATCH_CASES):
            batch = pairs[start : start + _BATCH_CASES]
            answers = self._encoder.token_vectors([cases[place].answer for place, _ in batch], self._layer)
            references = self._encoder.token_vectors([reference for _, reference in batch], self._layer)
            for (place, _), answer, reference in zip(batch, answers, references, strict=True):
                score, earlier = bertscore_f1(answer, reference, weight), values[place]
                values[place] = score if earlier is None else max(score, earlier)
        return values
