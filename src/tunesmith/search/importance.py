"""Which settings mattered: Optuna's fANOVA (Hutter et al. 2014) over trials that were judged at the same place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import optuna
from optuna.distributions import BaseDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from tunesmith.artifacts.study import Importance
from tunesmith.search.ledger import Entry, share_of

FEW: Final = 20
"""Below so many trials a forest says little of any setting."""


def importance_of(entries: Sequence[Entry], space: Mapping[str, BaseDistribution], seed: int) -> Importance | None:
    """Of the values at the rung where most trials were judged; None where fewer than two differ.

    What was pruned counts too: at that rung it was judged like all the others.
    """
    counts = Counter(parts for entry in entries for parts in entry.values)
    if not counts:
        return None
    at = max(counts, key=lambda parts: (counts[parts], parts))
    judged = [entry for entry in entries if at in entry.values]
    if len({entry.values[at] for entry in judged}) < 2:
        return None
    study = optuna.create_study()
    study.add_trials(
        create_trial(params=dict(entry.settings), distributions=dict(space), value=entry.values[at]) for entry in judged
    )
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed))
    return Importance(shares=shares, num_trials=len(judged), at=float(share_of(at)), is_few=len(judged) < FEW)
