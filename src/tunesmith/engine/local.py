"""Answers and likelihoods from a model in this process.

Generation runs in padded batches with a key/value cache; likelihoods run on the flat layout, so that a prompt that
many candidates share is computed once.

Shapes: B prompts of a batch, S padded prompt tokens, V vocabulary.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from tunesmith.chat import Chat
from tunesmith.model.head import log_likelihood_of_pairs
from tunesmith.model.layout import lay_out
from tunesmith.model.load import head_weight, hidden_states
from tunesmith.records import Completion, Message, Rendered, Sampling

MAX_BATCH_TOKENS: Final = 16384
"""Cached positions of one generation batch."""
CONVERSATIONS_AT_ONCE: Final = 32
MIN_SHARED_TOKENS: Final = 8
"""Shorter than any prompt, longer than what candidates have in common: that would cut the tree into crumbs."""

OnDone = Callable[[int], None]


def _ignore(done: int) -> None: ...


class LocalEngine:
    """Generation and scoring with one model and its chat. Draws from generators of its own: no global state."""

    def __init__(self, model: PreTrainedModel, chat: Chat, max_tokens: int) -> None:
        self.model = model
        self.chat = chat
        self._max_tokens = max_tokens

    def generate(
        self, conversations: Sequence[Sequence[Message]], sampling: Sampling, on_done: OnDone = _ignore
    ) -> list[list[Completion]]:
        """`sampling.num_samples` answers to each conversation, in order.

        A sample depends on its conversation, its number and the seed, not on what else is in the batch. A prompt that
        fills the model's positions leaves no room for an answer: that is empty, finished by `length`.
        """
        prompts = [self.chat.prompt_ids(messages) for messages in conversations]
        all_jobs = [(index, number) for index in range(len(prompts)) for number in range(sampling.num_samples)]
        full = [job for job in all_jobs if len(prompts[job[0]]) >= self._max_tokens]
        answers = {job: self._completion([], len(prompts[job[0]])) for job in full}
        # longest first: the batch that needs most memory comes first, and neighbours are alike in length
        jobs = sorted(set(all_jobs) - set(full), key=lambda job: (-len(prompts[job[0]]), job))
        on_done(len(full))
        while jobs:
            width = min(len(prompts[jobs[0][0]]) + sampling.max_new_tokens, self._max_tokens)
            batch, jobs = jobs[: max(1, MAX_BATCH_TOKENS // width)], jobs[max(1, MAX_BATCH_TOKENS // width) :]
            seeds = [_seed(prompts[index], number, sampling.seed) for index, number in batch]
            written = self._generate_batch([prompts[index] for index, _ in batch], seeds, sampling)
            for job, ids in zip(batch, written, strict=True):
                answers[job] = self._completion(ids, len(prompts[job[0]]))
            on_done(len(batch))
        return [[answers[index, n] for n in range(sampling.num_samples)] for index in range(len(prompts))]

    @torch.no_grad()
    def log_likelihoods(
        self, conversations: Sequence[Sequence[Message]], candidates: Sequence[Message], on_done: OnDone = _ignore
    ) -> list[list[float]]:
        """log P(candidate | conversation) in nats, end token included, for every candidate of every conversation."""
        self.model.eval()
        written = [self.chat.answer_ids(answer, conversations[0]) for answer in candidates] if conversations else []
        scores: list[list[float]] = []
        for start in range(0, len(conversations), CONVERSATIONS_AT_ONCE):
            chunk = conversations[start : start + CONVERSATIONS_AT_ONCE]
            prompts = [self.chat.prompt_ids(messages) for messages in chunk]
            rows = [
                _candidate_row(f"{i} {j}", prompt, ids)
                for i, prompt in enumerate(prompts)
                for j, ids in enumerate(written)
            ]
            flat = self._score(rows)
            scores += [flat[i * len(written) : (i + 1) * len(written)] for i in range(len(chunk))]
            on_done(len(chunk))
        return scores

    @torch.no_grad()
    def row_likelihoods(self, rows: Sequence[Rendered], on_done: OnDone = _ignore) -> list[float]:
        """Summed log-likelihood in nats of the supervised tokens of each row."""
        self.model.eval()
        results: list[float] = []
        for start in range(0, len(rows), 64):
            results += self._score(rows[start : start + 64])
            on_done(len(rows[start : start + 64]))
        return results

    def _score(self, rows: Sequence[Rendered]) -> list[float]:
        """Weighted log-likelihood of each row; row ids must differ."""
        scores: dict[str, float] = {}
        for batch in lay_out(rows, MAX_BATCH_TOKENS, share=True, min_shared_tokens=MIN_SHARED_TOKENS):
            on_device = batch.to(str(self.model.device))
            pairs_P = log_likelihood_of_pairs(
                hidden_states(self.model, on_device),
                head_weight(self.model),
                on_device.pair_positions_P,
                on_device.pair_targets_P,
            )
            entries_Q = (pairs_P[on_device.row_pairs_Q] * on_device.row_weights_Q).double()
            totals_R = entries_Q.new_zeros(len(batch.row_ids)).index_add_(0, on_device.row_of_Q, entries_Q)
            scores |= dict(zip(batch.row_ids, totals_R.tolist(), strict=True))
        return [scores[row.id] for row in rows]

    @torch.no_grad()
    def _generate_batch(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], sampling: Sampling
    ) -> list[list[int]]:
        """The tokens written after each prompt, up to its end token or to the room it has."""
        self.model.eval()
        device = self.model.device
        num, width = len(prompts), max(len(ids) for ids in prompts)
        ids_BS = torch.zeros(num, width, dtype=torch.long, device=device)
        seen_BS = torch.zeros(num, width, dtype=torch.bool, device=device)
        for row, ids in enumerate(prompts):
            ids_BS[row, width - len(ids) :] = torch.tensor(ids, device=device)
            seen_BS[row, width - len(ids) :] = True
        positions_BS = (seen_BS.long().cumsum(1) - 1).clamp(min=0)
        mask = seen_BS[:, None, None, :] & torch.ones(width, width, dtype=torch.bool, device=device).tril()
        mask |= torch.eye(width, dtype=torch.bool, device=device)  # padding looks at itself: no row without a key
        generators = [np.random.default_rng(seed) for seed in seeds]
        cache = DynamicCache(config=self.model.config)
        written: list[list[int]] = [[] for _ in prompts]
        # a prompt's room is its own: a longer neighbour takes none of it
        rooms = [min(sampling.max_new_tokens, self._max_tokens - len(ids)) for ids in prompts]
        alive = list(range(num))
        while True:
            logits_BV = self._next_logits(ids_BS, positions_BS, mask, cache)
            chosen = _choose(logits_BV, sampling, [generators[row] for row in alive])
            for row, token in zip(alive, chosen, strict=True):
                written[row].append(token)
            going = [
                i
                for i, (row, token) in enumerate(zip(alive, chosen, strict=True))
                if token not in self.chat.end_ids and len(written[row]) < rooms[row]
            ]
            if not going:
                return written
            if len(going) < len(alive):  # finished rows leave the batch
                kept = torch.tensor(going, device=device)
                cache.batch_select_indices(kept)
                seen_BS, positions_BS = seen_BS[kept], positions_BS[kept]
                alive = [alive[i] for i in going]
            ids_BS = torch.tensor([[chosen[i]] for i in going], device=device)
            seen_BS = torch.cat((seen_BS, seen_BS.new_ones(len(alive), 1)), dim=1)
            positions_BS = positions_BS[:, -1:] + 1
            mask = seen_BS[:, None, None, :]

    def _next_logits(self, ids_BS: Tensor, positions_BS: Tensor, mask: Tensor, cache: DynamicCache) -> Tensor:
        output = self.model.base_model(
            input_ids=ids_BS, position_ids=positions_BS, attention_mask=mask, past_key_values=cache, use_cache=True
        )
        logits: Tensor = (output.last_hidden_state[:, -1] @ head_weight(self.model).T).float()
        return logits

    def _completion(self, ids: list[int], num_prompt_tokens: int) -> Completion:
        ended = bool(ids) and ids[-1] in self.chat.end_ids
        text = self.chat.decode(ids[:-1] if ended else ids)
        message = self.chat.parse(text).message
        return Completion(text, message, num_prompt_tokens, len(ids), "stop" if ended else "length")


def _candidate_row(id: str, prompt: Sequence[int], written: Sequence[int]) -> Rendered:
    weights = np.zeros(len(prompt) + len(written), np.float32)
    weights[len(prompt) :] = 1.0
    return Rendered(id, np.asarray([*prompt, *written], np.int32), weights)


def _seed(prompt: Sequence[int], number: int, seed: int) -> int:
    digest = hashlib.sha256(f"{seed} {number} {list(prompt)}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _choose(logits_BV: Tensor, sampling: Sampling, generators: Sequence[np.random.Generator]) -> list[int]:
    """The next token of each row: the likeliest, or one drawn from the nucleus (Holtzman et al. 2020)."""
    if sampling.temperature == 0.0:
        greedy: list[int] = logits_BV.argmax(1).tolist()
        return greedy
    shares_BV, order_BV = (logits_BV / sampling.temperature).softmax(1).sort(1, descending=True)
    before_BV = shares_BV.cumsum(1) - shares_BV
    shares_BV = shares_BV.masked_fill(before_BV >= sampling.top_p, 0.0)
    drawn = torch.tensor([[generator.random()] for generator in generators], device=logits_BV.device)
    totals_BV = shares_BV.cumsum(1)
    aims = (drawn * totals_BV[:, -1:]).to(totals_BV.dtype)
    places = torch.searchsorted(totals_BV, aims).clamp(max=order_BV.shape[1] - 1)
    chosen: list[int] = order_BV.gather(1, places)[:, 0].tolist()
    return chosen
