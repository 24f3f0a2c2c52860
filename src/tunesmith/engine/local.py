"""Answers and likelihoods from a model in this process.

Generation runs in padded batches with a key/value cache. Candidates are scored as a prefix tree
behind every prompt, read only where the likeliest may lie. Prompts of candidates, and rows, lie on the flat layout.

Shapes: B prompts of a batch, S padded prompt tokens, V vocabulary, C candidates, M nodes of their tree that are read
behind a prompt, U states that something is asked of, Q what is asked, W prompts that wait.
"""

from __future__ import annotations

import sys
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
from tunesmith.engine.candidates import PROMPT, CandidateTree, Reading, Search, reading
from tunesmith.engine.draw import choose, seed_of
from tunesmith.engine.reading import padded_behind, seen_behind
from tunesmith.model.behind import BehindLayout, KeysBehind
from tunesmith.model.head import log_likelihood_of_pairs, log_likelihoods_after
from tunesmith.model.kernels import SeenKeys, is_native
from tunesmith.model.layout import TOKENS_UNIT, MicroBatch, behind, lay_out, round_up
from tunesmith.model.load import head_logits, head_of, hidden_states
from tunesmith.model.virtual import virtual_ids
from tunesmith.records import Completion, Message, Rendered, Sampling

MAX_BATCH_TOKENS: Final = 16384
"""Cached positions of one generation batch."""

ROWS_UNIT: Final = 16
WIDTH_UNIT: Final = 16
"""Batches have numbers of rows and of tokens from a coarse grid: products of a known shape start many times faster."""

OnDone = Callable[[int], None]
OnAnswers = Callable[[int, list[Completion]], None]
"""Told the place of a conversation and all its answers, as soon as they are there."""
OnScores = Callable[[int, list[float]], None]
"""Told the place of a conversation and the likelihoods of its candidates, as soon as they are there."""


def _ignore(done: int) -> None: ...


