"""BLEU and chrF by sacrebleu: counts of each pair of texts, from which the score of any choice of pairs follows.

BLEU's tokenizer is that of the reference's language, pair by pair: `zh`, which parts Chinese characters, where the
reference is Chinese or mixes it with another language, `13a` elsewhere. The counts of all pairs are then summed, so
that a set of one language scores as sacrebleu scores it, and one of both languages as one corpus.

Shapes: N pairs, K counts of a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tunesmith.metrics.case import Case
from tunesmith.metrics.corpus import Ints, Statistic
from tunesmith.text.language import language_of

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU, CHRF


def bleu_statistic(cases: Sequence[Case]) -> Statistic:
    """BLEU-4 with sacrebleu's exponential smoothing (Papineni et al. 2002; Post 2018), 0 to 100."""
    from sacrebleu.metrics import BLEU

    by_tokenizer = {name: BLEU(tokenize=name, force=True) for name in ("zh", "13a")}
    counts_NK = [_counts(by_tokenizer[tokenizer_of(case.references)], case) for case in cases]
    return _statistic(by_tokenizer["13a"], counts_NK)


def chrf_statistic(cases: Sequence[Case]) -> Statistic:
    """chrF2: F-score of runs of 1 to 6 characters, spaces left out (Popović 2015), 0 to 100."""
    from sacrebleu.metrics import CHRF

    scorer = CHRF()
    return _statistic(scorer, [_counts(scorer, case) for case in cases])


def tokenizer_of(references: Sequence[str]) -> str:
    """The name of sacrebleu's tokenizer for a pair with these references."""
    return "zh" if language_of("\n".join(references)) in ("zh", "mixed") else "13a"


def _counts(scorer: BLEU | CHRF, case: Case) -> list[int]:
    # sacrebleu's public functions give no counts for chrF, and a bootstrap cannot count anew for every resample
    (counts,) = scorer._extract_corpus_statistics([case.answer], [[reference] for reference in case.references])
    return list(counts)


def _statistic(scorer: BLEU | CHRF, counts_NK: list[list[int]]) -> Statistic:
    table_NK = np.array(counts_NK, np.int64)

    def score(places: Ints) -> float:
        summed: list[int] = table_NK[places].sum(axis=0).tolist()
        found: Any = scorer._compute_score_from_stats(summed)
        return float(found.score)

    return score
