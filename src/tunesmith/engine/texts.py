"""A model and plain texts, without a chat: how likely one text is behind another, and what it writes behind one.

Shapes: T tokens, D hidden width, V vocabulary, P pairs of a position and the token that stands behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor

from tunesmith.engine.local import MAX_BATCH_TOKENS, LocalEngine
from tunesmith.model.head import log_likelihood_of_pairs, logits_after
from tunesmith.model.layout import behind, lay_out
from tunesmith.model.load import head_of, hidden_states
from tunesmith.model.quantise import Int8Weight
from tunesmith.model.virtual import virtual_ids
from tunesmith.records import Rendered, Sampling

_PAIRS_AT_ONCE: Final = 512
_ROWS_AT_ONCE: Final = 64


class Texts:
    """Plain texts for one engine: its model and tokenizer, without its template."""

    def __init__(self, engine: LocalEngine, max_tokens: int) -> None:
        self._engine = engine
        self._max_tokens = max_tokens
        self._virtual_ids = list(virtual_ids(engine.model))

    def likelihoods(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[float, bool]]:
        """log P(text | text before it) in nats, and whether each of its tokens is the likeliest one there.

        Space at the end of the text before belongs to the text. Where nothing stands before, the tokenizer's begin
        token does. Of what is too long for the model the last tokens are read.
        """
        rows = []
        for number, (before, text) in enumerate(pairs):
            context = before.rstrip()
            ids, num_context = self._ids(before + text), len(self._ids(context))
            if num_context == 0:
                ids, num_context = [self._engine.chat.begin_id, *ids], 1
            num_scored = len(ids) - num_context
            rows.append(_row(number, ids[-self._max_tokens :], num_scored))
        return self._score(rows)

    def whole_likelihoods(self, texts: Sequence[str]) -> list[float]:
        """log P(text) in nats; each token of a longer text is read behind as many others as the model takes."""
        windows = [(index, window) for index, text in enumerate(texts) for window in self._windows(self._ids(text))]
        rows = [_row(number, ids, num_scored) for number, (_, (ids, num_scored)) in enumerate(windows)]
        totals = [0.0] * len(texts)
        for (index, _), (score, _) in zip(windows, self._score(rows), strict=True):
            totals[index] += score
        return totals

    def continued(self, texts: Sequence[str], sampling: Sampling) -> list[str]:
        """What the model writes behind each text; of what is too long the last tokens are read."""
        room = max(1, self._max_tokens - sampling.max_new_tokens)
        begun = [self._ids(one)[-room:] or [self._engine.chat.begin_id] for one in texts]
        return [completions[0].text for completions in self._engine.complete(begun, sampling)]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._engine.chat.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _windows(self, ids: list[int]) -> list[tuple[list[int], int]]:
        """Rows in which every token is scored once, and how many of their last tokens are."""
        ids = [self._engine.chat.begin_id, *ids]
        ends = [*range(self._max_tokens, len(ids), self._max_tokens - 1), len(ids)]
        return [
            (ids[max(0, end - self._max_tokens) : end], end - start)
            for start, end in zip([1, *ends], ends, strict=False)
        ]

    @torch.no_grad()
    def _score(self, rows: Sequence[Rendered]) -> list[tuple[float, bool]]:
        model = self._engine.model
        model.eval()
        scores: dict[str, tuple[float, bool]] = {}
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = behind(rows[start : start + _ROWS_AT_ONCE], self._virtual_ids)
            for batch in lay_out(part, MAX_BATCH_TOKENS, share=True):
                batch = batch.to(str(model.device))
                hidden_TD, head_VD = hidden_states(model, batch), head_of(model)
                logs_P = log_likelihood_of_pairs(hidden_TD, head_VD, batch.pair_positions_P, batch.pair_targets_P)
                best_P = _is_best(hidden_TD, head_VD, batch.pair_positions_P, batch.pair_targets_P)
                row_of_Q = batch.row_of_Q
                none_R = torch.zeros(len(batch.row_ids), dtype=torch.float64, device=row_of_Q.device)
                sums_R = none_R.index_add(0, row_of_Q, logs_P[batch.row_pairs_Q].double())
                misses_R = none_R.index_add(0, row_of_Q, (~best_P[batch.row_pairs_Q]).double())
                told = zip(sums_R.tolist(), misses_R.tolist(), strict=True)
                scores |= {name: (total, not misses) for name, (total, misses) in zip(batch.row_ids, told, strict=True)}
        return [scores[row.id] for row in rows]


def _is_best(hidden_TD: Tensor, head_VD: Tensor | Int8Weight, positions_P: Tensor, targets_P: Tensor) -> Tensor:
    """(P,) whether the target is the likeliest token."""
    best = [
        logits_after(hidden_TD[positions], head_VD).argmax(1) for positions in torch.split(positions_P, _PAIRS_AT_ONCE)
    ]
    return torch.cat(best) == targets_P


def _row(number: int, ids: list[int], num_scored: int) -> Rendered:
    """A row whose last tokens are scored, none of them the first of the row."""
    weights_T = np.zeros(len(ids), np.float32)
    weights_T[max(1, len(ids) - num_scored) :] = 1.0
    return Rendered(str(number), np.array(ids, np.int32), weights_T)
