"""Answers and likelihoods from a model in this process.

Generation runs in padded batches with a key/value cache. Candidates are scored as a prefix tree that every prompt of a
batch carries behind itself, and what all prompts begin with is computed once. Rows are scored on the flat layout.

Shapes: B prompts of a batch, S padded prompt tokens, V vocabulary, C candidates, N nodes and E edges of their tree.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, PreTrainedModel

from tunesmith.chat import Chat
from tunesmith.engine.candidates import CandidateTree, stack_trees
from tunesmith.model.head import log_likelihood_of_pairs
from tunesmith.model.layout import MicroBatch, behind, lay_out, round_up
from tunesmith.model.load import head_weight, hidden_states
from tunesmith.model.virtual import virtual_ids
from tunesmith.records import Completion, Message, Rendered, Sampling

MAX_BATCH_TOKENS: Final = 16384
"""Cached positions of one generation batch."""

ROWS_UNIT: Final = 16
WIDTH_UNIT: Final = 16
"""Batches have numbers of rows and of tokens from a coarse grid: products of a known shape start many times faster."""
NUM_BOUNDING_TOKENS: Final = 2
"""First tokens of a candidate that bound its likelihood."""
NUM_LIKELIEST: Final = 8
"""Candidates followed to their end before the others are held against them."""
MAX_LEFT_OUT: Final = 0.01
"""What all candidates that are not followed to their end can have together, as a share of the likeliest."""

OnDone = Callable[[int], None]
OnAnswers = Callable[[int, list[Completion]], None]
"""Told the place of a conversation and all its answers, as soon as they are there."""
OnScores = Callable[[int, list[float]], None]
"""Told the place of a conversation and the likelihoods of its candidates, as soon as they are there."""


def _ignore(done: int) -> None: ...


def _forget(place: int, answer: object) -> None: ...


@dataclass(frozen=True, slots=True)
class _Read:
    """Prompts that candidates are scored behind: what the model has cached of them, left-padded."""

    cache: DynamicCache
    seen_BS: Tensor
    """True where a cached position is a token rather than padding."""
    last_BD: Tensor
    """Hidden states of the last tokens."""


class LocalEngine:
    """Generation and scoring with one model and its chat. Draws from generators of its own: no global state."""

    def __init__(self, model: PreTrainedModel, chat: Chat, max_tokens: int) -> None:
        self.model = model
        self.chat = chat
        self._max_tokens = max_tokens
        self._num_positions = int(model.config.max_position_embeddings)
        self._virtual_ids = list(virtual_ids(model))

    def generate(
        self,
        conversations: Sequence[Sequence[Message]],
        sampling: Sampling,
        on_done: OnDone = _ignore,
        on_answers: OnAnswers = _forget,
    ) -> list[list[Completion]]:
        """`sampling.num_samples` answers to each conversation, in order.

        A sample depends on its conversation, its number and the seed, not on what else is in the batch. A prompt that
        fills the model's positions leaves no room for an answer: that is empty, finished by `length`.
        """
        prompts = [self._virtual_ids + self.chat.prompt_ids(messages) for messages in conversations]
        all_jobs = [(index, number) for index in range(len(prompts)) for number in range(sampling.num_samples)]
        full = [job for job in all_jobs if len(prompts[job[0]]) >= self._max_tokens]
        answers: list[list[Completion | None]] = [[None] * sampling.num_samples for _ in prompts]

        def answer(job: tuple[int, int], ids: list[int], seconds: tuple[float, float]) -> None:
            index, number = job
            told = self._completion(ids, len(prompts[index]))
            answers[index][number] = replace(told, first_token_seconds=seconds[0], seconds=seconds[1])
            if all(answers[index]):
                on_answers(index, [each for each in answers[index] if each])

        for job in full:
            answer(job, [], (0.0, 0.0))
        # longest first: the batch that needs most memory comes first, and neighbours are alike in length
        jobs = sorted(set(all_jobs) - set(full), key=lambda job: (-len(prompts[job[0]]), job))
        on_done(len(full))
        while jobs:
            size = _num_rows(min(len(prompts[jobs[0][0]]) + sampling.max_new_tokens, self._max_tokens))
            batch, jobs = jobs[:size], jobs[size:]
            seeds = [_seed(prompts[index], number, sampling.seed) for index, number in batch]
            started = time.perf_counter()
            written, first_seconds = self._generate_batch([prompts[index] for index, _ in batch], seeds, sampling)
            seconds = (first_seconds, (time.perf_counter() - started) / len(batch))
            for job, ids in zip(batch, written, strict=True):
                answer(job, ids, seconds)
            on_done(len(batch))
        return [[each for each in found if each] for found in answers]

    @torch.no_grad()
    def log_likelihoods(
        self,
        conversations: Sequence[Sequence[Message]],
        candidates: Sequence[Message],
        on_done: OnDone = _ignore,
        on_scores: OnScores = _forget,
    ) -> list[list[float]]:
        """log P(candidate | conversation) in nats, end token included, for every candidate of every conversation.

        Each further token only lowers a likelihood. Candidates whose first tokens alone leave them together less than
        MAX_LEFT_OUT of the likeliest's probability are given the likelihood of those tokens, an upper bound.
        """
        if not conversations:
            return []
        self.model.eval()
        prompts = [self._virtual_ids + self.chat.prompt_ids(messages) for messages in conversations]
        written = [self.chat.answer_ids(answer, conversations[0]) for answer in candidates]
        num_shared = _num_shared(prompts)
        shared = self._cached(prompts[0][:num_shared])
        scores: list[list[float]] = [[] for _ in prompts]
        # longest first, as in `generate`
        waiting = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
        while waiting:
            size = _num_rows(len(prompts[waiting[0]]))
            batch, waiting = waiting[:size], waiting[size:]
            read = self._read([prompts[index][num_shared:] for index in batch], shared)
            for index, row in zip(batch, self._likelihoods(read, written).tolist(), strict=True):
                scores[index] = row
                on_scores(index, row)
            on_done(len(batch))
        return scores

    def _likelihoods(self, read: _Read, written: Sequence[list[int]]) -> NDArray[np.float64]:
        """(B, C): the first tokens of all, then the likeliest to their end, then all that may still be likelier."""
        num_prompts = len(read.seen_BS)
        beginnings = CandidateTree.of([ids[:NUM_BOUNDING_TOKENS] for ids in written])
        scores_BC = np.array(self._score_trees(read, list(range(num_prompts)), [beginnings] * num_prompts))
        is_whole_BC = np.tile([len(ids) <= NUM_BOUNDING_TOKENS for ids in written], (num_prompts, 1))
        for num, max_left_out in ((NUM_LIKELIEST, 0.0), (len(written), MAX_LEFT_OUT)):
            rows: list[int] = []
            groups: list[NDArray[np.int64]] = []
            for row in range(num_prompts):
                chosen = _worth_following(scores_BC[row], is_whole_BC[row], max_left_out)[:num]
                # what begins alike stands together; the square of a small tree's width costs little
                parts = np.array_split(np.sort(chosen), math.ceil(len(chosen) / NUM_LIKELIEST) or 1)
                groups += [part for part in parts if len(part)]
                rows += [row] * (len(groups) - len(rows))
            trees = [CandidateTree.of([written[candidate] for candidate in group]) for group in groups]
            for row, group, found in zip(rows, groups, self._score_trees(read, rows, trees), strict=True):
                scores_BC[row, group] = found
                is_whole_BC[row, group] = True
        return scores_BC

    def _read(self, prompts: Sequence[list[int]], shared: DynamicCache) -> _Read:
        """The prompts behind what all of them begin with."""
        num_shared = shared.get_seq_length()
        ids_BS, seen_BS = _left_padded(prompts, self.model.device)
        cache = self._picked(shared, [0] * len(prompts))
        mask = _prompt_mask(seen_BS)
        mask = torch.cat((mask.new_ones(*mask.shape[:3], num_shared), mask), dim=3)
        hidden_BSD = self._hidden(ids_BS, num_shared + _positions(seen_BS), mask, cache)
        return _Read(cache, torch.cat((seen_BS.new_ones(len(prompts), num_shared), seen_BS), dim=1), hidden_BSD[:, -1])

    def _score_trees(self, read: _Read, rows: Sequence[int], trees: Sequence[CandidateTree]) -> list[list[float]]:
        """Log-likelihoods of the candidates of each tree behind the prompt of its row."""
        scores: dict[int, list[float]] = {}
        waiting = sorted(range(len(trees)), key=lambda index: -trees[index].num_nodes)
        while waiting:
            size = _num_rows(read.seen_BS.shape[1] + trees[waiting[0]].num_nodes)
            batch, waiting = waiting[:size], waiting[size:]
            found = self._score_batch(read, [rows[index] for index in batch], [trees[index] for index in batch])
            scores |= zip(batch, found, strict=True)
        return [scores[index] for index in range(len(trees))]

    def _score_batch(self, read: _Read, rows: list[int], trees: Sequence[CandidateTree]) -> list[list[float]]:
        device = self.model.device
        ids_BN, depths_BN, sees_BNN = (torch.from_numpy(array).to(device) for array in stack_trees(trees))
        num_nodes = ids_BN.shape[1]
        hidden_BSD = read.last_BD[rows, None]
        if num_nodes:
            seen_BS = read.seen_BS[rows]
            mask = torch.cat((seen_BS[:, None, :].expand(-1, num_nodes, -1), sees_BNN), dim=2)[:, None]
            positions_BN = seen_BS.sum(1, keepdim=True) + depths_BN
            hidden_BND = self._hidden(ids_BN, positions_BN, mask, self._picked(read.cache, rows))
            hidden_BSD = torch.cat((hidden_BSD, hidden_BND), dim=1)
        starts = [row * (1 + num_nodes) + tree.edge_nodes_E for row, tree in enumerate(trees)]
        logs = log_likelihood_of_pairs(
            hidden_BSD.flatten(0, 1),
            head_weight(self.model),
            torch.from_numpy(np.concatenate(starts)).to(device),
            torch.from_numpy(np.concatenate([tree.edge_targets_E for tree in trees])).to(device),
        )
        stops = np.cumsum([len(tree.edge_targets_E) for tree in trees])[:-1]
        pieces = np.split(logs.double().cpu().numpy(), stops)
        return [tree.sums(piece) for tree, piece in zip(trees, pieces, strict=True)]

    def _picked(self, cache: DynamicCache, rows: list[int]) -> DynamicCache:
        """These rows of a cache, to be written behind without changing it."""
        picked = DynamicCache(config=self.model.config)
        if cache.get_seq_length():
            for number, layer in enumerate(cache.layers):
                picked.update(layer.keys[rows], layer.values[rows], number)
        return picked

    def _cached(self, ids: list[int]) -> DynamicCache:
        """Keys and values of these tokens, once."""
        cache = DynamicCache(config=self.model.config)
        if ids:
            self.model.base_model(
                input_ids=torch.tensor([ids], device=self.model.device), past_key_values=cache, use_cache=True
            )
        return cache

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
        for batch in lay_out(behind(rows, self._virtual_ids), MAX_BATCH_TOKENS, share=True):
            on_device = batch.to(str(self.model.device))
            entries_Q = (self._entry_logs(on_device) * on_device.row_weights_Q).double()
            totals_R = entries_Q.new_zeros(len(batch.row_ids)).index_add_(0, on_device.row_of_Q, entries_Q)
            scores |= dict(zip(batch.row_ids, totals_R.tolist(), strict=True))
        return [scores[row.id] for row in rows]

    @torch.no_grad()
    def token_likelihoods(self, rows: Sequence[Rendered]) -> list[NDArray[np.float32]]:
        """(T,) of each row: log-likelihood in nats of its supervised tokens, each at its place, 0 at all others."""
        self.model.eval()
        logs_R = [np.zeros(len(row.ids_T), np.float32) for row in rows]
        numbered = [replace(row, id=str(number)) for number, row in enumerate(rows)]
        for batch in lay_out(behind(numbered, self._virtual_ids), MAX_BATCH_TOKENS, share=True):
            entries_Q = self._entry_logs(batch.to(str(self.model.device))).cpu().numpy()
            ends = np.cumsum(np.bincount(batch.row_of_Q.numpy(), minlength=len(batch.row_ids)))
            for name, entries in zip(batch.row_ids, np.split(entries_Q, ends[:-1]), strict=True):
                logs_R[int(name)][1:][rows[int(name)].weights_T[1:] != 0] = entries
        return logs_R

    def _entry_logs(self, batch: MicroBatch) -> Tensor:
        """(Q,) log-likelihoods of the supervised tokens of the rows, one row after the other."""
        pairs_P = log_likelihood_of_pairs(
            hidden_states(self.model, batch), head_weight(self.model), batch.pair_positions_P, batch.pair_targets_P
        )
        return pairs_P[batch.row_pairs_Q]

    @torch.no_grad()
    def _generate_batch(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], sampling: Sampling
    ) -> tuple[list[list[int]], float]:
        """The tokens written after each prompt, up to its end token or its room, and seconds to the first ones."""
        started, first_seconds = time.perf_counter(), 0.0
        self.model.eval()
        device = self.model.device
        ids_BS, seen_BS = _left_padded(prompts, device)
        positions_BS, mask = _positions(seen_BS), _prompt_mask(seen_BS)
        generators = [np.random.default_rng(seed) for seed in seeds]
        cache = DynamicCache(config=self.model.config)
        written: list[list[int]] = [[] for _ in prompts]
        # a prompt's room is its own: a longer neighbour takes none of it
        rooms = [min(sampling.max_new_tokens, self._max_tokens - len(ids)) for ids in prompts]
        writing = set(range(len(prompts)))
        inside = list(range(len(prompts)))
        while True:
            hidden_BD = self._hidden(ids_BS, positions_BS, mask, cache)[:, -1]
            logits_BV = (hidden_BD @ head_weight(self.model).T).float()
            chosen = _choose(logits_BV, sampling, [generators[row] for row in inside])
            first_seconds = first_seconds or time.perf_counter() - started
            for row, token in zip(inside, chosen, strict=True):
                if row in writing:
                    written[row].append(token)
                    if token in self.chat.end_ids or len(written[row]) == rooms[row]:
                        writing.remove(row)
            if not writing:
                return written, first_seconds
            # rarely, since every new number of rows is a new shape of all products
            if len(writing) <= len(inside) // 2:
                kept = [place for place, row in enumerate(inside) if row in writing]
                inside, chosen = [inside[place] for place in kept], [chosen[place] for place in kept]
                kept_B = torch.tensor(kept, device=device)
                cache.batch_select_indices(kept_B)
                seen_BS, positions_BS = seen_BS[kept_B], positions_BS[kept_B]
            ids_BS = torch.tensor(chosen, device=device)[:, None]
            seen_BS = torch.cat((seen_BS, seen_BS.new_ones(len(inside), 1)), dim=1)
            positions_BS = positions_BS[:, -1:] + 1
            mask = seen_BS[:, None, None, :]

    def _hidden(self, ids_BS: Tensor, positions_BS: Tensor, mask: Tensor, cache: DynamicCache) -> Tensor:
        """(B, S, D); `mask` is (B, 1, S, cached + S), true where a query may look."""
        bias = torch.zeros(mask.shape, dtype=self.model.dtype, device=mask.device).masked_fill_(~mask, -torch.inf)
        # a row that is done stays for a while beside those that write on, and learned positions come to an end
        positions_BS = positions_BS.clamp(max=self._num_positions - 1)
        hidden_BSD: Tensor = self.model.base_model(
            input_ids=ids_BS, position_ids=positions_BS, attention_mask=bias, past_key_values=cache, use_cache=True
        ).last_hidden_state
        return hidden_BSD

    def _completion(self, ids: list[int], num_prompt_tokens: int) -> Completion:
        ended = bool(ids) and ids[-1] in self.chat.end_ids
        text = self.chat.decode(ids[:-1] if ended else ids)
        message = self.chat.parse(text).message
        num_prompt_tokens -= len(self._virtual_ids)
        return Completion(text, message, num_prompt_tokens, len(ids), "stop" if ended else "length")


def _num_rows(num_tokens: int) -> int:
    """Rows of so many tokens that fill a batch, in whole ROWS_UNITs where they are many."""
    num_rows = max(1, MAX_BATCH_TOKENS // num_tokens)
    return num_rows - num_rows % ROWS_UNIT if num_rows > ROWS_UNIT else num_rows


def _num_shared(prompts: Sequence[list[int]]) -> int:
    """Tokens that all prompts begin with, at least one of each left over."""
    first, last = min(prompts), max(prompts)
    longest = min(len(first), len(last), *(len(prompt) for prompt in prompts)) - 1
    return next((place for place in range(longest) if first[place] != last[place]), longest)


def _worth_following(
    scores_C: NDArray[np.float64], is_whole_C: NDArray[np.bool_], max_left_out: float
) -> NDArray[np.int64]:
    """Unfinished candidates, likeliest first, without those that together stay below a share of the best whole one."""
    (open_O,) = np.nonzero(~is_whole_C)
    upwards_O = open_O[np.argsort(scores_C[open_O], kind="stable")]
    best = scores_C[is_whole_C].max(initial=-np.inf)
    with np.errstate(over="ignore"):
        mass_O = np.cumsum(np.exp(scores_C[upwards_O] - best)) if np.isfinite(best) else np.full(len(open_O), np.inf)
    return upwards_O[mass_O > max_left_out][::-1]


def _left_padded(prompts: Sequence[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """(B, S) tokens, and where they are tokens rather than padding."""
    width = round_up(max(len(ids) for ids in prompts), WIDTH_UNIT)
    ids_BS = torch.zeros(len(prompts), width, dtype=torch.long)
    seen_BS = torch.zeros(len(prompts), width, dtype=torch.bool)
    for row, ids in enumerate(prompts):
        ids_BS[row, width - len(ids) :] = torch.tensor(ids)
        seen_BS[row, width - len(ids) :] = True
    return ids_BS.to(device), seen_BS.to(device)


def _positions(seen_BS: Tensor) -> Tensor:
    return (seen_BS.long().cumsum(1) - 1).clamp(min=0)


def _prompt_mask(seen_BS: Tensor) -> Tensor:
    """(B, 1, S, S): causal among the tokens; padding looks at itself, so that no row is without a key."""
    width = seen_BS.shape[1]
    mask = seen_BS[:, None, None, :] & torch.ones(width, width, dtype=torch.bool, device=seen_BS.device).tril()
    return mask | torch.eye(width, dtype=torch.bool, device=seen_BS.device)


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