def _forget(place: int, answer: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """A greedy answer that was written by itself, and how long that took."""

    ids: tuple[int, ...]
    """With the end token, where it came to one."""
    seconds: float


@dataclass(frozen=True, slots=True)
class _Read:
    """Prompts that candidates are scored behind. Their tokens lie flat in the cache, common beginnings once."""

    cache: KeysBehind
    places_BS: Tensor
    """Where in the cache each prompt's tokens lie; what fills up is anywhere."""
    seen_BS: Tensor
    """True where there is a token."""
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
        return self.complete([self.chat.prompt_ids(each) for each in conversations], sampling, on_done, on_answers)

    def complete(
        self,
        begun: Sequence[list[int]],
        sampling: Sampling,
        on_done: OnDone = _ignore,
        on_answers: OnAnswers = _forget,
    ) -> list[list[Completion]]:
        """What `generate` does, from the tokens of each prompt."""
        prompts = [self._virtual_ids + ids for ids in begun]
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
            seeds = [seed_of(prompts[index], number, sampling.seed) for index, number in batch]
            started = time.perf_counter()
            written, first_seconds = self._generate_batch([prompts[index] for index, _ in batch], seeds, sampling)
            seconds = (first_seconds, (time.perf_counter() - started) / len(batch))
            for job, ids in zip(batch, written, strict=True):
                answer(job, ids, seconds)
            on_done(len(batch))
        return [[each for each in found if each] for found in answers]

    def write(self, prompt_ids: Sequence[int], max_new_tokens: int) -> Written:
        """The greedy answer to one prompt, alone in its batch: what is next to it can change no token."""
        prompt, started = [*self._virtual_ids, *prompt_ids], time.perf_counter()
        if len(prompt) >= self._max_tokens:
            return Written((), 0.0)
        ((ids,), _) = self._generate_batch([prompt], [0], Sampling(max_new_tokens=max_new_tokens))
        return Written(tuple(ids), time.perf_counter() - started)

    @torch.no_grad()
    def log_likelihoods(
        self,
        conversations: Sequence[Sequence[Message]],
        candidates: Sequence[Message],
        on_done: OnDone = _ignore,
        on_scores: OnScores = _forget,
    ) -> list[list[float]]:
        """log P(candidate | conversation) in nats, end token included, for every candidate of every conversation.

        Each further token only lowers a likelihood. Candidates whose first tokens leave them together less than
        MAX_LEFT_OUT of the likeliest's probability are not followed to their end: what they have is estimated as
        `Search.likelihoods` says.
        """
        if not conversations:
            return []
        self.model.eval()
        prompts = [self._virtual_ids + self.chat.prompt_ids(messages) for messages in conversations]
        tree = CandidateTree.of([self.chat.answer_ids(answer, conversations[0]) for answer in candidates])
        scores: list[list[float]] = [[] for _ in prompts]
        # longest first, as in `generate`
        waiting = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
        while waiting:
            size = _num_rows(len(prompts[waiting[0]]))
            batch, waiting = waiting[:size], waiting[size:]
            read = self._read([prompts[index] for index in batch])
            for index, row in zip(batch, self._likelihoods(read, tree).tolist(), strict=True):
                scores[index] = row
                on_scores(index, row)
            on_done(len(batch))
        return scores

    def _likelihoods(self, read: _Read, tree: CandidateTree) -> NDArray[np.float64]:
        """(B, C): what the prompts themselves tell, then chain after chain until all that matters is known."""
        num_prompts, search = len(read.last_BD), Search(tree, len(read.last_BD))
        (first_F,) = np.nonzero(tree.edge_nodes_E == PROMPT)
        rows_Q = np.repeat(np.arange(num_prompts), len(first_F))
        edges_Q = np.tile(first_F, num_prompts)
        search.learn(rows_Q, edges_Q, self._edge_logs(read.last_BD, rows_Q, tree.edge_targets_E[edges_Q]))
        while (chosen_BG := search.take_chains()).any():
            num_nodes_B = chosen_BG @ tree.follows_GG @ tree.num_nodes_G
            waiting_W = np.argsort(-num_nodes_B, kind="stable")[: np.count_nonzero(num_nodes_B)]
            while len(waiting_W):
                num_rows = _num_rows(read.seen_BS.shape[1] + int(num_nodes_B[waiting_W[0]]))
                rows_B, waiting_W = waiting_W[:num_rows], waiting_W[num_rows:]
                self._follow(read, search, rows_B, reading(tree, chosen_BG[rows_B]))
        return search.likelihoods()

    def _read(self, prompts: Sequence[list[int]]) -> _Read:
        rows = [
            Rendered(str(row), np.array(ids, np.int32), np.zeros(len(ids), np.float32))
            for row, ids in enumerate(prompts)
        ]
        (batch,) = lay_out(rows, sys.maxsize, share=True)
        cache = DynamicCache()
        hidden_TD = hidden_states(self.model, batch.to(str(self.model.device)), cache)
        width = round_up(max(map(len, prompts)), WIDTH_UNIT)
        places_BS, seen_BS = np.zeros((len(prompts), width), np.int64), np.zeros((len(prompts), width), bool)
        for name, places_T in zip(batch.row_ids, batch.places_R, strict=True):
            places_BS[int(name), : len(places_T)] = places_T
            seen_BS[int(name), : len(places_T)] = True
        last_B = places_BS[np.arange(len(prompts)), seen_BS.sum(1) - 1]
        there_BS, has_BS, end_B = (
            torch.from_numpy(array).to(self.model.device) for array in (places_BS, seen_BS, last_B)
        )
        return _Read(KeysBehind(cache), there_BS, has_BS, hidden_TD[end_B])

    def _follow(self, read: _Read, search: Search, rows_B: NDArray[np.int64], asked: Reading) -> None:
        """Read nodes behind the prompts of these rows, and tell the search what they say."""
        device, num_filler = self.model.device, _coarse(len(asked.ids_T)) - len(asked.ids_T)
        picked_B = torch.from_numpy(rows_B).to(device)
        seen_BS, places_BS = read.seen_BS[picked_B], read.places_BS[picked_B]
        rows_T, depths_T, states_U = (
            torch.from_numpy(array).to(device) for array in (asked.rows_T, asked.depths_T, asked.states_U)
        )
        layout: SeenKeys | BehindLayout
        if is_native(torch.empty(0, dtype=self.model.dtype, device=device)):
            layout = seen_behind(places_BS, seen_BS, read.cache.num_kept, asked, num_filler)
        else:
            layout = padded_behind(places_BS, seen_BS, read.cache.num_kept, asked, self.model.dtype)
        positions_T = seen_BS.sum(1)[rows_T] + depths_T
        hidden_TD = self.model.base_model(
            input_ids=torch.from_numpy(np.pad(asked.ids_T, (0, num_filler)))[None].to(device),
            position_ids=torch.nn.functional.pad(positions_T, (0, num_filler))[None].clamp(max=self._num_positions - 1),
            past_key_values=read.cache,
            use_cache=True,
            layout=layout,
        ).last_hidden_state[0]
        targets_Q = search.tree.edge_targets_E[asked.edges_Q]
        logs_Q = self._edge_logs(hidden_TD[states_U], asked.state_Q, targets_Q)
        search.learn(rows_B[asked.rows_Q], asked.edges_Q, logs_Q)

    def _edge_logs(
        self, states_UD: Tensor, state_Q: NDArray[np.int64], targets_Q: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        logs_Q = log_likelihoods_after(states_UD, head_of(self.model), state_Q, targets_Q)
        found: NDArray[np.float64] = logs_Q.double().cpu().numpy()
        return found

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

    @torch.no_grad()
    def states(self, rows: Sequence[Rendered]) -> Tensor:
        """(Q, D) what each supervised token is predicted from, one row after the other, in the model's own type."""
        self.model.eval()
        numbered = [replace(row, id=str(number)) for number, row in enumerate(rows)]
        found: dict[str, Tensor] = {}
        for batch in lay_out(behind(numbered, self._virtual_ids), MAX_BATCH_TOKENS, share=True):
            there = batch.to(str(self.model.device))
            states_QD = hidden_states(self.model, there)[there.pair_positions_P][there.row_pairs_Q]
            num_R = torch.bincount(batch.row_of_Q, minlength=len(batch.row_ids)).tolist()
            found |= zip(batch.row_ids, torch.split(states_QD, num_R), strict=True)
        return torch.cat([found[row.id] for row in numbered])

    def _entry_logs(self, batch: MicroBatch) -> Tensor:
        """(Q,) log-likelihoods of the supervised tokens of the rows, one row after the other."""
        pairs_P = log_likelihood_of_pairs(
            hidden_states(self.model, batch), head_of(self.model), batch.pair_positions_P, batch.pair_targets_P
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
            logits_BV = head_logits(self.model, hidden_BD).float()
            chosen = choose(logits_BV, sampling, [generators[row] for row in inside])
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


def _coarse(num_tokens: int) -> int:
    """Up to an eighth more, so that buffers have few lengths: products of a known shape start many times faster."""
    return round_up(num_tokens, max(TOKENS_UNIT, (1 << num_tokens.bit_length()) >> 3))


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
